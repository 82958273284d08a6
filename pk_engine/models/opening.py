"""The tensors of a model under the names that its family expects, as floats."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from headgraph.base.files.documents import shown
from headgraph.base.spelling import argument
from headgraph.base.text import short
from headgraph.pk_engine.errors import ModelError
from headgraph.pk_engine.models.checkpoint.adapter import Adapted, Adapter
from headgraph.pk_engine.models.checkpoint.adapter_settings import AdapterFolder
from headgraph.pk_engine.models.checkpoint.fp8 import Dequantised
from headgraph.pk_engine.models.checkpoint.gguf_file import GgufFile, is_gguf
from headgraph.pk_engine.models.checkpoint.packed import refuse_packed
from headgraph.pk_engine.models.checkpoint.refusals import refuse_adapter_tensors
from headgraph.pk_engine.models.checkpoint.renamed import renamed
from headgraph.pk_engine.models.checkpoint.tensor_files import TensorFiles
from headgraph.pk_engine.models.checkpoint.tensors import Tensors
from headgraph.pk_engine.models.families.family import Family


def open_tensors(
    folder: Path,
    family: Family,
    config: Mapping[str, Any],
    prefixes: Sequence[str],
    *,
    variant: str | None = None,
    adapter: AdapterFolder | None = None,
) -> Tensors:
    """The tensors of a folder, with prefixes of training tools removed and FP8 dequantised.

    Args:
        folder: of the model; or a GGUF file.
        family: before the variants that depend on tensors apply.
        config: its configuration.
        prefixes: those that the names of its tensors may have.
        variant: such as fp16, for model.fp16.safetensors.
        adapter: a LoRA adapter to merge in.

    Raises:
        ModelError: there are no weights, or two sets of them; or the adapter is of another kind.
        WeightsError: they are an adapter's, packed, damaged, or under two prefixes.
    """
    if is_gguf(folder):
        if variant is not None:
            raise ModelError(
                f"{argument('variant', short(variant))} chooses among the weights of a folder, and "
                f"{shown(folder)} is one GGUF file: leave it out"
            )
        return GgufFile(folder)
    files: Tensors = TensorFiles(folder, variant)
    refuse_adapter_tensors(files)
    names = family.tensor_names()
    config = family.flat(config)
    modules = _modules(names)
    refuse_packed(files, modules, config)
    files = renamed(files, prefixes, modules)
    settings = config.get("quantization_config")
    files = Dequantised(files, settings if isinstance(settings, dict) else {})
    if adapter is None:
        return files
    return Adapted(files, Adapter(adapter), prefixes, modules)


def _modules(names: list[str]) -> re.Pattern[str]:
    """Matches the ends of the names of these tensors' modules."""
    stems = dict.fromkeys(name.removesuffix(".weight") for name in names)
    layers = (re.sub(r"\\{\w+\\}", r"\\d+", re.escape(stem)) for stem in stems)
    return re.compile(rf"(?:^|\.)(?P<module>{'|'.join(layers)})$")

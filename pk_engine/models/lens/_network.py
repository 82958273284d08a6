"""The network of a folder, built by transformers and wrapped by TransformerLens.

`TransformerBridge.boot_transformers` is not used: it silently leaves missing tensors random, needs
a tokenizer, and installs packages for models with images. This module takes the same steps and
reads the missing tensors from the loader's report.
"""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from headgraph.base.files.documents import shown
from headgraph.base.spelling import argument
from headgraph.base.text import listed, quoted, short
from headgraph.pk_engine.errors import ModelError, UnknownFamily, WeightsError
from headgraph.pk_engine.models.checkpoint.refusals import refuse_adapter, refuse_adapter_tensors
from headgraph.pk_engine.models.checkpoint.tensor_files import TensorFiles
from headgraph.pk_engine.models.lens.weights import first_line

_ROW = re.compile(r"^(?P<name>\S+)\s*\|\s*(?:MISMATCH|CONVERSION)\s*\|(?P<text>.*)$", re.MULTILINE)
"""A tensor that does not fit, in the report that transformers logs."""
_SIZES = re.compile(r"ckpt: torch\.Size\(\[(.*?)\]\) vs model: ?torch\.Size\(\[(.*?)\]\)")
_CAUSE = re.compile(r"^\w*(?:Error|Exception): (.+)$", re.MULTILINE)


def network_bridge(folder: Path, name: str, config: dict[str, Any], dtype: str) -> Any:
    """A bridge over the network that config.json names, with the folder's weights.

    Raises:
        ModelError: an architecture that transformers or TransformerLens does not know or cannot
            load, or one that needs code of the checkpoint's own.
        WeightsError: the folder lacks tensors that the network has, or holds an adapter's.
    """
    import torch
    from transformer_lens.model_bridge.sources import build_bridge_from_module

    refuse_adapter(folder)
    refuse_adapter_tensors(TensorFiles(folder))  # transformers ignores them

    with _quiet() as reports:
        architecture, settings = _architecture(folder, config)
        network = _network(folder, architecture, settings, getattr(torch, dtype), reports)
        try:
            return build_bridge_from_module(
                network, architecture, hf_config=network.config, model_name=name
            )
        except Exception as error:  # an architecture adapter can raise anything
            raise ModelError(
                f"TransformerLens cannot wrap the {architecture} in {shown(folder)}: "
                f"{first_line(error)}"
            ) from error


def _architecture(folder: Path, config: dict[str, Any]) -> tuple[str, Any]:
    """(TransformerLens's name of the architecture, configuration for transformers) of a folder."""
    from transformer_lens.model_bridge.sources.transformers import (
        determine_architecture_from_hf_config,
    )
    from transformers import AutoConfig

    kind, named = config.get("model_type"), config.get("architectures")
    if not isinstance(kind, str | None):
        raise UnknownFamily(
            f"config.json has model_type {quoted(kind)}: expected a text such as 'gpt2'"
        )
    first = named[0] if isinstance(named, list) and named else "?"
    what = f"{quoted(kind, 40)} ({short(first, 40)})"
    try:
        settings = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    except Exception as error:
        if "auto_map" in config:
            raise ModelError(
                f"the model in {shown(folder)} needs Python code that comes with it (auto_map in "
                f"config.json) because transformers has no {what}, and such code is never run"
            ) from None
        raise ModelError(
            f"transformers cannot use {shown(folder / 'config.json')}, a {what}: "
            f"{first_line(error)}"
        ) from error
    try:
        return determine_architecture_from_hf_config(settings), settings
    except ValueError:
        raise ModelError(
            f"TransformerLens has no architecture {what}, which config.json in "
            f"{shown(folder)} names"
        ) from None


def _network(folder: Path, architecture: str, settings: Any, dtype: Any, reports: list[str]) -> Any:
    from transformer_lens.model_bridge.sources.transformers import (
        get_hf_model_class_for_architecture,
    )

    try:
        network, report = get_hf_model_class_for_architecture(architecture).from_pretrained(
            folder,
            config=settings,
            dtype=dtype,
            attn_implementation="eager",
            trust_remote_code=False,
            output_loading_info=True,
        )
    except Exception as error:
        # of tensors that do not fit, the error only says that a report above has them
        said = reported("\n".join(reports)) or first_line(error)
        raise ModelError(
            f"transformers cannot load the {architecture} in {shown(folder)}: {said}"
        ) from error
    if missing := sorted(report["missing_keys"]):
        raise WeightsError(
            f"the weights in {shown(folder)} lack {len(missing)} tensors of the "
            f"{architecture}, which would be random: {listed(missing, 2)}; attention weights "
            f"alone are read without {argument('via')}"
        )
    return network


def reported(report: str) -> str:
    """The first tensor that does not fit, from a report of transformers; empty if there is none."""
    rows = list(_ROW.finditer(report))
    if not rows:
        return ""
    first, more = rows[0], f" and {len(rows) - 1:,} more" if rows[1:] else ""
    if sizes := _SIZES.search(first["text"]):
        why = f"has the shape ({sizes[1]}), expected ({sizes[2]})"
    else:
        cause = _CAUSE.search(report, first.end())
        why = f"cannot be converted ({short(cause[1] if cause else first['text'], 80)})"
    return f"{short(first['name'], 80)}{more} {why}"


class _Collected(logging.Handler):
    """Keeps what is logged."""

    def __init__(self, texts: list[str]) -> None:
        super().__init__()
        self._texts = texts

    def emit(self, record: logging.LogRecord) -> None:
        self._texts.append(record.getMessage())


@contextmanager
def _quiet() -> Iterator[list[str]]:
    """Silence progress bars and collect the reports of transformers; errors state what matters."""
    from transformers.utils import logging as theirs

    texts: list[str] = []
    logger, bars = logging.getLogger("transformers"), theirs.is_progress_bar_enabled()
    before = logger.level, logger.propagate, logger.handlers[:]
    logger.propagate, logger.handlers[:] = False, [_Collected(texts)]
    logger.setLevel(logging.WARNING)
    theirs.disable_progress_bar()
    try:
        yield texts
    finally:
        level, logger.propagate, logger.handlers[:] = before
        logger.setLevel(level)
        if bars:
            theirs.enable_progress_bar()

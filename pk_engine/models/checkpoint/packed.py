"""Matrices packed into integers by a quantiser, which are refused by the name of the scheme."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from headgraph.base.text import quoted, short
from headgraph.pk_engine.errors import WeightsError
from headgraph.pk_engine.models.checkpoint.tensor_files import FLOATS, Stored
from headgraph.pk_engine.models.checkpoint.tensors import Tensors

SETTINGS = ("quantization_config", "compression_config", "quantization", "load_in_4bit")
"""Keys of config.json that a quantiser leaves."""
_ORIGINAL = "take the model that it was made from"
_DEQUANTIZE = "load it with transformers, call model.dequantize() and save it"


@dataclass(frozen=True)
class Scheme:
    """A way to pack matrices.

    Attributes:
        name: as people call it.
        instead: what to do.
        endings: what follows the name of a module in the names of its tensors; all must be there.
    """

    name: str
    instead: str
    endings: tuple[str, ...]


SCHEMES = (
    Scheme("FP-Quant", _ORIGINAL, (".qweight", ".forward_hadamard_matrix")),
    Scheme("GPTQ", _ORIGINAL, (".qweight", ".g_idx")),
    Scheme("AWQ", _ORIGINAL, (".qweight", ".qzeros")),
    Scheme("GPTQ or AWQ", _ORIGINAL, (".qweight",)),
    Scheme("bitsandbytes, 4 bits", _DEQUANTIZE, (".weight.absmax",)),
    Scheme("bitsandbytes, 4 bits", _DEQUANTIZE, (".weight.quant_map",)),
    Scheme("bitsandbytes, 8 bits", _DEQUANTIZE, (".SCB",)),
    Scheme("NVFP4", _ORIGINAL, (".weight_packed", ".weight_global_scale")),
    Scheme("NVFP4", _ORIGINAL, (".weight_scale_2",)),
    Scheme("compressed-tensors", _ORIGINAL, (".weight_packed",)),
    Scheme("HIGGS", _DEQUANTIZE, (".weight", ".scales", ".tables")),
    Scheme("Metal kernels of transformers", _ORIGINAL, (".scales", ".qbiases")),
    Scheme("MLX", "mlx_lm.convert can dequantize it", (".scales", ".biases")),
    Scheme("MLX", "mlx_lm.convert can dequantize it", (".weight", ".scales")),
    Scheme("MXFP4", _ORIGINAL, (".weight_blocks", ".weight_scales")),
    Scheme("HQQ or SINQ", _ORIGINAL, (".W_q",)),
    Scheme("quanto", _ORIGINAL, (".weight._scale",)),
    Scheme("torchao", _ORIGINAL, ("._weight_qdata",)),
    Scheme("ExLlamaV2", _ORIGINAL, (".q_weight",)),
    Scheme("ExLlamaV3", _ORIGINAL, (".trellis",)),
    Scheme("QuIP#", _ORIGINAL, (".Qidxs",)),
    Scheme("VPTQ", _ORIGINAL, (".indices",)),
    Scheme("SpQR", _ORIGINAL, (".dense_weights",)),
    Scheme("AQLM", _ORIGINAL, (".codes", ".codebooks")),
    Scheme("compressed-tensors or Quark", _ORIGINAL, (".weight_zero_point",)),
    Scheme("integers with a scale", _ORIGINAL, (".weight_scale",)),
    Scheme("EETQ", _ORIGINAL, (".weight_scales",)),
)
"""The most specific first."""
_ALIKE = ("GPTQ", "AWQ", "GPTQ or AWQ")
"""Schemes whose tensors have the same names; config.json tells them apart."""


def refuse_packed(files: Tensors, modules: re.Pattern[str], config: Mapping[str, Any]) -> None:
    """Refuse packed attention matrices by the names of their parts, before names are looked up.

    Args:
        files: the tensors.
        modules: matches the ends of the names of attention modules.
        config: config.json, for the name of a scheme that the tensors do not tell.

    Raises:
        WeightsError: a matrix is packed; the message names the scheme.
    """
    for name in files:
        module, ending = _parted(name)
        if ending in _TELLING and modules.search(module) and (scheme := _scheme(files, module)):
            raise _refusal(name, scheme, config)


def refuse_packed_kind(
    files: Tensors, name: str, stored: Stored, config: Mapping[str, Any]
) -> None:
    """Refuse a matrix whose numbers are no floats, if a scheme of packing explains it.

    Raises:
        WeightsError: the message names the scheme.
    """
    if stored.kind not in FLOATS:
        scheme = None if stored.kind[0] == "F" else _scheme(files, name.removesuffix(".weight"))
        method = _method(config)
        if scheme or method:
            raise _refusal(name, scheme or Scheme(method, _ORIGINAL, ()), config, stored.kind)


def leftover(config: Mapping[str, Any]) -> str | None:
    """The setting that a quantiser left in config.json, with its method; None without one."""
    key = next((key for key in SETTINGS if config.get(key)), None)
    method = _method(config)
    return f"{key} ({method})" if key and method else key


_TELLING = {ending for scheme in SCHEMES for ending in scheme.endings if ending != ".weight"} - {
    ".weight_scale", ".scales", ".biases",
}  # fmt: skip
"""Endings that floats and FP8 do not have."""


def _parted(name: str) -> tuple[str, str]:
    """(module, ending) of a tensor's name."""
    for ending in (".weight.absmax", ".weight.quant_map", ".weight._scale"):
        if name.endswith(ending):
            return name.removesuffix(ending), ending
    module, dot, last = name.rpartition(".")
    return module, dot + last


def _scheme(files: Tensors, module: str) -> Scheme | None:
    return next((scheme for scheme in SCHEMES
                 if all(module + ending in files for ending in scheme.endings)), None)  # fmt: skip


def _method(config: Mapping[str, Any]) -> str:
    """quant_method of config.json, or what stands in its place."""
    for key in SETTINGS:
        settings = config.get(key)
        if isinstance(settings, Mapping):
            found = settings.get("quant_method") or settings.get("quant_algo")
            return short(found, 40) if isinstance(found, str) else ""
    return ""


def _refusal(name: str, scheme: Scheme, config: Mapping[str, Any], kind: str = "") -> WeightsError:
    method = _method(config)
    by = method.upper() if method.upper() in _ALIKE and scheme.name in _ALIKE else scheme.name
    if method and method.upper() not in by.upper():
        by = f"{by} ({method})"
    stored = f" is {kind}" if kind else ""
    return WeightsError(
        f"the attention matrices are quantised ({by}; {quoted(name, 70)}{stored}): expected "
        f"floats, or FP8 with scales; {scheme.instead}"
    )

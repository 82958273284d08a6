"""Attention matrices of a TransformerLens model in memory: the second source beside files.

Matrices are scored as they are. A bridge boots with the matrices of the checkpoint, which
`enable_compatibility_mode` or `process_weights` may change. TransformerLens records that it
processed them but not how, so this module detects folding and centring in the matrices.

This module does not import torch: a bridge implies that it is imported already.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headgraph.base.names import ROLES
from headgraph.base.text import quoted, short
from headgraph.pk_engine.errors import ModelError
from headgraph.pk_engine.linalg.buffers import Buffers
from headgraph.pk_engine.models.checkpoint.packed import SETTINGS
from headgraph.pk_engine.models.config import Refusals
from headgraph.pk_engine.models.families.catalogue import common_refusals
from headgraph.pk_engine.models.interface import Layer, LensModel
from headgraph.pk_engine.models.shape import ModelShape
from headgraph.pk_engine.models.weights import check_finite

_CENTRED = 0.01
"""|1^T W| / |W| is about 1 without centring, 1e-7 after centring, and 2e-3 after centring and
rounding to bfloat16."""


@dataclass(frozen=True)
class Lens:
    """TransformerLens in the place of a family file."""

    name: str = "transformer-lens"


class BridgeWeights:
    """The attention matrices of a TransformerLens model in memory.

    Args:
        model: a TransformerBridge, or an object with its `cfg` and `blocks_with`.
        name: the name in a table; by default the folder's name or hub id that it was booted from.
        revision: as the table records it.
        raw: each layer before TransformerLens processed the weights, where that was kept.
        folder: the files of the model, where they determine it. An interrupted job can then go on
            (`pk_engine.scoring.resume`).

    Attributes:
        name, revision, shape, folder: as in `pk_engine.models.weights.ModelWeights`.
        fold_ln, center_writing: whether the matrices are folded and centred.
        family: named `transformer-lens`.
        origin: empty.

    Raises:
        ModelError: the object is no bridge, layers lack attention, heads are unequal, or the
            architecture has no matrix for each head.
    """

    def __init__(
        self,
        model: LensModel,
        *,
        name: str | None = None,
        revision: str | None = None,
        raw: Sequence[Layer] | None = None,
        folder: Path | None = None,
    ) -> None:
        if not callable(getattr(model, "blocks_with", None)):
            raise ModelError(
                f"a {type(model).__name__} cannot be scored: expected a folder, a hub id, or a "
                "TransformerBridge of TransformerLens 4.3 or later"
            )
        self.name, self.revision, self._raw = name or _name_of(model), revision, raw
        self.family, self.folder = Lens(), folder
        self.origin: dict[str, str] = {}
        check_settings(_settings_of(model))
        self._blocks = _blocks_of(model, self.name)
        self.shape = self._find_shape()
        self.fold_ln, self.center_writing = _processing(model, self._blocks)

    def __repr__(self) -> str:
        return f"BridgeWeights({self.name!r}, {self.shape})"

    def raw_layer(self, layer: int, buffers: Buffers | None = None) -> Layer:
        """One layer's unprocessed matrices: role -> heads x d_model x d_head, float32, contiguous.

        They are views of the model's own memory where possible; `buffers` are not used.

        Raises:
            WeightsError: a matrix holds NaN or Inf.
        """
        return self._read(layer) if self._raw is None else self._raw[layer]

    def processed(self, layer: int, raw: Layer) -> Layer:
        """The matrices to score: those in memory, equal to `raw` unless that was kept."""
        return raw if self._raw is None else self._read(layer)

    def layer(self, layer: int) -> Layer:
        """One layer's matrices in memory."""
        return self._read(layer)

    def _read(self, layer: int) -> Layer:
        found = {}
        for role in ROLES:
            matrix = _to_float32(self._tensor(layer, role))
            found[role] = np.ascontiguousarray(matrix.swapaxes(1, 2) if role == "O" else matrix)
            check_finite(found[role], f"L{layer}", role)
        return found

    def _tensor(self, layer: int, role: str) -> Any:
        try:
            return getattr(self._blocks[layer].attn, f"W_{role}")
        except (AttributeError, NotImplementedError, RuntimeError, ValueError) as error:
            raise ModelError(
                f"TransformerLens gives no W_{role} of layer {layer} of {self.name}, expected a "
                f"matrix for each head: {first_line(error)}"
            ) from error

    def _find_shape(self) -> ModelShape:
        shapes = [
            {role: tuple(self._tensor(layer, role).shape) for role in ROLES}
            for layer in range(len(self._blocks))
        ]
        for layer, found in enumerate(shapes):
            if found != shapes[0]:
                raise ModelError(
                    f"layers 0 and {layer} of {self.name} have heads of unequal number or size "
                    f"({shapes[0]}, {found}), which is not handled"
                )
        heads, width, size = shapes[0]["Q"]
        shared = shapes[0]["K"][0]
        wanted = dict.fromkeys("KV", (shared, width, size)) | {"O": (heads, size, width)}
        if {**shapes[0], **wanted} != shapes[0] or heads % shared:
            raise ModelError(
                f"TransformerLens gives matrices of shapes {shapes[0]} for {self.name}: expected "
                "heads of one size, and key/value heads that the query heads share evenly"
            )
        return ModelShape(len(shapes), heads, shared, width, size)


def of_bridge(
    model: LensModel,
    revision: str | None = None,
    *,
    fold_ln: bool = False,
    center_writing: bool = False,
) -> BridgeWeights:
    """The weights of a bridge in memory, which is left unchanged.

    Raises:
        ModelError: as in `BridgeWeights`; or a revision, folding or centring was requested.
    """
    weights = BridgeWeights(model)
    if revision is not None:
        raise ModelError(
            f"{weights.name} is in memory and has no revision {quoted(revision)}: leave it out"
        )
    for option, call, asked, done in (
        ("fold_ln", "fold_ln", fold_ln, weights.fold_ln),
        ("center_writing", "center_writing_weights", center_writing, weights.center_writing),
    ):
        if asked and done:
            raise ModelError(
                f"{option}: TransformerLens did this to the weights of {weights.name} already: "
                "leave it out, the table records it"
            )
        if asked:
            raise ModelError(
                f"{option}: {weights.name} is in memory and scored as it is: leave it out, and "
                f"call bridge.process_weights({call}=True, ...) first"
            )
    return weights


def check_settings(settings: dict[str, Any]) -> None:
    """Refuse what no family supports: layers without heads, shared or quantised matrices.

    Raises:
        ModelError: the configuration has such a setting; the message names its key.
    """
    inner = settings.get("text_config")
    settings = {**settings, **(inner if isinstance(inner, dict) else {})}
    quantised = "a quantised model in memory has no matrices of floats"
    Refusals(dict.fromkeys(SETTINGS, quantised)).check(settings, Lens().name)
    common_refusals().check(settings, Lens().name)


def first_line(error: BaseException) -> str:
    """The first line of another library's error."""
    return short(str(error).strip().partition("\n")[0], 80) or type(error).__name__


def _processing(model: LensModel, blocks: Sequence[Any]) -> tuple[bool, bool]:
    """(whether norms are folded into Q, K and V, whether O is centred), by the matrices."""
    if getattr(model, "_weights_processed", None) is False:
        return False, False
    layered = str(getattr(model.cfg, "normalization_type", None)).startswith("LN")
    folded = all(_folded(block, layered) for block in blocks)
    return folded, all(_centred(_to_float32(block.attn.W_O), -1) for block in blocks)


def _folded(block: Any, layered: bool) -> bool:
    """Whether folding the norm again would change nothing: no scale, no mean to subtract."""
    norm = getattr(block, "ln1", None)
    scale = getattr(norm, "weight", None)
    # where a model stores the scale minus 1, it is all zeros
    same = scale is None or any((_to_float32(scale) == one).all() for one in (1, 0))
    reads = (block.attn.W_Q, block.attn.W_K, block.attn.W_V)
    return (
        norm is not None
        and same
        and (not layered or all(_centred(_to_float32(w), 1) for w in reads))
    )


def _centred(matrix: NDArray[np.float32], axis: int) -> bool:
    size = float(np.linalg.norm(matrix))
    return float(np.linalg.norm(matrix.sum(axis=axis))) <= _CENTRED * size


def _to_float32(tensor: Any) -> NDArray[np.float32]:
    """A tensor of any device in NumPy; float32 in CPU memory is not copied."""
    matrix: NDArray[np.float32] = tensor.detach().float().cpu().numpy()
    return matrix


def _settings_of(model: Any) -> dict[str, Any]:
    """The configuration of the wrapped network, empty if it has none."""
    config: Any = getattr(getattr(model, "original_model", None), "config", None)
    return dict(config.to_dict()) if hasattr(config, "to_dict") else {}


def _name_of(model: Any) -> str:
    name = str(getattr(model.cfg, "model_name", None) or type(model).__name__)
    return Path(name).resolve().name if Path(name).is_dir() else name


def _blocks_of(model: LensModel, name: str) -> list[Any]:
    found = list(model.blocks_with("attn"))
    if not found or [layer for layer, _ in found] != list(range(model.cfg.n_layers)):
        raise ModelError(
            f"{len(found)} of the {model.cfg.n_layers} layers of {name} have attention heads: "
            "expected a model that has them in each"
        )
    return [block for _, block in found]

"""Attention matrices of a model that TransformerLens holds: the second source beside files.

They are scored as they are found. A bridge boots with the checkpoint's own matrices; what
`enable_compatibility_mode` or `process_weights` made of them is seen from the matrices themselves,
because TransformerLens records that it processed them and not how.

Nothing here imports torch: whoever has a bridge has it already.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from headgraph.base.names import ROLES
from headgraph.base.text import short
from headgraph.pk_engine.errors import ModelError
from headgraph.pk_engine.linalg.buffers import Buffers
from headgraph.pk_engine.models.family import every
from headgraph.pk_engine.models.interface import Layer, LensModel
from headgraph.pk_engine.models.layout import ModelShape
from headgraph.pk_engine.models.lens._state import processing, to_float32
from headgraph.pk_engine.models.weights import check_finite


@dataclass(frozen=True)
class Lens:
    """Who says which matrix is which: TransformerLens, in place of a family file."""

    name: str = "transformer-lens"


class BridgeWeights:
    """A model in memory whose attention matrices can be read through TransformerLens.

    Args:
        model: a TransformerBridge, or what has its `cfg` and `blocks_with`.
        name: what a table calls it; by default the folder's name or the hub id it was booted from.
        revision: as the table records it.
        raw: each layer before TransformerLens processed the weights, where somebody kept that.
        folder: the files that the model was just read from, where they say all about it: an
            interrupted job can then go on (`pk_engine.scoring.resume`).

    Attributes:
        name, revision, shape, folder: as in `pk_engine.models.weights.ModelWeights`.
        fold_ln, center_writing: whether that was done to the matrices found.
        family: named `transformer-lens`.

    Raises:
        ModelError: no such model, layers without attention, unequal heads, or an architecture
            whose matrices are not those of separate heads.
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
        check_settings(_settings_of(model))
        self._blocks = _blocks_of(model, self.name)
        self.shape = self._find_shape()
        self.fold_ln, self.center_writing = processing(model, self._blocks)

    def __repr__(self) -> str:
        return f"BridgeWeights({self.name!r}, {self.shape})"

    def raw_layer(self, layer: int, buffers: Buffers | None = None) -> Layer:
        """One layer's matrices as found: role -> heads x d_model x d_head, float32, contiguous.

        They are views of the model's own memory where it lies so; `buffers` are not needed.

        Raises:
            WeightsError: a matrix holds NaN or Inf.
        """
        return self._read(layer) if self._raw is None else self._raw[layer]

    def processed(self, layer: int, raw: Layer) -> Layer:
        """What is scored: the matrices as found, which `raw` is unless it was kept from before."""
        return raw if self._raw is None else self._read(layer)

    def layer(self, layer: int) -> Layer:
        """One layer's matrices as found."""
        return self._read(layer)

    def _read(self, layer: int) -> Layer:
        found = {}
        for role in ROLES:
            matrix = to_float32(self._tensor(layer, role))
            found[role] = np.ascontiguousarray(matrix.swapaxes(1, 2) if role == "O" else matrix)
            check_finite(found[role], layer, role)
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
    """The weights of a model that somebody else holds, which is left as it is.

    Raises:
        ModelError: see `BridgeWeights`; a revision; or folding, which is TransformerLens's to do.
    """
    weights = BridgeWeights(model)
    if revision is not None:
        raise ModelError(
            f"{weights.name} is in memory and has no revision {revision!r}: leave it out"
        )
    for option, call, asked, done in (
        ("fold_ln", "fold_ln", fold_ln, weights.fold_ln),
        ("center_writing", "center_writing_weights", center_writing, weights.center_writing),
    ):
        if asked and done:
            raise ModelError(
                f"{option}: TransformerLens did this to the weights of {weights.name} already, and "
                "it would be done twice: leave it out, the table records it"
            )
        if asked:
            raise ModelError(
                f"{option}: {weights.name} is scored as it is in memory, and left so: leave it "
                f"out, and call bridge.process_weights({call}=True, ...) first"
            )
    return weights


def check_settings(settings: dict[str, Any]) -> None:
    """Refuse what no family handles: layers without heads, shared or quantised matrices.

    Raises:
        ModelError: the configuration asks for it; the message names the key.
    """
    inner = settings.get("text_config")
    every().check({**settings, **(inner if isinstance(inner, dict) else {})}, Lens().name)


def first_line(error: BaseException) -> str:
    """What another library says, in one line."""
    return short(str(error).strip().partition("\n")[0], 80) or type(error).__name__


def _settings_of(model: Any) -> dict[str, Any]:
    """The configuration of the network inside, where it has one."""
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

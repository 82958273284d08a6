"""The interface of a source of weights, which returns matrices a layer at a time.

`pk_engine.models.sources` opens a source. `pk_engine.models.weights` reads a model's files;
`pk_engine.models.lens.weights` reads a TransformerLens model in memory.
"""

import os
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from headgraph.pk_engine.linalg.buffers import Buffers
from headgraph.pk_engine.models.shape import ModelShape

Layer = dict[str, NDArray[np.float32]]
"""Role -> heads x d_model x d_head; K and V with key/value heads, O transposed."""


class Named(Protocol):
    """Something with a name."""

    @property
    def name(self) -> str:
        """The name."""


class Weights(Protocol):
    """A source of a model's attention matrices.

    Attributes:
        name, revision, fold_ln, center_writing: as a table records them.
        family: what describes the matrices: a family file or TransformerLens.
        shape: the model's sizes.
        origin: how the weights were stored, where that is not plain (`pk_engine.models.origin`).
    """

    name: str
    revision: str | None
    fold_ln: bool
    center_writing: bool
    shape: ModelShape
    origin: dict[str, str]

    @property
    def family(self) -> Named:
        """The family file, or the library, that describes the matrices."""

    def raw_layer(self, layer: int, buffers: Buffers | None = None) -> Layer:
        """One layer's matrices as the source has them, contiguous float32.

        The fingerprint is computed from these. Several threads may call this at once. A source may
        put them into `buffers` instead of new memory: they are then valid until the same thread
        reads the next layer.
        """

    def processed(self, layer: int, raw: Layer) -> Layer:
        """The matrices to score: `raw`, folded and centred as requested."""

    def layer(self, layer: int) -> Layer:
        """One layer's matrices to score."""


class LensModel(Protocol):
    """The part of a TransformerBridge that is used here."""

    @property
    def cfg(self) -> Any:
        """Its configuration."""

    def blocks_with(self, submodule: str) -> Any:
        """(layer, block) of the layers that have `submodule`."""


Model = str | os.PathLike[str] | LensModel
"""A bundled model's name, a folder, a hub id, or a model that TransformerLens holds."""

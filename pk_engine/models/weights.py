"""Attention matrices of a model, read by name from its files, a layer at a time.

No network is built and no code of a checkpoint runs. Half precision is widened to float32.
"""

import os
from collections.abc import Iterator, Mapping
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headgraph.base.files.documents import shown
from headgraph.base.names import ROLES
from headgraph.base.text import listed, quoted, short
from headgraph.pk_engine.errors import ModelError, WeightsError
from headgraph.pk_engine.linalg.buffers import Buffers
from headgraph.pk_engine.models.checkpoint.packed import leftover, refuse_packed_kind
from headgraph.pk_engine.models.checkpoint.refusals import refuse_adapter
from headgraph.pk_engine.models.checkpoint.tensor_files import FLOATS, Stored
from headgraph.pk_engine.models.checkpoint.tensors import Tensors
from headgraph.pk_engine.models.config import settings_of, value_of
from headgraph.pk_engine.models.embedding import EmbeddingFiles
from headgraph.pk_engine.models.family import Family, family_of
from headgraph.pk_engine.models.folding import centre_writing, check_folding, fold_norm
from headgraph.pk_engine.models.interface import Layer
from headgraph.pk_engine.models.layout import ModelShape
from headgraph.pk_engine.models.location import locate, naming, read_config, with_adapter
from headgraph.pk_engine.models.opening import open_tensors


class ModelWeights:
    """A model whose attention matrices can be read.

    Args:
        model: name of a bundled model, folder, or hub id.
        revision: branch, tag or commit of a hub id.
        fold_ln: fold the norm before attention into Q, K and V (`pk_engine.models.folding`).
        center_writing: subtract the mean over d_model from O.
        variant: such as fp16, for model.fp16.safetensors.
        adapter: folder of a LoRA adapter to merge in.

    Attributes:
        name, revision, fold_ln, center_writing: as a table records them; revision is the commit
            of a hub id, and None for a folder.
        family: the family file in use, with the variants that apply to this model.
        shape: the model's sizes.
        origin: how the weights were stored, where that is not plain (`pk_engine.models.origin`).

    Raises:
        ModelError: there is no model, no family describes it, or its norms do not allow the
            folding.
        WeightsError: a tensor is missing, or its shape contradicts the configuration.
    """

    def __init__(
        self,
        model: str | os.PathLike[str],
        revision: str | None = None,
        *,
        fold_ln: bool = False,
        center_writing: bool = False,
        variant: str | None = None,
        adapter: str | os.PathLike[str] | None = None,
    ) -> None:
        found = locate(model, revision, variant=variant)
        if adapter is not None:
            found = with_adapter(found, adapter)
        self.folder, self.name, self.revision = found.folder, found.name, found.commit
        self.fold_ln, self.center_writing = fold_ln, center_writing
        with naming(self.folder):
            self._open(variant, found.adapter)
        if found.base:
            self.origin["base"] = found.base

    def _open(self, variant: str | None, adapter: Path | None) -> None:
        fold_ln, center_writing = self.fold_ln, self.center_writing
        self._config = config = read_config(self.folder)
        family = family_of(config)
        self.shape: ModelShape = family.shape(config)
        refuse_adapter(self.folder)
        self._files: Tensors = open_tensors(
            self.folder, family, config, family.prefixes, variant=variant, adapter=adapter
        )
        self.family: Family = family.for_model(config, self._files)
        check_folding(family.name, self.family.norm, fold_ln=fold_ln, center_writing=center_writing)
        self._prefix = self._find_prefix()
        self._check_tensors()
        self.origin: dict[str, str] = self._find_origin()

    def __repr__(self) -> str:
        return f"ModelWeights({self.name!r}, {self.family.name}, {self.shape})"

    def raw_layer(self, layer: int, buffers: Buffers | None = None) -> Layer:
        """One layer's matrices as stored: role -> heads x d_model x d_head, float32, contiguous.

        O is transposed, so that its columns span what the head writes. The fingerprint is
        computed from these.

        Args:
            layer: its index.
            buffers: memory for the matrices, in the place of new memory.

        Raises:
            WeightsError: a matrix holds NaN or Inf.
        """
        buffers = buffers or Buffers()
        ends = list(accumulate((self.shape.heads_of(role) for role in ROLES), initial=0))
        size = (ends[-1], self.shape.d_model, self.shape.d_head)
        every = buffers.array("layer", size, np.float32)
        matrices = {r: every[i:j] for r, (i, j) in zip(ROLES, pairwise(ends), strict=True)}
        for spec in self.family.tensors:
            stored = self._files.read(self._name(spec.name, layer), buffers)
            for role, part in spec.split(stored, self.shape).items():
                matrices[role][...] = part
        for role, matrix in matrices.items():
            check_finite(matrix, layer, role)
        return matrices

    def processed(self, layer: int, raw: Layer) -> Layer:
        """The matrices of `layer`, made from those of `raw_layer`: folded and centred as requested.

        Raises:
            WeightsError: the norm's scale holds NaN or Inf.
        """
        norm, matrices = self.family.norm, raw
        if self.fold_ln:
            scale = self._files.read(self._name(norm.name, layer)) if norm.name else None
            if scale is not None and not np.isfinite(np.asarray(scale, np.float32)).all():
                raise WeightsError(f"the norm before attention of layer {layer} holds NaN or Inf")
            matrices = fold_norm(matrices, norm, scale)
        return centre_writing(matrices) if self.center_writing else matrices

    def layer(self, layer: int) -> Layer:
        """One layer's matrices, folded and centred as requested."""
        return self.processed(layer, self.raw_layer(layer))

    def layers(self) -> Iterator[Layer]:
        """Each layer's matrices in turn; see `layer`."""
        return map(self.layer, range(self.shape.n_layers))

    def embedding_files(self) -> EmbeddingFiles:
        """The token embedding and unembedding, read on request.

        Raises:
            ModelError: the family file has no table [embedding].
        """
        spec = self.family.embedding
        if spec is None:
            raise ModelError(
                f"the family file of {self.family.name} does not say where the token embedding is: "
                "add its table [embedding]"
            )
        inner = settings_of(self._config, self.family.nested, {})
        tied = value_of({**inner, **self._config}, ["tie_word_embeddings"])
        if not isinstance(tied, bool | None):
            raise ModelError(
                f"config.json has tie_word_embeddings = {quoted(tied)}: expected true or false"
            )
        return EmbeddingFiles(spec, self._files, self._prefix, tied, self.shape.d_model)

    def _name(self, name: str, layer: int) -> str:
        return self._prefix + name.format(layer=layer)

    def _find_prefix(self) -> str:
        first = self.family.tensors[0].name.format(layer=0)
        for prefix in self.family.prefixes:
            if prefix + first in self._files:
                return prefix
        raise WeightsError(
            f"the weights in {shown(self.folder)} have no tensor {first} (tried the prefixes "
            f"{', '.join(repr(p) for p in self.family.prefixes)}): expected a "
            f"{self.family.name} checkpoint, as config.json says"
        )

    def _check_tensors(self) -> None:
        layers, held = self.shape.n_layers, len(self._files)
        if layers > held:  # checked before a list of that length is made
            raise WeightsError(
                f"config.json has {layers:,} layers, and the weights in {shown(self.folder)} are "
                f"{held:,} tensors: expected the weights of that model"
            )
        wanted = self._wanted()
        missing = sorted(name for name in wanted if name not in self._files)
        if missing:
            raise WeightsError(
                f"the weights in {shown(self.folder)} lack {len(missing)} attention tensors: "
                f"{listed(missing, 2)}"
            )
        for name, stored in self._files.describe(wanted):
            refuse_packed_kind(self._files, name, stored, self._settings())
            _check_tensor(name, stored, wanted[name])

    def _find_origin(self) -> dict[str, str]:
        settings, origin = leftover(self._settings()), dict(self._files.origin)
        plain = settings is not None and "quantisation" not in origin
        return origin | ({"settings": str(settings)} if plain else {})

    def _settings(self) -> dict[str, Any]:
        return {**self._config, **settings_of(self._config, self.family.nested, {})}

    def _wanted(self) -> Mapping[str, tuple[int, ...]]:
        """The tensors to read -> the expected shape of each."""
        shapes = {spec.name: spec.stored_shape(self.shape) for spec in self.family.tensors}
        if self.fold_ln and self.family.norm.name:
            shapes[self.family.norm.name] = (self.shape.d_model,)
        return {
            self._name(name, layer): shape
            for layer in range(self.shape.n_layers)
            for name, shape in shapes.items()
        }


def check_finite(matrix: NDArray[Any], layer: int, role: str) -> None:
    """Refuse NaN and Inf, naming the head.

    Raises:
        WeightsError: a value is not finite.
    """
    # a sum is finite only when all terms are, and is cheaper than a test of each
    with np.errstate(invalid="ignore"):
        if np.isfinite(matrix.sum(dtype=np.float64)):
            return
    heads = np.flatnonzero(~np.isfinite(matrix).all(axis=(1, 2)))
    raise WeightsError(
        f"the {role} matrix of {', '.join(f'L{layer}H{head}' for head in heads[:8])}"
        f"{' ...' if len(heads) > 8 else ''} holds NaN or Inf: "
        "the checkpoint is damaged, fetch or convert it again"
    )


def _check_tensor(name: str, stored: Stored, wanted: tuple[int, ...]) -> None:
    if stored.shape != wanted:
        raise WeightsError(
            f"the tensor {short(name, 80)} has the shape {quoted(stored.shape)}: expected "
            f"{wanted}, as config.json says"
        )
    if stored.kind not in FLOATS:
        raise WeightsError(
            f"the tensor {short(name, 80)} is stored as {stored.kind}: expected float32, "
            "float16 or bfloat16; a quantised checkpoint must be converted first"
        )

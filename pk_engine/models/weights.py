"""Attention matrices of a model, read by name from its files, a layer at a time.

No network is built and no code of a checkpoint runs. Half precision is widened to float32.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import accumulate, pairwise
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headgraph.base.files.documents import expanded, shown
from headgraph.base.names import ROLES
from headgraph.base.spelling import argument
from headgraph.base.text import listed, quoted, short, together
from headgraph.pk_engine.errors import ModelError, WeightsError
from headgraph.pk_engine.linalg.buffers import Buffers
from headgraph.pk_engine.models.checkpoint.adapter_settings import AdapterFolder
from headgraph.pk_engine.models.checkpoint.packed import leftover, refuse_packed_kind
from headgraph.pk_engine.models.checkpoint.refusals import refuse_adapter
from headgraph.pk_engine.models.checkpoint.tensor_files import FLOATS, Stored
from headgraph.pk_engine.models.checkpoint.tensors import Tensors
from headgraph.pk_engine.models.config import settings_of, value_of
from headgraph.pk_engine.models.embedding import EmbeddingFiles
from headgraph.pk_engine.models.families.catalogue import family_of
from headgraph.pk_engine.models.families.family import Family
from headgraph.pk_engine.models.families.layout import TensorSpec
from headgraph.pk_engine.models.folding import Norm, centre_writing, check_folding, fold_norm
from headgraph.pk_engine.models.interface import Layer
from headgraph.pk_engine.models.location import locate, naming, read_config, with_adapter
from headgraph.pk_engine.models.opening import open_tensors
from headgraph.pk_engine.models.shape import LayerShape, ModelShape
from headgraph.pk_engine.models.towers import part_of


class ModelWeights:
    """A model whose attention matrices can be read.

    Args:
        model: name of a bundled model, folder, or hub id.
        revision: branch, tag or commit of a hub id.
        fold_ln: fold the norm before attention into Q, K and V (`pk_engine.models.folding`).
        center_writing: subtract the mean over d_model from O.
        variant: such as fp16, for model.fp16.safetensors.
        adapter: folder or hub id of a LoRA adapter to merge in.
        tower: `language` or `vision` of a model of several parts; language by default.

    Attributes:
        name, revision, fold_ln, center_writing, tower: as a table records them; revision is the
            commit of a hub id, and None for a folder; tower is None for a model of one part.
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
        tower: str | None = None,
    ) -> None:
        found = locate(model, revision, variant=variant)
        if adapter is not None:
            found = with_adapter(found, adapter)
        self.folder, self.name, self.revision = found.folder, found.name, found.commit
        self.fold_ln, self.center_writing = fold_ln, center_writing
        with naming(self.folder):
            self._open(variant, found.adapter, tower)
        if found.base:
            self.origin["base"] = found.base
        self._recipe = (
            _anywhere(model),
            found.commit or revision,
            {"fold_ln": fold_ln, "center_writing": center_writing, "variant": variant,
             "adapter": None if adapter is None else _anywhere(adapter), "tower": tower},
        )  # fmt: skip

    def __reduce__(self) -> Any:
        """Pickle as what it takes to open the same files, in another process or on another machine.

        A commit of the hub stays the same if its branch moves.
        """
        return _reopened, self._recipe

    def _open(self, variant: str | None, adapter: AdapterFolder | None, tower: str | None) -> None:
        fold_ln, center_writing = self.fold_ln, self.center_writing
        self._part = part_of(read_config(self.folder), tower)
        self.tower, self._config = self._part.tower, self._part.config
        config = self._config
        family = family_of(config)
        self.shape: ModelShape = family.shape(config)
        refuse_adapter(self.folder)
        self._files: Tensors = open_tensors(
            self.folder, family, config, self._part.prefixes(family.prefixes), variant=variant,
            adapter=adapter,
        )  # fmt: skip
        self.family: Family = self._part.family(family, self._files)
        for kind in dict.fromkeys(layer.kind for layer in self.shape.layers):
            norm = self.family.of_kind(kind).norm
            check_folding(family.name, norm, fold_ln=fold_ln, center_writing=center_writing)
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
            layer: its number, as tables count layers.
            buffers: memory for the matrices, in the place of new memory.

        Raises:
            WeightsError: a matrix holds NaN or Inf.
        """
        buffers = buffers or Buffers()
        shape = self.shape.by_index[layer]
        sizes = {r: (shape.heads_of(r), shape.d_model, shape.width_of(r)) for r in ROLES}
        ends = list(accumulate((prod(sizes[role]) for role in ROLES), initial=0))
        every = buffers.array("layer", (ends[-1],), np.float32)
        matrices = {
            role: every[start:end].reshape(sizes[role])
            for role, (start, end) in zip(ROLES, pairwise(ends), strict=True)
        }
        for spec in self.family.of_kind(shape.kind).tensors:
            at = self._name(spec.name, spec.holder(shape))
            stored = self._files.read(at, buffers)
            for role, part in self._parts(spec, stored, shape).items():
                matrices[role][...] = part
        for role, matrix in matrices.items():
            check_finite(matrix, shape.name, role)
        return matrices

    def _parts(
        self, spec: TensorSpec, stored: NDArray[Any], shape: LayerShape
    ) -> dict[str, NDArray[Any]]:
        """Role -> heads x d_model x width of a tensor, multiplied by what heads read through."""
        if spec.through is not None:
            outer = self._floats(spec.through.name, shape)
            return {"O": spec.through.product(stored, outer, shape)}
        parts = spec.split(stored, shape)
        if spec.latent is None:
            return parts
        reading, width = self._floats(spec.latent.name, shape), shape.sizes[spec.latent.size]
        own, shared = reading[:width], reading[width:]
        if spec.latent.norm is not None:
            own = own * self._floats(spec.latent.norm, shape)[:, None]
        parts = {role: own.T @ part.astype(np.float32) for role, part in parts.items()}
        if len(shared):  # all heads' keys read it as it is
            every = np.broadcast_to(shared.T, (len(parts["K"]), *shared.T.shape))
            parts["K"] = np.concatenate([parts["K"], every], axis=-1)
        return parts

    def _floats(self, name: str, shape: LayerShape) -> NDArray[np.float32]:
        found: NDArray[np.float32] = np.asarray(
            self._files.read(self._name(name, shape)), np.float32
        )
        return found

    def processed(self, layer: int, raw: Layer) -> Layer:
        """The matrices of `layer`, made from those of `raw_layer`: folded and centred as requested.

        Raises:
            WeightsError: the norm's scale holds NaN or Inf, or a number leaves float32.
        """
        shape = self.shape.by_index[layer]
        with np.errstate(over="ignore", invalid="ignore"):
            matrices = self._folded(shape, raw)
            if self.center_writing:
                matrices = centre_writing(matrices)
        for role, matrix in matrices.items():
            if matrix is not raw[role]:
                options = [it for it in ("fold_ln", "center_writing") if getattr(self, it)]
                leave = together([argument(it, True) for it in options])
                check_finite(matrix, shape.name, role, f"{_OVERFLOW}: leave {leave} out")
        return matrices

    def _folded(self, shape: LayerShape, raw: Layer) -> Layer:
        norm, matrices = self.family.of_kind(shape.kind).norm, raw
        if self.fold_ln and shape.number >= norm.first:
            matrices = fold_norm(matrices, norm, self._scale(norm, shape))
            if shape.source is not None:  # keys and values were read in another layer
                scale = self._scale(norm, replace(shape, number=shape.source))
                read = fold_norm({role: raw[role] for role in "QKV"}, norm, scale)
                matrices |= {role: read[role] for role in "KV"}
        return matrices

    def _scale(self, norm: Norm, layer: LayerShape) -> NDArray[Any] | None:
        """The scale of the norm before attention."""
        scale = self._files.read(self._name(norm.name, layer)) if norm.name else None
        if scale is not None and not np.isfinite(np.asarray(scale, np.float32)).all():
            raise WeightsError(
                f"the norm before attention of layer {layer.number} holds NaN or Inf"
            )
        return scale

    def layer(self, layer: int) -> Layer:
        """One layer's matrices, folded and centred as requested."""
        return self.processed(layer, self.raw_layer(layer))

    def layers(self) -> Iterator[Layer]:
        """The matrices of each layer that has heads, in turn; see `layer`."""
        return (self.layer(layer.index) for layer in self.shape.layers)

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

    def _name(self, name: str, layer: LayerShape) -> str:
        return self._prefix + layer.named(name)

    def _find_prefix(self) -> str:
        layer = self.shape.layers[0]
        first = layer.named(self.family.of_kind(layer.kind).tensors[0].name)
        prefixes = self._part.prefixes(self.family.prefixes)
        for prefix in prefixes:
            if prefix + first in self._files:
                return prefix
        tried = ", ".join(map(repr, prefixes if len(prefixes) <= 4 else prefixes[:2]))
        more = f" and {len(prefixes) - 2} more" if len(prefixes) > 4 else ""
        raise WeightsError(
            f"the weights in {shown(self.folder)} have no tensor {first} (tried the prefixes "
            f"{tried}{more}): expected a {self.family.name} checkpoint, as config.json says"
        )

    def _check_tensors(self) -> None:
        layers, held = len(self.shape.layers), len(self._files)
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
        settings = self.family.flat(self._config)
        for name, stored in self._files.describe(wanted):
            refuse_packed_kind(self._files, name, stored, settings)
            _check_tensor(name, stored, wanted[name])

    def _find_origin(self) -> dict[str, str]:
        settings, origin = leftover(self.family.flat(self._config)), dict(self._files.origin)
        plain = settings is not None and "quantisation" not in origin
        return origin | ({"settings": str(settings)} if plain else {})

    def _wanted(self) -> Mapping[str, tuple[int, ...]]:
        """The tensors to read -> the expected shape of each."""
        wanted: dict[str, tuple[int, ...]] = {}
        for layer in self.shape.layers:
            family = self.family.of_kind(layer.kind)
            shapes = self.family.stored(layer)
            if self.fold_ln and family.norm.name and layer.number >= family.norm.first:
                shapes[family.norm.name] = (layer.d_model,)
            wanted |= {self._name(name, layer): shape for name, shape in shapes.items()}
        return wanted


def _anywhere(path: str | os.PathLike[str]) -> str:
    """A path from the root, for processes in other folders; a hub id or bundled name as it is."""
    found = expanded(path, problem=ModelError)
    return os.fspath(found.resolve() if found.exists() else path)


def _reopened(model: str, revision: str | None, options: dict[str, Any]) -> ModelWeights:
    return ModelWeights(model, revision, **options)


_DAMAGED = "holds NaN or Inf: the checkpoint is damaged, fetch or convert it again"
_OVERFLOW = "is too large for float32 once it is folded or centred"


def check_finite(matrix: NDArray[Any], layer: str, role: str, fault: str = _DAMAGED) -> None:
    """Refuse NaN and Inf, naming the head.

    Args:
        matrix: heads x d_model x width.
        layer: the layer's name.
        role: the matrix's role.
        fault: what the error says of the head.

    Raises:
        WeightsError: a value is not finite.
    """
    # a sum is finite only when all terms are, and is cheaper than a test of each
    with np.errstate(invalid="ignore"):
        if np.isfinite(matrix.sum(dtype=np.float64)):
            return
    heads = np.flatnonzero(~np.isfinite(matrix).all(axis=(1, 2)))
    raise WeightsError(
        f"the {role} matrix of {', '.join(f'{layer}H{head}' for head in heads[:8])}"
        f"{' ...' if len(heads) > 8 else ''} {fault}"
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

"""The metadata of a table: the model, the options and the version that made it."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from headgraph.base.files.documents import parse_json
from headgraph.base.names import GRAPH_PAIRINGS, PAIRINGS
from headgraph.base.text import quoted
from headgraph.pk_engine.errors import COMPUTE, TableError
from headgraph.pk_engine.models.config import MOST_HEADS
from headgraph.pk_engine.models.shape import ModelShape
from headgraph.pk_engine.table._meta_check import check_types
from headgraph.pk_engine.table.layers import read_layers

FORMAT_VERSION = 4
"""The newest format, of tables whose layers have residual streams of unequal width. Others are
written in format 3, those without `origin`, `tower` and `layers` in format 2, and those without
`heads` and `decoys` too in format 1."""
_LATER = {"nulls": dict, "heads": dict, "decoys": dict, "origin": dict, "layers": list}
"""Fields that older tables lack -> the kind of their empty value."""
_ALLOWED = {"kv": ("native", "expand"), "layer_order": ("forward", "all", "within")}


@dataclass(frozen=True, kw_only=True)
class TableMeta:
    """Metadata of a table of scores; written as JSON into the Parquet file.

    Attributes:
        model, revision: a hub id or the name of a folder; the commit of a hub id, else None.
        family: the family file that describes the tensors, or transformer-lens.
        fingerprint: sha256 over the role tensors as read, layer by layer, in float32.
        n_layers, n_heads, n_kv_heads, d_model, d_head: the model's shape; the most heads in a
            layer and the largest width, where `layers` says more.
        deficient: matrices of less than full rank: layer, head, role, rank (0: left out).
        fold_ln, center_writing: whether norms were folded into Q, K and V, and O was centred.
        layer_order: `forward` (source layer < target layer), `all`, or `within`.
        kv: `native` (each key/value head once) or `expand` (a row per query head).
        pairings, metrics: what was scored.
        selection: the rules applied so far, oldest first; empty when no pair was left out.
        scored: pairs scored per pairing, before any selection.
        moments: mean and sd of the random reference per pairing, at full rank; of the widest
            heads, where widths differ.
        dtype, backend: of the computation.
        version: of headgraph.
        nulls: null model -> seed and samples (None where nothing is drawn), and per pairing the
            number of values that each pair was compared with, their mean and sd.
        series, step: name and step number of a checkpoint of a training run, or None.
        heads: `copying` and `self_overlap` (`pk_engine.metrics.copying`), layers x query heads,
            None where undefined; empty where V and O were not both read.
        decoys: pairing -> `scored`, the backward pairs scored, and `share`, the share of decoys
            among the rows of this table, None without rows (`pk_engine.metrics.decoys`);
            `share_neighbours` and `share_further` between neighbouring layers and further apart
            (None where `shares_apart` has none), with the counts in `steps`, which older tables
            lack; empty where no backward pairs were scored.
        origin: how the weights were stored (`pk_engine.models.origin`): the quantisation that they
            were read from, an adapter that was merged in, and the like; empty for plain weights.
        tower: `vision` for the vision encoder of a model of several parts, else None.
        layers: the layers that have heads (`pk_engine.table.layers`), where layers or roles are
            not all alike; otherwise empty.
    """

    model: str
    revision: str | None
    family: str
    fingerprint: str
    n_layers: int
    n_heads: int
    n_kv_heads: int
    d_model: int
    d_head: int
    deficient: list[dict[str, Any]]
    fold_ln: bool
    center_writing: bool
    layer_order: str
    kv: str
    pairings: list[str]
    metrics: list[str]
    selection: list[dict[str, Any]]
    scored: dict[str, int]
    moments: dict[str, dict[str, float]]
    dtype: str
    backend: str
    version: str
    series: str | None = None
    step: float | None = None
    nulls: dict[str, dict[str, Any]] = field(default_factory=dict)
    heads: dict[str, list[list[float | None]]] = field(default_factory=dict)
    decoys: dict[str, dict[str, Any]] = field(default_factory=dict)
    origin: dict[str, str] = field(default_factory=dict)
    tower: str | None = None
    layers: list[dict[str, Any]] = field(default_factory=list)

    @property
    def format(self) -> int:
        """The oldest format that holds this table."""
        if any("d_model" in layer for layer in self.layers):
            return 4
        if self.origin or self.tower or self.layers:
            return 3
        return 2 if self.heads or self.decoys else 1

    @cached_property
    def shape(self) -> ModelShape:
        """The model's shape.

        Raises:
            TableError: the layers are not in order, or their heads do not fit each other.
        """
        sizes = (self.n_layers, self.n_heads, self.n_kv_heads, self.d_model, self.d_head)
        unequal = read_layers(self.layers, self.d_model, self.n_layers)
        return ModelShape(*sizes, unequal=tuple(unequal))

    @property
    def group_size(self) -> int:
        """Query heads that share one key/value head, the most in a layer; 1 without groups."""
        return int(self._groups.max())

    @cached_property
    def _groups(self) -> NDArray[np.int32]:
        """Query heads that share one key/value head, for each layer; 1 in a layer without heads."""
        groups = np.ones(self.n_layers, np.int32)
        for layer in self.shape.layers:
            groups[layer.index] = layer.group_size
        return groups

    def groups_of(self, layer: Any) -> Any:
        """Query heads that share one key/value head in a layer, or in each of an array of them."""
        found = self._groups[layer]
        return int(found) if isinstance(layer, int) else found

    def places(self) -> Iterator[tuple[int, int]]:
        """(layer, head) of every query head, in order."""
        for layer in self.shape.layers:
            for head in range(layer.n_heads):
                yield layer.index, head

    @property
    def head_count(self) -> int:
        """Query heads of the model."""
        return sum(layer.n_heads for layer in self.shape.layers)

    def head_name(self, layer: int, head: int) -> str:
        """The name of a query head: `L4H7`, and `E4H7`, `D4H7` or `X4H7` in encoder-decoders."""
        return f"{self.shape.by_index[layer].name}H{head}"

    @cached_property
    def layer_places(self) -> NDArray[np.int64]:
        """Of each layer, its place among the layers that have heads; -1 in one without heads."""
        places = np.full(self.n_layers, -1, np.int64)
        numbers = [layer.index for layer in self.shape.layers]
        places[numbers] = np.arange(len(numbers))
        return places

    @property
    def part_names(self) -> tuple[str, ...]:
        """The names of all layers, if some are of an encoder, a decoder or cross-attention."""
        names = [f"L{layer}" for layer in range(self.n_layers)]
        for layer in self.shape.unequal:
            names[layer.index] = layer.name
        plain = all(name == f"L{layer}" for layer, name in enumerate(names))
        return () if plain else tuple(names)

    @cached_property
    def reach(self) -> dict[int, tuple[int, int]]:
        """Layer -> how many heads its heads could read in earlier layers, and how many heads in
        later layers could read them. Layers without heads are left out.
        """
        layers = self.shape.layers
        reads = [{layer.streams[role] for role in "QKV"} for layer in layers]
        found = {}
        for place, layer in enumerate(layers):
            before = [it.n_heads for it in layers[:place] if it.streams["O"] in reads[place]]
            later = zip(layers[place + 1 :], reads[place + 1 :], strict=True)
            after = [it.n_heads for it, read in later if layer.streams["O"] in read]
            found[layer.index] = sum(before), sum(after)
        return found

    @cached_property
    def first_places(self) -> NDArray[np.int64]:
        """For each layer, the number of query heads in earlier layers; one more for the end."""
        counts = np.zeros(self.n_layers, np.int64)
        for layer in self.shape.layers:
            counts[layer.index] = layer.n_heads
        return np.concatenate([[0], np.cumsum(counts)])

    def heads_of(self, role: str) -> int:
        """Heads per layer that have a matrix of this role, as the columns count them."""
        shared = role in "KV" and self.kv == "native"
        return self.n_kv_heads if shared else self.n_heads

    def counts_of(self, role: str) -> NDArray[np.int64]:
        """For each layer, `heads_of` it; 0 in a layer without heads."""
        counts = np.zeros(self.n_layers, np.int64)
        shared = role in "KV" and self.kv == "native"
        for layer in self.shape.layers:
            counts[layer.index] = layer.n_kv_heads if shared else layer.n_heads
        return counts

    @property
    def null_columns(self) -> list[str]:
        """The columns of the null models: z, p and q of each."""
        return [f"{kind}_{name}" for name in self.nulls for kind in "zpq"]

    @property
    def decoy_columns(self) -> list[str]:
        """The columns of decoys, where there are any."""
        return ["decoys", "decoy_q"] if self.decoys else []

    def selected(self, rules: dict[str, Any]) -> Self:
        """The metadata after one more selection."""
        return replace(self, selection=[*self.selection, rules]) if rules else self

    def to_json(self) -> str:
        """One line of JSON, keys sorted, so that equal metadata is equal text."""
        data = asdict(self) | {"format": self.format}
        if self.tower is None:
            del data["tower"]
        for name in _LATER:  # keep the bytes of tables without them as older versions wrote them
            if not data[name]:
                del data[name]
        return json.dumps(data, sort_keys=True, allow_nan=False)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read what `to_json` wrote.

        Raises:
            TableError: not JSON, another format version, or fields missing, unknown or wrong.
        """
        data = parse_json(text, source="its headgraph metadata", problem=TableError)
        _check_format(data)
        del data["format"]
        data = {name: empty() for name, empty in _LATER.items()} | {"tower": None} | data
        expected = {f.name for f in fields(cls)}
        missing, unknown = sorted(expected - data.keys()), sorted(data.keys() - expected)
        if missing or unknown:
            raise TableError(
                f"its metadata lacks {quoted(missing) if missing else 'nothing'} and has extra "
                f"{quoted(unknown)}"
            )
        check_types(data)
        meta = cls(**data)
        _check_meaning(meta)
        return meta


def _check_format(data: dict[str, Any]) -> None:
    """Raise TableError for a format that this version cannot read."""
    found = data.get("format")
    if type(found) is int and 1 <= found <= FORMAT_VERSION:
        return
    if isinstance(found, int) and found > FORMAT_VERSION:
        raise TableError(
            f"it is in table format {quoted(found)}, written by headgraph "
            f"{quoted(data.get('version'))}, and this headgraph reads formats up to "
            f"{FORMAT_VERSION}: upgrade headgraph, or make the table again with {COMPUTE}"
        )
    raise TableError(
        f"it says that its table format is {quoted(found)}: expected 1 to {FORMAT_VERSION}; make "
        f"it again with {COMPUTE}"
    )


def _check_meaning(meta: TableMeta) -> None:
    """Check that values are allowed and that fields agree with each other.

    Raises:
        TableError: a value is not allowed, or two fields contradict each other.
    """
    if meta.n_layers * meta.n_heads > MOST_HEADS:
        raise TableError(
            f"its metadata has {meta.n_layers:,} layers of {meta.n_heads:,} heads: expected at "
            f"most {MOST_HEADS:,} heads"
        )
    if not meta.layers and meta.n_heads % meta.n_kv_heads:
        raise TableError(
            f"its metadata has {meta.n_heads} heads, which {meta.n_kv_heads} key/value heads "
            "cannot share evenly"
        )
    _check_layers(meta)
    for name, values in _ALLOWED.items():
        if getattr(meta, name) not in values:
            raise TableError(
                f"its metadata says {name} = {quoted(getattr(meta, name))}: expected "
                f"{' or '.join(values)}"
            )
    _check_pairings(meta)
    _check_heads(meta)


def _check_layers(meta: TableMeta) -> None:
    if not meta.layers:
        return
    widest = ModelShape.of_layers(meta.n_layers, meta.shape.unequal)
    if widest != meta.shape:
        raise TableError(
            f"its metadata has {meta.n_heads} heads, {meta.n_kv_heads} key/value heads and d_head "
            f"{meta.d_head}: expected the most of its layers, {widest.n_heads}, "
            f"{widest.n_kv_heads} and {widest.d_head}"
        )


def _check_heads(meta: TableMeta) -> None:
    for name, layers in meta.heads.items():
        if [len(heads) for heads in layers] != [meta.n_heads] * meta.n_layers:
            raise TableError(
                f"its metadata has {name} of other heads: expected {meta.n_layers} layers of "
                f"{meta.n_heads}"
            )


def _check_pairings(meta: TableMeta) -> None:
    strange = [name for name in meta.pairings if name not in PAIRINGS]
    if strange or sorted(meta.scored) != sorted(meta.pairings):
        raise TableError(
            f"its pairings {quoted(meta.pairings)} are not those counted: "
            f"{quoted(list(meta.scored))}"
        )
    for name, moments in {"moments": meta.moments, **_moments_of_nulls(meta)}.items():
        if sorted(moments) != sorted(meta.pairings):
            raise TableError(
                f"its metadata has {name} of {quoted(list(moments))}: expected those of "
                f"{quoted(meta.pairings)}"
            )
    if not set(meta.decoys) <= {pairing for pairing in meta.pairings if pairing in GRAPH_PAIRINGS}:
        raise TableError(
            f"its metadata has decoys of {quoted(list(meta.decoys))}: expected pairings in which "
            f"the source writes, of {quoted(meta.pairings)}"
        )
    for pairing, scored in meta.scored.items():
        pairs = meta.n_layers**2 * meta.heads_of(pairing[0]) * meta.n_heads
        if scored > pairs:
            raise TableError(
                f"its metadata says that {quoted(scored)} pairs of {pairing} were scored: expected "
                f"at most {pairs:,}, as its heads have no more"
            )


def _moments_of_nulls(meta: TableMeta) -> dict[str, Any]:
    parts = [(name, part) for name in meta.nulls for part in ("moments", "values")]
    return {f"{part} of the null {name}": meta.nulls[name][part] for name, part in parts}

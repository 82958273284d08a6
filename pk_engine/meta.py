"""Where a table comes from: the metadata that travels with every score file."""

import json
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Self

from pk_engine.errors import TableError
from pk_engine.names import NULLS, PAIRINGS

FORMAT_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class TableMeta:
    """Provenance of a table of scores; written as JSON into the Parquet file.

    Attributes:
        model, revision: what was asked for: a hub id or the name of a folder; a commit or None.
        family: the family file that said where the tensors are, or transformer-lens.
        fingerprint: sha256 over the role tensors as read, layer by layer, in float32.
        n_layers, n_heads, n_kv_heads, d_model, d_head: the model's shape.
        deficient: matrices of less than full rank: layer, head, role, rank (0: left out).
        fold_ln, center_writing: whether norms were folded in and what is written was centred.
        layer_order: `forward` (source layer < target layer), `all`, or `within`.
        kv: `native` (each key/value head once) or `expand` (a row per query head).
        pairings, metrics: what was scored.
        selection: the rules applied so far, oldest first; empty when all scored pairs are here.
        scored: pairs scored per pairing, before any selection.
        moments: mean and sd of the random reference per pairing, at full rank.
        dtype, backend: of the computation.
        version: of headgraph.
        nulls: null -> its seed and samples (None where nothing is drawn), how many values each pair
            was compared with, and their mean and sd, per pairing; empty without nulls.
        series, step: name and step number of a checkpoint of a training run, or None.
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
    format: int = field(default=FORMAT_VERSION)

    @property
    def group_size(self) -> int:
        """Query heads that share one key/value head; 1 without grouped-query attention."""
        return self.n_heads // self.n_kv_heads

    def heads_of(self, role: str) -> int:
        """How many heads per layer a column counts where the role is `role`."""
        shared = role in "KV" and self.kv == "native"
        return self.n_kv_heads if shared else self.n_heads

    @property
    def null_columns(self) -> list[str]:
        """The columns that hold pairs against nulls: z, p and q of each."""
        return [f"{kind}_{name}" for name in self.nulls for kind in "zpq"]

    def selected(self, rules: dict[str, Any]) -> Self:
        """The same provenance after one more selection."""
        return replace(self, selection=[*self.selection, rules]) if rules else self

    def to_json(self) -> str:
        """One line of JSON, keys sorted, so that equal provenance is equal text."""
        data = asdict(self)
        if not self.nulls:  # a table without nulls is the same bytes as before there were any
            del data["nulls"]
        return json.dumps(data, sort_keys=True, allow_nan=False)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read what `to_json` wrote.

        Raises:
            TableError: not JSON, another format version, or fields missing, unknown or wrong.
        """
        try:
            data = json.loads(text)
        except ValueError as error:
            raise TableError(f"its headgraph metadata is not JSON ({error})") from error
        if not isinstance(data, dict):
            raise TableError("its headgraph metadata is not a JSON object")
        if data.get("format") != FORMAT_VERSION:
            raise TableError(
                f"it has format version {data.get('format')!r} and this headgraph reads "
                f"{FORMAT_VERSION}: make it again with headgraph compute"
            )
        data.setdefault("nulls", {})
        wanted = {f.name for f in fields(cls)}
        missing, unknown = sorted(wanted - data.keys()), sorted(data.keys() - wanted)
        if missing or unknown:
            raise TableError(f"its metadata lacks {missing or 'nothing'} and has extra {unknown}")
        meta = cls(**data)
        meta._check()
        return meta

    def _check(self) -> None:
        for name in ("n_layers", "n_heads", "n_kv_heads", "d_model", "d_head"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise TableError(f"its metadata says {name} = {value!r}: wanted a positive integer")
        if self.n_heads % self.n_kv_heads:
            raise TableError(
                f"its metadata has {self.n_heads} heads, which {self.n_kv_heads} key/value heads "
                "cannot share evenly"
            )
        allowed = {"kv": ("native", "expand"), "layer_order": ("forward", "all", "within")}
        for name, values in allowed.items():
            if getattr(self, name) not in values:
                raise TableError(
                    f"its metadata says {name} = {getattr(self, name)!r}: wanted {values}"
                )
        if strange_nulls := sorted(set(self.nulls) - set(NULLS)):
            raise TableError(f"its metadata has nulls {strange_nulls}: wanted some of {NULLS}")
        strange = [p for p in self.pairings if p not in PAIRINGS]
        if strange or sorted(self.scored) != sorted(self.pairings):
            raise TableError(
                f"its pairings {self.pairings} are not those counted: {list(self.scored)}"
            )

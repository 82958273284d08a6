"""The table of scores: one row per scored pair of heads, pandas in memory, Parquet on disk.

Columns: `pairing`, `source_layer`, `source_head`, `target_layer`, `target_head`, `pk`,
`pk_normalized` (pk / sqrt(r s)), `z` (against the random reference of these ranks), `pk_rank` (1 =
strongest of its pairing), then further metrics by name. Rows are sorted by pairing, then rank, so
the same input gives the same bytes.

Under grouped-query attention `source_head` and `target_head` count key/value heads where the role
is K or V, unless the table was made with `kv="expand"`, which adds `target_kv_head`.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from pk_engine._check import by_pairing, check_columns, check_rows
from pk_engine._not_a_table import what_is_wrong
from pk_engine.edges import head_edges
from pk_engine.errors import OutputExists, TableError
from pk_engine.files import beside
from pk_engine.meta import TableMeta
from pk_engine.names import PAIRINGS
from pk_engine.selection import Selection

if TYPE_CHECKING:
    import pandas as pd

KEYS = ("source_layer", "source_head", "target_layer", "target_head")
_META_KEY = b"headgraph"


@dataclass(frozen=True, eq=False)
class AffinityTable:
    """Scores of head pairs with their provenance.

    Attributes:
        frame: the rows, sorted by pairing and `pk_rank`. Treat it as read-only.
        meta: where they come from.

    Raises:
        TableError: the rows contradict the metadata, or hold NaN.
    """

    frame: pd.DataFrame
    meta: TableMeta

    def __post_init__(self) -> None:
        check_columns(self.frame, self.meta)
        order = {pairing: place for place, pairing in enumerate(PAIRINGS)}
        places = by_pairing(self.frame, order) if len(self.frame) else np.empty(0)
        rows = np.lexsort((self.frame["pk_rank"], places))
        frame = self.frame.iloc[rows].reset_index(drop=True)
        check_rows(frame, self.meta)
        # one type per column in memory and on disk, so that a table equals its own file
        narrow = {"i": np.int32, "f": np.float32}
        kinds = {name: narrow[frame[name].dtype.kind] for name in frame.columns.drop("pairing")}
        frame = frame.astype(kinds)
        object.__setattr__(self, "frame", frame)

    def __len__(self) -> int:
        return len(self.frame)

    def __repr__(self) -> str:
        meta = self.meta
        rules = "; ".join(Selection(**rules).describe() for rules in meta.selection) or "all pairs"
        return (
            f"AffinityTable({meta.model}: {meta.n_layers} layers x {meta.n_heads} heads, "
            f"{len(self):,} of {sum(meta.scored.values()):,} pairs, {'+'.join(meta.pairings)}, "
            f"{', '.join(meta.metrics)}; {rules})"
        )

    def _repr_html_(self) -> str:
        return f"<p>{self!r}</p>{self.frame.head(10).to_html(index=False)}"

    @cached_property
    def sha256(self) -> str:
        """Hash over metadata and values; the same whichever library version wrote the file."""
        digest = hashlib.sha256(self.meta.to_json().encode())
        for name in self.frame.columns:
            values = self.frame[name]
            digest.update(f"\0{name}\0".encode())
            raw = "\n".join(values).encode() if name == "pairing" else values.to_numpy().tobytes()
            digest.update(raw)
        return digest.hexdigest()

    def select(self, selection: Selection) -> Self:
        """The rows that `selection` keeps, with the rules added to the metadata."""
        kept = self.frame[selection.keep(self.frame, self.meta.scored)]
        return replace(self, frame=kept, meta=self.meta.selected(selection.to_json()))

    def edges(self) -> pd.DataFrame:
        """One row per arrow between query heads; see `pk_engine.edges.head_edges`."""
        return head_edges(self.frame, self.meta)

    def write(self, path: str | os.PathLike[str], *, force: bool = False) -> Path:
        """Write Parquet beside `path` and rename it into place.

        Raises:
            OutputExists: the file is there and `force` is false.
            TableError: the folder is missing or cannot be written.
        """
        import pyarrow.parquet as pq

        path = table_file(path, force=force)
        try:
            with beside(path) as stream:
                pq.write_table(_to_arrow(self), stream, compression="zstd", compression_level=9)
        except OSError as error:
            raise TableError(f"cannot write {path}: {error.strerror or error}") from error
        return path

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Self:
        """Read a table that `write` made.

        Raises:
            TableError: no such file, not Parquet, not ours, or contradicting itself.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        path = Path(path)
        try:
            if wrong := what_is_wrong(path):
                raise TableError(wrong)
            arrow = pq.read_table(path)
        except OSError as error:
            raise TableError(f"{path} cannot be read: {error.strerror or error}") from error
        except pa.ArrowException as error:
            raise TableError(
                f"{path} is damaged: copy it again, or make it again with headgraph compute"
            ) from error
        raw = (arrow.schema.metadata or {}).get(_META_KEY)
        if raw is None:
            raise TableError(f"{path} is Parquet but no table of headgraph: it has no metadata")
        try:
            meta = TableMeta.from_json(raw)
            frame = arrow.replace_schema_metadata(None).to_pandas()
            frame["pairing"] = frame["pairing"].astype(str)
            return cls(frame, meta)
        except TableError as error:
            raise TableError(f"{path} is damaged or foreign: {error}") from error
        except KeyError as error:
            raise TableError(f"{path} is damaged or foreign: it has no column {error}") from error


def table_file(path: str | os.PathLike[str], *, force: bool) -> Path:
    """The path, when a table may be written there; as `refuse_existing`.

    Raises:
        TableError: the name says that it is another kind of file.
    """
    path = Path(path)
    if path.suffix not in ("", ".parquet", ".pq"):
        raise TableError(
            f"{path} has the ending {path.suffix}, and tables are Parquet: wanted a name such as "
            f"{path.with_suffix('.parquet').name}"
        )
    return refuse_existing(path, force=force)


def refuse_existing(path: str | os.PathLike[str], *, force: bool) -> Path:
    """The path, when something may be written there.

    Raises:
        OutputExists: the file is there and `force` is false.
        TableError: the folder does not exist.
    """
    path = Path(path)
    if path.is_dir():
        raise TableError(f"{path} is a folder: wanted the name of a file")
    if path.exists() and not force:
        raise OutputExists(f"{path} exists already: give another name, or --force to replace it")
    if not path.parent.is_dir():
        raise TableError(f"no folder {path.parent} to write {path.name} into: make it first")
    return path


def _to_arrow(table: AffinityTable) -> Any:
    import pyarrow as pa

    columns: dict[str, Any] = {"pairing": pa.array(table.frame["pairing"]).cast(pa.string())}
    columns["pairing"] = columns["pairing"].dictionary_encode()
    for name in table.frame.columns.drop("pairing"):
        columns[name] = pa.array(table.frame[name].to_numpy())
    return pa.table(columns).replace_schema_metadata({_META_KEY: table.meta.to_json()})

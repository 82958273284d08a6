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
from collections.abc import Mapping
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from base.files import beside
from base.text import printable, short
from pk_engine._check import check_columns, check_rows
from pk_engine._not_a_table import what_is_wrong
from pk_engine._parquet import from_arrow, to_arrow
from pk_engine.columns import Columns, by_pairing, columns_of, frame_of, taken
from pk_engine.edges import head_edges
from pk_engine.errors import OutputExists, TableError
from pk_engine.meta import TableMeta
from pk_engine.names import PAIRINGS
from pk_engine.selection import Selection

if TYPE_CHECKING:
    import pandas as pd

KEYS = ("source_layer", "source_head", "target_layer", "target_head")
_META_KEY = b"headgraph"


class AffinityTable:
    """Scores of head pairs with their provenance.

    Args:
        rows: a frame, or its columns as arrays, in any order.
        meta: where they come from.

    Attributes:
        columns: the rows as arrays, sorted by pairing and `pk_rank`. Treat them as read-only.
        meta: where they come from.

    Raises:
        TableError: the rows contradict the metadata, or hold NaN.
    """

    def __init__(self, rows: pd.DataFrame | Mapping[str, NDArray[Any]], meta: TableMeta) -> None:
        columns = columns_of(rows)
        check_columns(columns, meta)
        order = by_pairing(columns["pairing"], {p: place for place, p in enumerate(PAIRINGS)})
        columns = taken(columns, np.lexsort((columns["pk_rank"], order)))
        check_rows(columns, meta)
        self.columns: Columns = {name: _narrow(values) for name, values in columns.items()}
        self.meta = meta

    def __len__(self) -> int:
        return len(self.columns["pk"])

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The rows as pandas has them, made when first asked for. Treat it as read-only."""
        return frame_of(self.columns)

    def __repr__(self) -> str:
        meta = self.meta
        rules = "; ".join(Selection(**rules).describe() for rules in meta.selection) or "all pairs"
        return printable(
            f"AffinityTable({short(meta.model)}: {meta.n_layers} layers x {meta.n_heads} heads, "
            f"{len(self):,} of {sum(meta.scored.values()):,} pairs, {'+'.join(meta.pairings)}, "
            f"{', '.join(meta.metrics)}; {rules})"
        )

    def _repr_html_(self) -> str:
        return f"<p>{escape(repr(self))}</p>{self.frame.head(10).to_html(index=False)}"

    @cached_property
    def sha256(self) -> str:
        """Hash over metadata and values; the same whichever library version wrote the file."""
        digest = hashlib.sha256(self.meta.to_json().encode())
        for name, values in self.columns.items():
            digest.update(f"\0{name}\0".encode())
            digest.update("\n".join(values).encode() if name == "pairing" else values.tobytes())
        return digest.hexdigest()

    def select(self, selection: Selection) -> Self:
        """The rows that `selection` keeps, with the rules added to the metadata."""
        kept = selection.keep(self.columns, self.meta.scored)
        return type(self)(taken(self.columns, kept), self.meta.selected(selection.to_json()))

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
                arrow = to_arrow(self.columns, {_META_KEY: self.meta.to_json()})
                pq.write_table(arrow, stream, compression="zstd", compression_level=9)
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
            return cls(from_arrow(arrow), meta)
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


def _narrow(values: NDArray[Any]) -> NDArray[Any]:
    """One type per column in memory and on disk, so that a table equals its own file."""
    kinds: dict[str, type] = {"i": np.int32, "f": np.float32}
    return values.astype(kinds.get(values.dtype.kind, values.dtype), copy=False)

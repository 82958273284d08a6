"""The table of scores: one row per scored pair of heads, arrays in memory, Parquet on disk.

Columns: `pairing`, `source_layer`, `source_head`, `target_layer`, `target_head`, `pk`,
`pk_normalized` (pk / sqrt(r s)), `z` (against the random reference of these ranks), `pk_rank` (1 =
strongest of its pairing), then further metrics by name, then `decoys` and `decoy_q` where backward
pairs were scored (`pk_engine.metrics.decoys`). Rows are sorted by pairing, then rank, so the same
input gives the same bytes.

Under grouped-query attention `source_head` and `target_head` count key/value heads where the role
is K or V, unless the table was made with `kv="expand"`, which adds `target_kv_head`.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from headgraph.base.files.documents import reason, shown
from headgraph.base.files.output import beside, writable
from headgraph.base.names import PAIRINGS
from headgraph.base.notebook import paragraph
from headgraph.base.text import printable, short
from headgraph.pk_engine.errors import COMPUTE, TableError
from headgraph.pk_engine.metrics.decoys import kept_shares, unmatched, warning
from headgraph.pk_engine.table._diagnosis import what_is_wrong
from headgraph.pk_engine.table._parquet import columns_in, opened, write_columns
from headgraph.pk_engine.table._validation import check_columns, check_names, check_rows
from headgraph.pk_engine.table.columns import Columns, by_pairing, columns_of, frame_of, taken
from headgraph.pk_engine.table.edges import head_edges
from headgraph.pk_engine.table.heads import NAMES, head_names
from headgraph.pk_engine.table.meta import TableMeta
from headgraph.pk_engine.table.selection import Selection

if TYPE_CHECKING:
    import pandas as pd

KEYS = ("source_layer", "source_head", "target_layer", "target_head")
_META_KEY, _SHA256_KEY = b"headgraph", b"headgraph.sha256"


class AffinityTable:
    """Scores of head pairs with their metadata.

    Args:
        rows: a frame, or its columns as arrays, in any order. Columns `source` and `target`, as in
            `frame`, are ignored: they follow from the other columns.
        meta: the metadata of the rows.

    Attributes:
        columns: the rows as arrays, sorted by pairing and `pk_rank`. Treat them as read-only.
        meta: the metadata.

    Raises:
        TableError: the rows contradict the metadata, or hold NaN.
    """

    def __init__(self, rows: pd.DataFrame | Mapping[str, NDArray[Any]], meta: TableMeta) -> None:
        columns = {name: a for name, a in columns_of(rows).items() if name not in NAMES}
        check_columns(columns, meta)
        order = by_pairing(columns["pairing"], {p: place for place, p in enumerate(PAIRINGS)})
        columns = taken(columns, np.lexsort((columns["pk_rank"], order)))
        check_rows(columns, meta)
        self.columns: Columns = {name: _narrow(values) for name, values in columns.items()}
        self.meta = meta
        if meta.decoys:
            self.meta = replace(
                meta, decoys=kept_shares(self.columns, meta.decoys, meta.layer_places)
            )

    def __len__(self) -> int:
        return len(self.columns["pk"])

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The rows in pandas, with the names `source` and `target` beside their layers and heads
        (`L4H7`; `L4KV1` is a shared key/value head). Made on first use. Treat it as read-only.
        """
        frame = frame_of(self.columns)
        after = 1 + max(list(frame.columns).index(number) for number in KEYS)
        for place, end in enumerate(NAMES, after):
            frame.insert(place, end, head_names(self.columns, self.meta, end))
        return frame

    def __repr__(self) -> str:
        meta = self.meta
        rules = "; ".join(Selection(**rules).describe() for rules in meta.selection) or "all pairs"
        size = f"{meta.n_layers} layers x {meta.n_heads} heads"
        if meta.layers:
            size = f"{meta.n_layers} layers, {len(meta.layers)} with {meta.head_count:,} heads"
        return printable(
            f"AffinityTable({short(meta.model)}: {size}, "
            f"{len(self):,} of {sum(meta.scored.values()):,} pairs, {'+'.join(meta.pairings)}, "
            f"{', '.join(meta.metrics)}; {rules}{self._decoys()})"
        )

    def _decoys(self) -> str:
        """The share of decoys among the pairs kept; of all pairs, the share says nothing."""
        shares, none = self._shares(), self._unmatched()
        words = ", ".join(
            f"{name} {'at most ' if name in none else ''}{100 * share:.0f} %"
            for name, share in shares.items()
        )
        return f"; decoys {words}" if words else ""

    def _shares(self) -> dict[str, float]:
        found = {name: counted["share"] for name, counted in self.meta.decoys.items()}
        kept = {name: share for name, share in found.items() if share is not None}
        return kept if self.meta.selection else {}

    def _unmatched(self) -> frozenset[str]:
        return unmatched(self._shares(), self.columns["pairing"])

    def _repr_html_(self) -> str:
        rows = self.frame.head(10).to_html(index=False)
        more = paragraph("the first 10 rows of .frame") if len(self) > 10 else ""
        high = warning(self._shares(), self._unmatched())
        note = "" if high is None else paragraph(f"Note: {high}")
        return f"{paragraph(repr(self))}{note}{rows}{more}"

    @cached_property
    def sha256(self) -> str:
        """Hash over metadata and values, independent of the library that wrote the file."""
        return _sha256(self.columns, self.meta)

    def select(self, selection: Selection) -> Self:
        """The rows that `selection` keeps, with the rules added to the metadata."""
        kept = selection.keep(self.columns, self.meta.scored)
        return type(self)(taken(self.columns, kept), self.meta.selected(selection.to_json()))

    def edges(self) -> pd.DataFrame:
        """One row per edge between query heads; see `pk_engine.table.edges.head_edges`."""
        return head_edges(frame_of(self.columns), self.meta)

    def write(self, path: str | os.PathLike[str], *, force: bool = False) -> Path:
        """Write Parquet beside `path` and rename it into place.

        Raises:
            OutputExists: the file is there and `force` is false.
            TableError: it cannot be written there.
        """
        path = table_file(path, force=force)
        metadata = {
            _META_KEY: self.meta.to_json(),
            # computed again, not the cached one: the hash must be that of the written values
            _SHA256_KEY: _sha256(self.columns, self.meta),
        }
        try:
            with beside(path) as stream:
                write_columns(self.columns, metadata, stream)
        except OSError as error:
            raise TableError(f"cannot write {shown(path)}: {reason(error)}") from error
        return path

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Self:
        """Read a table that `write` made, and compare its values with the hash in it.

        Tables of headgraph 0.1 have no hash and are read without the comparison.

        Raises:
            TableError: the file is missing, no table, damaged, or contradicts itself.
        """
        with _metadata(Path(path)) as (file, metadata):
            return cls._of_file(file, metadata)

    @classmethod
    def _of_file(cls, file: Any, metadata: Mapping[bytes, bytes]) -> Self:
        meta = TableMeta.from_json(metadata[_META_KEY])
        rows, scored = file.metadata.num_rows, sum(meta.scored.values())
        if rows > scored:
            raise TableError(f"it has {rows:,} rows, and its metadata counts {scored:,} pairs")
        check_names(file.schema_arrow.names, meta)
        columns = columns_of(columns_in(file))
        written = metadata.get(_SHA256_KEY)
        if written is not None and written != _sha256(columns, meta).encode():
            raise TableError(
                "its values are not those that were written: copy it again, or make it again with "
                f"{COMPUTE}"
            )
        return cls(columns, meta)


def read_meta(path: str | os.PathLike[str]) -> TableMeta:
    """The metadata of a table, without its values.

    Raises:
        TableError: the file is missing or no table.
    """
    with _metadata(Path(path)) as (_, metadata):
        return TableMeta.from_json(metadata[_META_KEY])


@contextmanager
def _metadata(path: Path) -> Iterator[tuple[Any, Mapping[bytes, bytes]]]:
    """The open file of a table and its metadata; an error of the block names the file."""
    if wrong := what_is_wrong(path):
        raise TableError(wrong)
    with opened(path) as file:
        metadata = file.schema_arrow.metadata or {}
        if _META_KEY not in metadata:
            raise TableError(
                f"{shown(path)} is Parquet but no table of headgraph: it has no metadata"
            )
        try:
            yield file, metadata
        except TableError as error:
            raise TableError(
                f"{shown(path)} is damaged or foreign: {error.message.marked}"
            ) from error


def table_file(path: str | os.PathLike[str], *, force: bool) -> Path:
    """The path, if a table can be written there. Call this before the work, not after it.

    Raises:
        OutputExists: the file is there and `force` is false.
        TableError: the name has the ending of another kind of file, or cannot be written.
    """
    path = Path(path)
    if path.suffix not in ("", ".parquet", ".pq"):
        raise TableError(
            f"{shown(path)} has the ending {shown(path.suffix)}, and tables are Parquet: expected "
            f"a name such as {shown(path.with_suffix('.parquet').name)}"
        )
    return writable(path, force=force, problem=TableError)


def _sha256(columns: Columns, meta: TableMeta) -> str:
    digest = hashlib.sha256(meta.to_json().encode())
    for name, values in columns.items():
        digest.update(f"\0{name}\0".encode())
        digest.update(_lines(values) if name == "pairing" else values.tobytes())
    return digest.hexdigest()


def _lines(texts: NDArray[Any]) -> bytes:
    """The texts, one a line. Runs of equal texts are joined at once, as a table has long ones."""
    starts = np.flatnonzero(np.append(True, texts[1:] != texts[:-1])[: len(texts)])
    counts = np.diff(np.append(starts, len(texts)))
    lines = [f"{text}\n" * count for text, count in zip(texts[starts], counts, strict=True)]
    return "".join(lines)[:-1].encode()


def _narrow(values: NDArray[Any]) -> NDArray[Any]:
    """The type of a column in memory and on disk, so that a table equals its file."""
    kinds: dict[str, type] = {"i": np.int32, "f": np.float32}
    return values.astype(kinds.get(values.dtype.kind, values.dtype), copy=False)

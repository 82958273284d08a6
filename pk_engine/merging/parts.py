"""Parts of a table by target layers (`scoring.parts`), read and joined."""

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from headgraph.base.files.arrays import NOT_OURS, read_arrays
from headgraph.base.files.documents import kind_of, reason, shown
from headgraph.base.spelling import either
from headgraph.base.text import listed, short
from headgraph.pk_engine.errors import TableError
from headgraph.pk_engine.merging.tables import NAME, check_alike
from headgraph.pk_engine.scoring._compute import kept_table
from headgraph.pk_engine.scoring.job import facts, new_state, rows
from headgraph.pk_engine.scoring.parts import clear_left
from headgraph.pk_engine.table.affinity import AffinityTable
from headgraph.pk_engine.table.meta import TableMeta
from headgraph.pk_engine.table.selection import Selection

_MADE = either("headgraph.compute_part", "headgraph compute --target-layers")
# errors of values that are not what compute_part writes
_FOREIGN = (
    *NOT_OURS, TypeError, IndexError, AttributeError, ArithmeticError, MemoryError, RecursionError,
)  # fmt: skip


@dataclass(frozen=True)
class Part:
    """A part as it was read.

    Attributes:
        path: its file.
        meta: the metadata of the table, with the counts of this part.
        first, last: its target layers.
    """

    path: Path
    meta: TableMeta
    first: int
    last: int

    @property
    def name(self) -> str:
        """Its file, for a message."""
        return short(shown(self.path), NAME)


def merge_parts(paths: Sequence[str | os.PathLike[str]]) -> AffinityTable:
    """The table of all pairs, from the files of its parts.

    Raises:
        TableError: a file is damaged; parts differ in weights or options; or they do not have each
            target layer once.
    """
    parts = [_read(path) for path in paths]
    meta = parts[0].meta
    for part in parts[1:]:
        check_alike(parts[0].name, meta, part.name, part.meta, pairings=True)
    _check_layers(parts)
    most = {it: sum(part.meta.scored[it] for part in parts) for it in meta.pairings}
    selection = Selection(**meta.selection[0]) if meta.selection else Selection()
    names = short(listed([part.name for part in parts]), 3 * NAME)
    with _stated(f"one of {names}"), new_state(selection, most, tuple(meta.decoys)) as state:
        for part in sorted(parts, key=lambda it: it.first):  # as the groups of one compute
            state.include(*read_arrays(part.path))
        whole = replace(meta, selection=[], **facts(state, meta.shape))
        table = kept_table(rows(state, meta.shape, meta.kv, selection), whole, selection)
    for part in parts:
        clear_left(part.path)
    return table


def _read(path: str | os.PathLike[str]) -> Part:
    path = Path(path)
    with _stated(short(shown(path), NAME)):
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):  # opening a pipe would wait for a writer
            raise TableError(f"it is {kind_of(mode)}, expected a file that {_MADE} wrote")
        about, _ = read_arrays(path)
        first, last = map(int, about["target_layers"])
        return Part(path, TableMeta.from_json(about["meta"]), first, last)


@contextmanager
def _stated(name: str) -> Iterator[None]:
    """Turn what a foreign or damaged file causes into TableError."""
    try:
        yield
    except TableError as error:
        raise TableError(f"{name} is damaged or foreign: {error.message.marked}") from error
    except OSError as error:
        raise TableError(f"{name} cannot be read: {reason(error)}") from error
    except _FOREIGN as error:
        raise TableError(
            f"{name} is damaged, or no part of a table: copy it again, or make it again with "
            f"{_MADE}"
        ) from error


def _check_layers(parts: list[Part]) -> None:
    """Raise TableError unless each layer is a target layer of one part."""
    lacking = []
    for layer in parts[0].meta.shape.layers:
        having = [part.name for part in parts if part.first <= layer.index <= part.last]
        if len(having) > 1:
            raise TableError(
                f"{having[0]} and {having[1]} both have target layer {layer.index}: expected parts "
                "with different target layers"
            )
        if not having:
            lacking.append(layer.index)
    if lacking:
        layers = "layer" if len(lacking) == 1 else "layers"
        raise TableError(f"no part has target {layers} {listed(lacking, 8)}: make one with {_MADE}")

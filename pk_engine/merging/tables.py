"""Tables of one model whose pairings were scored apart, as one table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headgraph.base.files.documents import shown
from headgraph.base.names import PAIRINGS, ROLES
from headgraph.base.text import quoted, short
from headgraph.pk_engine.errors import TableError
from headgraph.pk_engine.metrics.decoys import DIRECTED
from headgraph.pk_engine.table.affinity import AffinityTable
from headgraph.pk_engine.table.columns import Columns, joined
from headgraph.pk_engine.table.meta import TableMeta
from headgraph.pk_engine.table.sources import AnyTable, read_table

NAME = 60
"""Most letters of a file's name in a message that names several."""
_OWN = (
    "model", "revision", "pairings", "scored", "moments", "decoys", "nulls", "deficient", "heads",
)  # fmt: skip
"""Fields that tables of one model and the same options may differ in."""


def merge_tables(tables: Sequence[AnyTable]) -> AffinityTable:
    """Join tables of one model whose pairings were scored apart; see `pk_engine.merge`."""
    if len(tables) < 2:
        raise TableError(f"tables to merge: {len(tables)}, expected two or more")
    names = [f"table {at}" if isinstance(it, AffinityTable) else short(shown(it), NAME)
             for at, it in enumerate(tables, start=1)]  # fmt: skip
    parts = [read_table(it) for it in tables]
    for name, part in zip(names[1:], parts[1:], strict=True):
        check_alike(names[0], parts[0].meta, name, part.meta)
    _check_apart(names, parts)
    meta = _meta([part.meta for part in parts])
    columns = joined([_columns(part, meta) for part in parts])
    order = next((part for part in parts if part.meta.decoys), parts[0]).columns
    return AffinityTable({name: columns[name] for name in order}, meta)


def check_alike(
    name: str, meta: TableMeta, other: str, its: TableMeta, *, pairings: bool = False
) -> None:
    """Raise TableError if tables are of other weights or options, or of other `pairings`."""
    mine, theirs = _options(meta), _options(its)
    if pairings:
        mine, theirs = mine | {"pairings": meta.pairings}, theirs | {"pairings": its.pairings}
    differ = [it for it in mine if mine[it] != theirs[it] and None not in (mine[it], theirs[it])]
    if differ:
        values = [f"{it} {quoted(mine[it], 22)} and {quoted(theirs[it], 22)}" for it in differ[:2]]
        more = f" and {len(differ) - 2} more" if len(differ) > 2 else ""
        raise TableError(
            f"{name} and {other} cannot be merged, because they have {', '.join(values)}{more}: "
            "expected tables of the same weights and options"
        )


def _options(meta: TableMeta) -> dict[str, Any]:
    """What must agree; None agrees with everything."""
    fields = {it: value for it, value in asdict(meta).items() if it not in _OWN}
    # `None` in the metadata is a value
    fields = {it: "none" if value is None else value for it, value in fields.items()}
    directed = meta.layer_order == "forward" and set(meta.pairings) & set(DIRECTED)
    drawn = {it: (null["seed"], null["samples"]) for it, null in meta.nulls.items()}
    return fields | {"decoys": bool(meta.decoys) if directed else None, "nulls": drawn}


def _check_apart(names: list[str], parts: list[AffinityTable]) -> None:
    """Raise TableError if two tables have scores of one pairing."""
    found: dict[str, str] = {}
    for name, part in zip(names, parts, strict=True):
        for pairing in part.meta.pairings:
            if pairing in found:
                raise TableError(
                    f"{found[pairing]} and {name} both have {pairing}: expected tables with "
                    "different pairings"
                )
            found[pairing] = name


def _meta(metas: list[TableMeta]) -> TableMeta:
    first = metas[0]
    pairings = sorted((it for meta in metas for it in meta.pairings), key=PAIRINGS.index)
    deficient = {(d["role"], d["layer"], d["head"]): d for meta in metas for d in meta.deficient}

    def of_each(maps: list[dict[str, Any]]) -> dict[str, Any]:
        return {it: values[it] for it in pairings for values in maps if it in values}

    nulls = {
        name: null
        | {
            part: of_each([meta.nulls[name][part] for meta in metas])
            for part in ("moments", "values")
        }
        for name, null in first.nulls.items()
    }
    return replace(
        first,
        pairings=pairings,
        scored=of_each([meta.scored for meta in metas]),
        moments=of_each([meta.moments for meta in metas]),
        decoys=of_each([meta.decoys for meta in metas]),
        nulls=nulls,
        deficient=[
            deficient[at] for at in sorted(deficient, key=lambda at: (ROLES.index(at[0]), *at[1:]))
        ],
        heads=next((meta.heads for meta in metas if meta.heads), {}),
    )


def _columns(part: AffinityTable, meta: TableMeta) -> Columns:
    """The columns of a table, with those of decoys if another table has them."""
    if not meta.decoys or part.meta.decoys:
        return part.columns
    none: dict[str, NDArray[Any]] = {
        "decoys": np.full(len(part), -1, np.int32),
        "decoy_q": np.full(len(part), np.nan, np.float32),
    }
    return {**part.columns, **none}

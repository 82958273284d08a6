"""`merge`: what was scored apart becomes one table."""

import os
from pathlib import Path

from headgraph.base.files.documents import shown
from headgraph.pk_engine.errors import TableError
from headgraph.pk_engine.merging.parts import merge_parts
from headgraph.pk_engine.merging.tables import merge_tables
from headgraph.pk_engine.table._diagnosis import PART
from headgraph.pk_engine.table.affinity import AffinityTable
from headgraph.pk_engine.table.sources import AnyTable


def merge(*tables: AnyTable) -> AffinityTable:
    """Join tables of one model whose pairings were scored apart, or parts by target layers.

    Weights, shape and all options must be the same. The table is that of one `compute`: it has the
    same pairs, ranks, decoys and graph, and the same scores up to rounding. The name of the model
    is that of the first table.

    Args:
        tables: tables, their paths, or bundled names; or the files of parts (`compute_part`), which
            must have each target layer once.

    Raises:
        TableError: there is no table; two tables have one pairing; a target layer is missing or
            there twice; or a field differs, which is named.

    Example:
        >>> from headgraph import compute, merge
        >>> parts = [compute("induction-2l", pairings=each) for each in ("OQ", ("OK", "OV"))]
        >>> merge(*parts).meta.pairings
        ['OQ', 'OK', 'OV']
    """
    parts = [it for it in tables if isinstance(it, str | os.PathLike) and Path(it).suffix == PART]
    if not parts:
        return merge_tables(tables)
    if len(parts) < len(tables):
        raise TableError(
            f"{shown(parts[0])} is a part of a table, and others are tables: expected parts alone, "
            "whose table can then be merged with others"
        )
    return merge_parts(parts)

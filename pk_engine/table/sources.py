"""Where a table comes from: made already, a file, or one that is bundled with headgraph."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TypeGuard

from headgraph.pk_engine.bundled import TABLES, table_path
from headgraph.pk_engine.errors import TableError
from headgraph.pk_engine.table.affinity import AffinityTable

AnyTable = AffinityTable | str | os.PathLike[str]
"""What every public function takes for a table."""


def read_table(table: AnyTable) -> AffinityTable:
    """A table from its file or by its bundled name; a table is returned as it is.

    >>> import headgraph
    >>> len(headgraph.read_table("gpt2-small"))
    28512

    Args:
        table: a table, the path of a file that `AffinityTable.write` made, or a name that
            `bundled()` lists. A file of that name in the working folder comes first.

    Raises:
        TableError: none of these, or a file that is damaged or no table.
    """
    if isinstance(table, AffinityTable):
        return table
    if not isinstance(table, str | os.PathLike):
        raise TableError(
            f"expected a table, the path of one or a bundled name ({', '.join(TABLES)}), "
            f"got a value of type {type(table).__name__}"
        )
    return AffinityTable.read(table_path(table))


def is_table(what: object) -> TypeGuard[AnyTable]:
    """Whether this is given as a table, where a model could be given too.

    A file without an ending is a table, because a model is a folder.
    """
    if isinstance(what, AffinityTable):
        return True
    if not isinstance(what, str | os.PathLike):
        return False
    path = Path(what)
    if path.suffix in (".parquet", ".pq"):
        return True
    if str(what) in TABLES and not path.exists():
        return True
    return path.suffix == "" and _is_file(path)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is too long for a file
        return False

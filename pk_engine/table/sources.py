"""Tables as arguments: a table in memory, a file, or a bundled name."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TypeGuard

from headgraph.pk_engine.bundled import TABLES, table_path
from headgraph.pk_engine.errors import TableError
from headgraph.pk_engine.table._diagnosis import PART
from headgraph.pk_engine.table.affinity import AffinityTable

AnyTable = AffinityTable | str | os.PathLike[str]
"""A table as an argument of a public function."""


def read_table(table: AnyTable) -> AffinityTable:
    """A table from its file or by its bundled name; a table in memory is returned as it is.

    >>> import headgraph
    >>> len(headgraph.read_table("gpt2-small"))
    28512

    Args:
        table: a table, the path of a file that `AffinityTable.write` made, or a name that
            `bundled()` lists. A file of that name in the working folder takes precedence.

    Raises:
        TableError: it is none of these, or the file is damaged or no table.
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
    """Whether an argument that can be a model or a table means a table.

    A file without an ending is a table, because a model is a folder.
    """
    if isinstance(what, AffinityTable):
        return True
    if not isinstance(what, str | os.PathLike):
        return False
    path = Path(what)
    if path.suffix in (".parquet", ".pq", PART):
        return True
    if str(what) in TABLES and not path.exists():
        return True
    return path.suffix == "" and _is_file(path)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is too long for a file
        return False

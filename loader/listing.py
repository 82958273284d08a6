"""The runs in a graph."""

from typing import TYPE_CHECKING

from graphdb import schema
from graphdb.graph import Runner

if TYPE_CHECKING:
    import pandas as pd

from loader._identity import SHORT

COLUMNS = ("name", "model", "status", "heads", "edges", "pairings", "selection", "loaded")

_QUERY = f"""
MATCH (r:{schema.RUN})
WITH r, r.name IS NULL AS unfinished, coalesce(r.name, left(r.id, {SHORT})) AS name
ORDER BY unfinished, name
RETURN name, r.model AS model, r.status AS status, r.heads AS heads, r.edges AS edges,
       r.pairings AS pairings, r.selection AS selection,
       toString(datetime.truncate('second', coalesce(r.loaded_at, r.started_at))) AS loaded
"""


def runs(graph: Runner) -> "pd.DataFrame":
    """One row per run: those that are complete by name, then those that are not.

    Returns:
        Columns `name` (the first 12 characters of the id where a load or drop was cut off or is
        going on), `model`, `status` (`complete`, `loading` or `dropping`), `heads`, `edges` (that
        the run has or was to have), `pairings`, `selection` (in words) and `loaded` (when; where
        the status is `loading`, when that began).
    """
    import pandas as pd

    rows = graph.read(_QUERY).rows
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    frame["pairings"] = [",".join(pairings) for pairings in frame["pairings"]]
    return frame

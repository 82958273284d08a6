"""The runs in a graph."""

from typing import TYPE_CHECKING, Any

from headgraph.base.suggestions import did_you_mean
from headgraph.base.text import listed, quoted
from headgraph.graphdb import schema
from headgraph.graphdb.runner import Runner
from headgraph.loader._identity import SHORT
from headgraph.loader._run_names import is_pattern, matches
from headgraph.loader.errors import UnknownRun

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("name", "model", "status", "heads", "edges", "pairings", "selection", "loaded")

# a run that Neo4j's importer made from exported files has no time, which truncate refuses; one that
# somebody made by hand may lack anything
_QUERY = f"""
MATCH (r:{schema.RUN})
WITH r, r.name IS NULL AS unfinished, coalesce(r.name, left(r.id, {SHORT})) AS name,
     coalesce(r.loaded_at, r.started_at) AS time
ORDER BY unfinished, name
RETURN name, r.model AS model, r.status AS status, r.heads AS heads, r.edges AS edges,
       coalesce(r.pairings, []) AS pairings, r.selection AS selection, r.series AS series,
       CASE WHEN unfinished THEN r.called END AS called,
       CASE WHEN time IS NOT NULL THEN toString(datetime.truncate('second', time)) END AS loaded
"""


def runs(
    graph: Runner, *names: str, model: str | None = None, series: str | None = None
) -> "pd.DataFrame":
    """One row per run: those that are complete by name, then those that are not.

    Args:
        graph: the database.
        names: of the runs that are wanted, all of them where none is given, and for unfinished
            ones the name that they were to get; here as in the other two, `*`, `?` and `[...]`
            stand for what they do in names of files.
        model: what they were computed from; the last part of a path or hub id is enough.
        series: the training run that they are checkpoints of.

    Returns:
        Columns `name` (the first 12 characters of the id where a load or drop was cut off or is
        going on), `model`, `status` (`complete`, `loading` or `dropping`), `heads`, `edges` (that
        the run has or was to have), `pairings`, `selection` (in words) and `loaded` (when; where
        the status is `loading`, when that began; missing for a run that an importer made).
    """
    import pandas as pd

    wanted = {"name": names, "model": _given(model), "series": _given(series)}
    rows = [row for row in graph.read(_QUERY) if _is_wanted(row, wanted)]
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    frame["pairings"] = [",".join(pairings) for pairings in frame["pairings"]]
    return frame


def refuse_unknown(graph: Runner, **wanted: str | tuple[str, ...] | None) -> None:
    """Raise UnknownRun for a word that no run has; what no pattern means is an empty answer.

    Args:
        graph: the database.
        wanted: by column, the words that were given.
    """
    rows = list(graph.read(_QUERY))
    for column, words in wanted.items():
        known = sorted({value for row in rows for value in _values(row, column)})
        for word in (words,) if isinstance(words, str) else words or ():
            if not is_pattern(word) and not any(matches(value, word) for value in known):
                hint = did_you_mean(word, known)
                there = f"it has {listed(known)}" if known else "it has none"
                raise UnknownRun(
                    f"the database has no run of {column} {quoted(word)}{hint}: {there}"
                )


def _given(pattern: str | None) -> tuple[str, ...]:
    return () if pattern is None else (pattern,)


def _is_wanted(row: dict[str, Any], wanted: dict[str, tuple[str, ...]]) -> bool:
    return all(
        not patterns
        or any(matches(value, pattern) for value in _values(row, column) for pattern in patterns)
        for column, patterns in wanted.items()
    )


def _values(row: dict[str, Any], column: str) -> list[str]:
    """What a row is found by: an unfinished run by its id and by the name that it was to get."""
    values = [row[column], row.get("called") if column == "name" else None]
    return [value for value in values if value is not None]

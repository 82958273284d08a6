"""Runs by name: which names are allowed, which runs a word means, and the list of all runs."""

import hashlib
import json
import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from headgraph.base.spelling import argument
from headgraph.base.text import did_you_mean, listed, quoted
from headgraph.graphdb import schema
from headgraph.graphdb.connection.runner import Runner
from headgraph.graphdb.runs import unknown_run
from headgraph.loader.errors import RUNS, BadRunName, UnknownRun, drop_call

if TYPE_CHECKING:
    import pandas as pd

    from headgraph.pk_engine.table.meta import TableMeta
    from headgraph.pk_engine.table.selection import Selection

SHORT = 12
"""Number of characters of its id by which an unfinished run is named."""

COLUMNS = ("name", "model", "status", "heads", "edges", "pairings", "selection", "loaded")

_LONGEST = 64
_NAME = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._-]{{0,{_LONGEST - 1}}}")
_FEWEST = 4  # characters of an id: fewer would match by accident

# A run made by hand can lack any property, or have it in another type. A run that Neo4j's importer
# made of exported files has no time, which truncate refuses.
_QUERY = f"""
MATCH (r:{schema.RUN})
WITH r, r.name IS NULL AS unfinished,
     CASE WHEN r.name IS NULL THEN toStringOrNull(r.called) END AS called,
     CASE WHEN r.name IS NULL THEN left(toStringOrNull(r.id), {SHORT}) END AS short
WITH r, unfinished, called, short,
     coalesce(toStringOrNull(r.name),
              CASE r.status WHEN '{schema.LOADING}' THEN called END, short) AS name,
     coalesce(r.loaded_at, r.started_at) AS time
ORDER BY unfinished, name, short
RETURN name, toStringOrNull(r.model) AS model, r.status AS status, r.heads AS heads,
       r.edges AS edges,
       CASE WHEN r.pairings IS :: LIST<STRING NOT NULL> NOT NULL THEN r.pairings ELSE [] END
         AS pairings,
       r.selection AS selection,
       toStringOrNull(r.series) AS series, toFloatOrNull(r.step) AS step,
       called, short,
       CASE WHEN time IS NOT NULL THEN toString(datetime.truncate('second', time)) END AS loaded
"""

Row = dict[str, Any]
"""A run with at least `id` and `name`, which is None for an unfinished run."""


def default_name(meta: "TableMeta") -> str:
    """A run's name from its model: the last part of the path, in lower case.

    Characters other than letters, digits, dots, underscores and hyphens become hyphens. A
    checkpoint of a training run gets its step: `EleutherAI/Pythia 160m` at step 512 becomes
    `pythia-160m-step512`.
    """
    name = re.split(r"[/\\]", meta.model.rstrip("/\\"))[-1]
    step = "" if meta.step is None else f"-step{meta.step:.15g}"
    room = _LONGEST - len(step)
    safe = re.sub(r"[^a-z0-9._-]+", "-", name.lower()).strip("-._")[:room]
    return re.sub(r"[^a-z0-9._-]", "", f"{safe or 'run'}{step}")


def check_name(name: str, keyword: str = "run") -> str:
    """The name, if a run can have it.

    Args:
        name: what was given.
        keyword: the argument that it was given as, for the message.

    Raises:
        BadRunName: it is too long, or has characters that need quoting somewhere.
    """
    if not _NAME.fullmatch(name):
        raise BadRunName(
            f"{quoted(name, 80)} cannot be the name of a run: expected up to {_LONGEST} letters, "
            "digits, dots, underscores and hyphens, a letter or digit first, such as "
            f"{argument(keyword, 'gpt2-small')}"
        )
    return name


def run_id(name: str, table_sha256: str, selection: "Selection") -> str:
    """Id of the run of this name, table and selection: 64 hexadecimal digits."""
    parts = json.dumps([name, table_sha256, selection.to_json()], sort_keys=True)
    return hashlib.sha256(parts.encode()).hexdigest()


def is_pattern(word: str) -> bool:
    """Whether a word has a `*`, `?` or `[`, which no name has."""
    return re.search(r"[*?[]", word) is not None


def matches(value: str | None, pattern: str) -> bool:
    """Whether a value, or its last part if it is a path, matches a name or pattern."""
    if value is None:
        return False
    last = re.split(r"[/\\]", value.rstrip("/\\"))[-1]
    return any(fnmatchcase(text, pattern) for text in (value, last))


def find_all(rows: list[Row], words: Iterable[str]) -> list[Row]:
    """The runs that names, ids and patterns mean, each once, in the order of the words.

    A pattern matches complete runs only, because ids are not for guessing.

    Raises:
        UnknownRun: a word means no run, or an id more than one.
    """
    found: dict[str, Row] = {}
    for word in words:
        for row in _matching(rows, word) if is_pattern(word) else [_find(rows, word)]:
            found[row["id"]] = row
    return list(found.values())


def shown_name(row: Row) -> str:
    """The name, or for an unfinished run as much of the id as the list of runs shows."""
    return str(row["name"] or row["id"][:SHORT])


def _find(rows: list[Row], run: str) -> Row:
    """The run of this name or id; the start of an id is enough for an unfinished run."""
    for row in rows:
        if run in (row["name"], row["id"]):
            return row
    unfinished = [row for row in rows if row["name"] is None]
    begun = [row for row in unfinished if len(run) >= _FEWEST and row["id"].startswith(run)]
    if len(begun) == 1:
        return begun[0]
    if begun:
        raise UnknownRun(
            f"{len(begun)} unfinished runs begin with {run}: give more of the id, "
            f"{' or '.join(row['id'][:24] for row in begun)}"
        )
    for row in unfinished:
        if row.get("called") == run:
            raise UnknownRun(
                f"no complete run {quoted(run)}, but an unfinished one: "
                f"{drop_call(shown_name(row))} removes it, and {RUNS} shows what it is"
            )
    raise unknown_run(run, [shown_name(row) for row in rows])


def _matching(rows: list[Row], pattern: str) -> list[Row]:
    found = [row for row in rows if row["name"] and fnmatchcase(row["name"], pattern)]
    left = [
        row for row in rows if not row["name"] and fnmatchcase(row.get("called") or "", pattern)
    ]
    if not found and left:
        raise UnknownRun(
            f"no complete run for {quoted(pattern)}, but {len(left)} unfinished: a pattern matches "
            f"complete runs only, so give an id, such as {drop_call(shown_name(left[0]))}"
        )
    if not found:
        raise unknown_run(pattern, [shown_name(row) for row in rows])
    return found


def runs(
    graph: Runner, *names: str, model: str | None = None, series: str | None = None
) -> "pd.DataFrame":
    """One row per run: complete runs by name, or by step where `series` is given, then unfinished.

    Args:
        graph: the database.
        names: names to list; without any, all runs. An unfinished run is listed under its id and
            under the name that it was to get. In all three arguments, `*`, `?` and `[...]` match as
            they do in file names.
        model: the model that the scores were computed from; the last part of a path or hub id is
            enough.
        series: the training run that the runs are checkpoints of.

    Returns:
        Columns `name` (for a run that is being loaded, or whose load was cut off, the name that it
        is to get; for one that is being dropped, the first 12 characters of its id), `model`,
        `status` (`complete`, `loading` or `dropping`), `heads`, `edges` (that the run has or was to
        have), `pairings`, `selection` (in words) and `loaded` (the time of the load; for status
        `loading` its start; missing for a run that an importer made).
    """
    import pandas as pd

    wanted = {"name": names, "model": _given(model), "series": _given(series)}
    rows = [row for row in graph.read(_QUERY) if _is_wanted(row, wanted)]
    if series is not None:
        rows.sort(key=_by_step)
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    frame["pairings"] = [",".join(pairings) for pairings in frame["pairings"]]
    return frame


def refuse_unknown(graph: Runner, **wanted: str | tuple[str, ...] | None) -> None:
    """Raise UnknownRun for a word that no run has; a pattern without a match is an empty answer.

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


def in_series(graph: Runner, series: str) -> tuple[str, ...]:
    """Names of the complete runs of a training run, which may be a pattern.

    Raises:
        UnknownRun: there are none.
    """
    rows = [row for row in graph.read(_QUERY) if row["status"] == schema.COMPLETE]
    rows.sort(key=_by_step)
    found = tuple(str(row["name"]) for row in rows if matches(row["series"], series))
    if not found:
        refuse_unknown(graph, series=series)
        raise UnknownRun(f"no complete run is of series {quoted(series)}: see {RUNS}")
    return found


def _by_step(row: Row) -> tuple[bool, str, float]:
    step = row.get("step")
    return row["status"] != schema.COMPLETE, row["series"] or "", -1.0 if step is None else step


def _given(pattern: str | None) -> tuple[str, ...]:
    return () if pattern is None else (pattern,)


def _is_wanted(row: Row, wanted: dict[str, tuple[str, ...]]) -> bool:
    return all(
        not patterns
        or any(matches(value, pattern) for value in _values(row, column) for pattern in patterns)
        for column, patterns in wanted.items()
    )


def _values(row: Row, column: str) -> list[str]:
    """The values that a run is found by: an unfinished one by its id and its name to be."""
    also = ("called", "short") if column == "name" else ()
    values = [row[column], *(row.get(name) for name in also)]
    return [value for value in values if value is not None]

"""Behaviour scores, written as properties of the heads of a loaded run."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

from headgraph.base.files.documents import shown
from headgraph.base.files.rows import as_floats, check_numbers, read_csv
from headgraph.base.names import head_name
from headgraph.base.notebook import NotebookReport
from headgraph.base.spelling import either
from headgraph.base.text import listed, quoted, short, whole_number
from headgraph.graphdb import schema
from headgraph.graphdb.connection.runner import Runner
from headgraph.graphdb.runs import unknown_run
from headgraph.loader._database import LOCK, again, number
from headgraph.loader.errors import LOAD, RUNS, AnnotationError, UnknownRun

if TYPE_CHECKING:
    import pandas as pd

_SHAPE = f"""
MATCH (r:{schema.RUN} {{name: $run}})
RETURN r.id AS id, r.n_layers AS n_layers, r.n_heads AS n_heads
"""
_HEADS = f"""
MATCH (r:{schema.RUN} {{name: $run}}) WHERE properties(r).layers IS NOT NULL
MATCH (h:{schema.HEAD} {{run: $run}}) RETURN h.layer AS layer, h.head AS head, h.name AS name
"""
_AS_MEASURED = either("as in the result of behaviour()", "as in a file of headgraph behaviour -o")
_NAMES = f"MATCH (r:{schema.RUN}) WHERE r.name IS NOT NULL RETURN r.name ORDER BY r.name"
_WRITE = f"""
MATCH (r:{schema.RUN} {{name: $run}})
{LOCK} WHERE r.id = $id
SET r.behaviour_prompts = $prompts, r.behaviour_seed = $seed
WITH r
UNWIND $heads AS row
MATCH (h:{schema.HEAD} {{run: $run, name: row.name}})
SET h += row.scores
RETURN count(h) AS heads
"""


@dataclass(frozen=True)
class AnnotationReport(NotebookReport):
    """Report of `annotate`.

    Attributes:
        run: name of the run.
        heads: number of heads that got scores.
        behaviours: names of the scores.
    """

    run: str
    heads: int
    behaviours: tuple[str, ...]

    def __str__(self) -> str:
        return f"{short(self.run)}: {', '.join(self.behaviours)} on {self.heads} heads"


def annotate(
    behaviour: "pd.DataFrame | str | os.PathLike[str]", graph: Runner, run: str
) -> AnnotationReport:
    """Write behaviour scores as properties of a run's heads, in one transaction.

    Earlier scores are removed, including those that the new rows lack, so that all scores of a run
    come from one measurement. Its number of prompts and its seed are stored on the Run.

    Args:
        behaviour: rows of `headgraph behaviour`, or their CSV file: `layer`, `head`, and scores of
            `graphdb.schema.BEHAVIOURS` from 0 to 1; every head once.
        graph: the database.
        run: name of the run.

    Raises:
        AnnotationError: the file cannot be read, or does not fit the run's model.
        UnknownRun: there is no such run, or it was dropped meanwhile.
    """
    rows, behaviours = _checked(behaviour)
    shape = list(graph.read(_SHAPE, {"run": run}))
    if not shape:
        names = graph.read(_NAMES).rows
        raise unknown_run(run, [str(name) for (name,) in names])
    if None in shape[0].values():
        raise AnnotationError(
            f"the run {short(run)} lacks the numbers of layers and heads of its model, so "
            f"headgraph did not make it: expected a run of {LOAD}"
        )
    known = _known(graph, run, shape[0]["n_layers"], shape[0]["n_heads"])
    _check_heads(rows, shape[0]["n_layers"], shape[0]["n_heads"], run, known)
    params = {
        "run": run,
        "id": shape[0]["id"],
        "prompts": _one(rows, "prompts"),
        "seed": _one(rows, "seed"),
        "heads": [_head(row, known) for row in rows.to_dict("records")],
    }
    (result,) = again(lambda: graph.write_all([(_WRITE, params)]))
    if not number(result):
        raise UnknownRun(
            f"the run {run} was dropped or replaced at this moment, and nothing was written: see "
            f"{RUNS}"
        )
    return AnnotationReport(run, number(result), behaviours)


def _known(graph: Runner, run: str, n_layers: int, n_heads: int) -> dict[tuple[int, int], str]:
    """(layer, head) -> name of the run's heads, of which layers may have none."""
    rows = graph.read(_HEADS, {"run": run}).rows
    return {(int(layer), int(head)): str(name) for layer, head, name in rows} or {
        place: head_name(*place) for place in product(range(n_layers), range(n_heads))
    }


def _checked(behaviour: Any) -> tuple["pd.DataFrame", tuple[str, ...]]:
    import pandas as pd

    given = isinstance(behaviour, pd.DataFrame)
    name = "the table" if given else shown(behaviour)
    rows = behaviour if given else read_csv(behaviour, problem=AnnotationError)
    behaviours = tuple(column for column in schema.BEHAVIOURS if column in rows)
    if not {"layer", "head"} <= set(rows) or not behaviours:
        raise AnnotationError(
            f"{name} has the columns {listed(rows.columns)}: expected layer, head and some of "
            f"{', '.join(schema.BEHAVIOURS)}, {_AS_MEASURED}"
        )
    if rows.empty:
        raise AnnotationError(f"{name} has no rows: expected one per head, {_AS_MEASURED}")
    for column in behaviours:
        _check_scores(rows[column], name)
    heads = ("layer", "head")
    rows = check_numbers(rows, heads, source=name, problem=AnnotationError, whole=True)
    return rows, behaviours


def _check_scores(values: "pd.Series[Any]", name: str) -> None:
    numbers = as_floats(values)
    wrong = (values.notna() & ~((numbers >= 0) & (numbers <= 1))).to_numpy()
    if wrong.any():
        place = int(wrong.argmax())  # the index of a table given in Python can be anything
        value = quoted(values.astype(object).iloc[place])
        raise AnnotationError(
            f"{name}, row {place + 1}, has {values.name} {value}: expected a number from 0 "
            f"to 1, {_AS_MEASURED}"
        )


def _check_heads(
    rows: "pd.DataFrame", n_layers: int, n_heads: int, run: str, names: Mapping[Any, str]
) -> None:
    found = sorted(zip(rows["layer"], rows["head"], strict=True))
    expected = sorted(names)
    if found != expected:
        raise AnnotationError(
            f"the scores are of {len(found)} heads, up to layer {rows['layer'].max()} and head "
            f"{rows['head'].max()}: expected each of run {run}'s {n_layers} layers of {n_heads} "
            "heads once"
            if len(expected) == n_layers * n_heads
            else f"the scores are of {len(found)} heads: expected each of run {run}'s "
            f"{len(expected)} heads once"
        )


def _head(row: Mapping[Any, Any], names: Mapping[Any, Any]) -> dict[str, Any]:
    values = {name: row.get(name) for name in schema.BEHAVIOURS}
    # a missing value is not equal to itself; null removes the property
    scores = {k: None if v is None or v != v else float(v) for k, v in values.items()}
    return {"name": names[int(row["layer"]), int(row["head"])], "scores": scores}


def _one(rows: "pd.DataFrame", column: str) -> int | None:
    """The whole number that all rows of a column share; None without such a column."""
    if column not in rows:
        return None
    found = rows[column].unique().tolist()
    value = whole_number(str(found[0])) if len(found) == 1 else None
    if value is None:
        raise AnnotationError(
            f"the column {column} holds {listed(found, 3)}: expected the same whole number in "
            "every row, because the scores are of one measurement"
        )
    return value

"""Run every stored query on real graphs and keep the answers for docs/reference/queries.md.

    make examples

Uses the database that the environment names, or the local server's. Loads GPT-2 small's strongest
3 % with its communities, and a two-layer model with induction heads in all pairings, the strongest
40 pairs of each: before training, trained, and trained with its norms folded in. An answer goes to
queries/examples/NAME.txt below the command that gives it.
"""

import tempfile
from dataclasses import replace
from pathlib import Path

from train_induction import Settings, prepare, save_folder

from headgraph import graphdb, loader, queries
from headgraph._cells import column
from headgraph._layout import lay_out
from headgraph.graphdb import Graph
from headgraph.pk_engine import AffinityTable, Selection, compute
from headgraph.queries.stored_queries.markdown import EXAMPLES
from headgraph.queries.stored_queries.query import EXAMPLE_RUN, Query

TRAINED = 1150  # the step of the bundled model, see its training.json
WIDTH, LINES = 110, 16
OF_THE_MOMENT = ("loaded_at", "loader_version")
"""Facts of a run that differ at each load."""


def load_runs(graph: Graph) -> None:
    """Load the runs that the examples query; existing runs stay."""
    loader.load("gpt2-small", graph, run=EXAMPLE_RUN, selection=Selection(top_percent=3))
    queries.communities(graph, run=EXAMPLE_RUN, write=True)
    trained = checkpoint("induction-2l", TRAINED)
    loader.load(trained, graph, run="induction-2l")
    loader.load(checkpoint("induction-2l", None, fold_ln=True), graph, run="induction-2l-folded")
    with tempfile.TemporaryDirectory() as folder:
        save_folder(prepare(Settings()), Path(folder))
        loader.load(checkpoint(folder, 0), graph, run="induction-2l-untrained", labels="none")


def checkpoint(model: str, step: float | None, *, fold_ln: bool = False) -> AffinityTable:
    """All pairings of a model; with a step, as a checkpoint of its training."""
    table = compute(
        model, pairings="all", selection=Selection(top=40), fold_ln=fold_ln, name="induction-2l"
    )
    series = None if step is None else "induction-2l"
    return AffinityTable(table.columns, replace(table.meta, series=series, step=step))


def example(query: Query, graph: Graph) -> str:
    """The command and its output, shortened if it is long."""
    values = {"run": EXAMPLE_RUN, **query.example}
    run = values.pop("run")
    frame = queries.query(query.name, graph, run=run, **values)
    if "fact" in frame:
        frame = frame[~frame["fact"].isin(OF_THE_MOMENT)]
    columns = [column(str(name), frame[name].array) for name in frame.columns]
    lines = list(lay_out(columns, WIDTH)) if len(frame) else ["no rows"]
    lines = [*lines[:LINES], "..."] if len(lines) > LINES else lines
    return "\n".join([f"$ {query.example_line}", *(line.rstrip() for line in lines)]) + "\n"


def main() -> None:
    """Load the runs, run the queries, write the answers."""
    EXAMPLES.mkdir(exist_ok=True)
    with graphdb.connect() as graph:
        load_runs(graph)
        for query in queries.catalogue().values():
            (EXAMPLES / f"{query.name}.txt").write_text(example(query, graph), encoding="utf-8")


if __name__ == "__main__":
    main()

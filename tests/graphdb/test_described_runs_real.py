"""Whatever kind of run is loaded, `headgraph schema` has each of its labels, properties, types."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from headgraph import graphdb, loader, queries
from headgraph.base.names import NULLS, PAIRINGS
from headgraph.graphdb import Graph
from headgraph.graphdb.description import CONVENTIONS, ELEMENTS
from headgraph.loader.imports import values
from headgraph.pk_engine.metrics.registry import METRICS
from headgraph.pk_engine.table.affinity import AffinityTable
from headgraph.pk_engine.table.selection import Selection
from tests.graphdb.test_description_real import EDGES, NODES, TYPES, general
from tests.queries.conftest import emptied
from tests.tables import random_table


def with_nulls() -> AffinityTable:
    table = random_table(3, 4, 2)
    columns = {f"{kind}_{name}": 0.5 for name in NULLS for kind in "zpq"}
    meta = replace(table.meta, nulls={name: {"seed": 0, "samples": None} for name in NULLS})
    return AffinityTable(table.frame.assign(**columns), meta)


RUNS: dict[str, Callable[[], AffinityTable]] = {
    "grouped": lambda: random_table(3, 4, 2, pairings=("OK", "KV", "VV"), format_2=True),
    "expanded": lambda: random_table(2, 2, 1, pairings=PAIRINGS, kv="expand"),
    "series": lambda: random_table(3, 4, series="pile", step=512.0, format_2=True),
    "nulls": with_nulls,
    "no decoys": lambda: random_table(3, 4, metrics=tuple(METRICS)),
    "cut": lambda: random_table(3, 4, format_2=True).select(Selection(top=1)),
    "two heads": lambda: random_table(2, 1, pairings=("OV",)),
}


@pytest.mark.parametrize("name", RUNS)
def test_each_kind_of_run_is_described(name: str, graph: Graph, tmp_path: Path) -> None:
    table = RUNS[name]()
    loader.load(table, graph, run="one")
    compare(graph, table)
    queries.communities(graph, run="one", pairings=table.meta.pairings, write=True)
    heads = graph.read("MATCH (h:Head) RETURN h.layer AS layer, h.head AS head").frame()
    loader.annotate(heads.assign(induction=0.5, prompts=3, seed=0), graph, run="one")
    compare(graph, table)
    loader.export("one", tmp_path / "one.json", graph)
    emptied(graph)
    loader.import_runs(tmp_path / "one.json", graph)
    compare(graph, table)


def compare(graph: Graph, table: AffinityTable) -> None:
    text = graphdb.schema_text()
    types = {neo: cypher for cypher, neo in TYPES.items()}
    found = [*graph.read(NODES), *graph.read(EDGES)]
    assert len({row["label"] for row in found}) >= 2 + len(set(table.frame["pairing"]))
    for row in found:
        label, own = general(row["label"], row["name"] or "")
        assert f"## {next(it.pattern for it in ELEMENTS if it.name == label)}\n" in text
        if row["name"] is not None:
            assert f"- {own} ({types[row['type']]}): " in text, row
    labels = {*graph.read("MATCH (n) UNWIND labels(n) AS label RETURN collect(label)").single()}
    assert labels - {"Eraser", "Copier"} <= {"Run", "Head", "Role"}
    for label in labels:
        assert f":{label}" in text


def test_what_a_load_writes_while_it_runs_is_named() -> None:
    (line,) = [text for text in CONVENTIONS if "being loaded or dropped" in text]
    for name in {*values._ATTEMPT} - {"started_at", "loaded_at", "lock"}:
        assert f" {name}" in line

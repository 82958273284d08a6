"""A run that was exported and imported is the run: the same graph, and the same bytes again."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import headgraph
from headgraph.graphdb import Graph
from headgraph.loader.exports.formats import FORMATS
from headgraph.loader.imports.reading import READERS
from headgraph.pk_engine.table.selection import Selection
from tests.loader.exports.graphs import roles_file
from tests.loader.exports.test_files_real import dump, empty
from tests.tables import random_table

ENDINGS = tuple(FORMATS[name].ending for name in READERS)
GROUPED = random_table(3, 4, 2, pairings=("OQ", "OK", "KV"), metrics=("pk", "cs"), seed=1)


def annotated_gpt2(graph: Graph, folder: Path) -> str:
    """GPT-2's default graph with bundled roles, communities and behaviour."""
    headgraph.load("gpt2-small", graph, run="gpt2", selection=Selection(top_percent=3))
    headgraph.communities(graph, run="gpt2", write=True)
    _behave(graph, folder, "gpt2", 12, 12)
    return "gpt2"


def annotated_grouped(graph: Graph, folder: Path) -> str:
    """A grouped-query run with roles of a file, communities, behaviour and own properties."""
    headgraph.load(GROUPED, graph, run="grouped", labels=roles_file(folder))
    headgraph.communities(graph, run="grouped", pairings=("OQ", "OK"), write=True)
    _behave(graph, folder, "grouped", 3, 4)
    _own_properties(graph)
    return "grouped"


def _behave(graph: Graph, folder: Path, run: str, layers: int, heads: int) -> None:
    rows = [f"{i},{j},{(i * 7 + j) / 100},{1 / (1 + i + j)},5,1"
            for i in range(layers) for j in range(heads)]  # fmt: skip
    text = "\n".join(["layer,head,induction,previous_token,prompts,seed", *rows])
    (folder / "behaviour.csv").write_text(text, "utf-8")
    headgraph.annotate(folder / "behaviour.csv", graph, run)


def _own_properties(graph: Graph) -> None:
    """Of every kind that a property can have, and labels and roles made by hand."""
    graph.write(
        "MATCH (h:Head {run: 'grouped', name: 'L0H0'}) "
        "SET h:Odd:Ünusual, h.tags = ['a;b', ''], h.marks = [1, 2], h.parts = [0.5, 2.0], "
        "h.flags = [true], h.none = [], h.text = '[\"a\"]', h.blank = '', h.yes = true, "
        "h.when = date('2026-01-02'), h.mixed = 3, h.large = 9007199254740993, h.small = 5e-324",
    )
    graph.write(
        "MATCH (h:Head {run: 'grouped', name: 'L0H1'}) SET h.mixed = 0.1 + 0.2, h.neg = -0.0"
    )
    graph.write(
        "MATCH (:Head {run: 'grouped', name: 'L0H0'})-[e]->() SET e.seen = true, e.said = 'x, y', "
        "e.count = 3 WITH e LIMIT 1 SET e.count = 2.5"
    )
    # the first edges lack this one and have a kv_head
    graph.write("MATCH (:Head {run: 'grouped', layer: 1})-[e:OK]->() SET e.late = 7")
    graph.write("MATCH (r:Run {name: 'grouped'}) SET r.note = $text", {"text": "a\r\nb\tc\r"})
    graph.write(
        "MATCH (h:Head {run: 'grouped', name: 'L2H1'}) MERGE (role:Role {name: 'By hand; ä'}) "
        "CREATE (h)-[:HAS_ROLE {circuit: 'own', weight: 0.5, sure: true}]->(role)"
    )


RUNS: dict[str, Callable[[Graph, Path], str]] = {
    "gpt2": annotated_gpt2,
    "grouped": annotated_grouped,
}


@pytest.fixture(params=RUNS)
def run(request: pytest.FixtureRequest, graph: Graph, tmp_path: Path) -> str:
    return RUNS[request.param](graph, tmp_path)


def without_dates(graph: Graph) -> tuple[list[Any], list[Any]]:
    """All nodes and relationships, with dates as the text that an export makes of them."""
    graph.write("MATCH (h:Head) WHERE h.when IS NOT NULL SET h.when = toString(h.when)")
    return dump(graph)


def test_the_round_trip_is_exact(run: str, graph: Graph, tmp_path: Path) -> None:
    first = {}
    for ending in ENDINGS:
        first[ending] = tmp_path / f"first{ending}"
        headgraph.export(run, first[ending], graph)
    known = without_dates(graph)
    for ending, file in first.items():
        # of the same graph, the formats of a large one are written as those of a small one
        seconds = [ending] if run == "gpt2" else ENDINGS
        empty(graph)
        (report,) = headgraph.import_runs(file, graph)
        assert (report.outcome, report.run) == ("imported", run)
        assert dump(graph) == known, ending
        for other in seconds:
            headgraph.export(run, tmp_path / f"second{other}", graph, force=True)
            again = (tmp_path / f"second{other}").read_bytes()
            assert again == first[other].read_bytes(), (ending, other)
        (report,) = headgraph.import_runs(file, graph)
        assert report.outcome == "unchanged"
        assert dump(graph) == known

"""A loader that is killed in the middle: the next load ends with one complete run.

A server that is killed is in tests/graphdb/server/test_lifecycle.py.
"""

import signal
from pathlib import Path

import pytest

from headgraph import loader
from headgraph.graphdb import Graph
from headgraph.graphdb.errors import StatementError
from headgraph.pk_engine.table.affinity import AffinityTable
from tests.loader.databases import contents, expected, run_node
from tests.loader.fakes import UNKNOWN_DECOYS
from tests.loader.slow import Killed
from tests.tables import random_table

SMALL = random_table(model="test/small", seed=5)


@pytest.fixture(scope="module")
def large() -> AffinityTable:
    """1,620 edges in 18 batches of `tests.loader.slow`, to be killed between."""
    return random_table(6, 6, model="test/large")


@pytest.fixture(scope="module")
def large_file(large: AffinityTable, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return large.write(tmp_path_factory.mktemp("large") / "large.parquet")


@pytest.mark.parametrize(
    ("where", "by"),
    [
        ("heads", signal.SIGKILL),
        ("edges", signal.SIGKILL),
        ("writing", signal.SIGKILL),
        ("writing", signal.SIGINT),
    ],
)
def test_killed_loader(
    graph: Graph,
    killed_load: Killed,
    large: AffinityTable,
    large_file: Path,
    where: str,
    by: signal.Signals,
) -> None:
    with killed_load(str(large_file), "big", where, by=by):
        assert contents(graph).get("Head", 0) == 0
    (listed,) = loader.runs(graph).to_dict("records")
    assert (listed["status"], listed["name"]) == ("loading", "big")
    loader.load(SMALL, graph, run="other")  # another load is not in the way of the leftover
    report = loader.load(large_file, graph, run="big")
    assert report.outcome == "loaded"
    loader.drop(graph, "other")
    assert contents(graph) == expected(large)
    assert run_node(graph, "big")["status"] == "complete"
    assert loader.load(large_file, graph, run="big").outcome == "unchanged"


def test_an_interrupted_load_can_be_dropped(
    graph: Graph, killed_load: Killed, large_file: Path
) -> None:
    with killed_load(str(large_file), "big", "edges"):
        pass
    assert list(loader.runs(graph)["name"]) == ["big"]
    (attempt,) = loader.unfinished(graph)
    assert loader.drop(graph, attempt.name).run == attempt.name
    assert contents(graph) == {}


def test_attempts_at_a_name_go_with_its_next_load(
    graph: Graph, killed_load: Killed, tmp_path: Path
) -> None:
    """One of another table that is dead goes, one that is alive stays, and so does a stranger's."""
    first, second = (str(random_table(seed=s).write(tmp_path / f"{s}.parquet")) for s in (1, 2))
    graph.write("CREATE (:Run {id: 'made by hand', alive_at: 7, status: 'new'})")
    with killed_load(first, "big", "heads"):
        with killed_load(second, "big", "heads"):
            pass
        dead, alive = sorted(loader.unfinished(graph), key=lambda it: it.alive is True)
        assert (dead.alive, alive.alive) == (False, True)
        assert {dead.called, alive.called} == {"big"}
        *notes, decoys = loader.load(SMALL, graph, run="big").notes
        assert decoys == UNKNOWN_DECOYS
        assert sorted(notes) == [
            f"first removing {dead}",
            f"left alone: {alive}; drop(graph, {alive.name!r}) removes it",
        ]
        assert [it.id for it in loader.unfinished(graph)] == [alive.id]
    report = loader.drop(graph, alive.name)
    assert "an attempt at big" in str(report)
    assert "seems to have ended" in str(report)
    graph.write("MATCH (r:Run {id: 'made by hand'}) DELETE r")
    assert contents(graph) == expected(SMALL)
    marks = {"loader", "loader_process", "alive_at", "called"}
    assert not marks & set(run_node(graph, "big"))


def test_a_load_that_the_database_refuses_leaves_nothing(graph: Graph, tmp_path: Path) -> None:
    labels = tmp_path / "labels.csv"
    text = f"layer,head,role,circuit,source,note\n0,1,own,,,{'a' * 20_000}\n"
    labels.write_text(text, encoding="utf-8")
    graph.command("CREATE INDEX notes FOR ()-[r:HAS_ROLE]-() ON (r.note)")
    graph.command("CALL db.awaitIndexes(60)")
    try:
        with pytest.raises(StatementError, match="too large to index"):
            loader.load(SMALL, graph, run="big", labels=labels)
    finally:
        graph.command("DROP INDEX notes")
    assert contents(graph) == {}


def test_killed_while_it_deletes_what_it_replaced(
    graph: Graph, killed_load: Killed, large: AffinityTable, large_file: Path
) -> None:
    loader.load(SMALL, graph, run="big")
    with killed_load(str(large_file), "big", "published", "--replace"):
        pass
    assert sorted(loader.runs(graph)["status"]) == ["complete", "dropping"]
    heads = graph.read("MATCH (h:Head) RETURN DISTINCT h.run AS run, count(*) AS n").rows
    assert heads == (("big", 36),)
    assert loader.load(large_file, graph, run="big").outcome == "unchanged"
    assert contents(graph) == expected(large)

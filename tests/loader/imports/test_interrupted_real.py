"""An import that is killed in the middle: nothing is seen, and the next one makes the whole run."""

import signal
from functools import partial
from pathlib import Path

import pytest

import headgraph
from headgraph import loader
from headgraph.graphdb import Graph
from headgraph.graphdb.errors import StatementError
from tests.loader.databases import contents, expected, run_node
from tests.loader.exports.test_files_real import dump
from tests.loader.slow import Killed
from tests.tables import random_table

LARGE = random_table(6, 6, model="test/large")
SMALL = random_table(model="test/small", seed=5)


@pytest.fixture
def killed_import(killed_load: Killed) -> Killed:
    return partial(killed_load, work="import")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """1,620 edges in 18 batches of `tests.loader.slow`."""
    path = tmp_path_factory.mktemp("large") / "big.json"
    headgraph.export(LARGE, path, name="big", labels="none")
    return path


@pytest.mark.parametrize(
    ("where", "by"),
    [
        ("heads", signal.SIGKILL),
        ("edges", signal.SIGKILL),
        ("writing", signal.SIGKILL),
        ("writing", signal.SIGINT),
    ],
)
def test_killed_import(
    graph: Graph, killed_import: Killed, file: Path, where: str, by: signal.Signals
) -> None:
    with killed_import(str(file), where, by=by):
        assert contents(graph).get("Head", 0) == 0
        assert graph.read("MATCH (r:Run) RETURN count(r.name)").single() == 0
    assert contents(graph).get("Head", 0) == 0
    (left,) = loader.unfinished(graph)
    assert (left.status, left.called, left.alive) == ("loading", "big", False)
    (report,) = headgraph.import_runs(file, graph)
    assert report.outcome == "imported"
    assert report.notes == (f"first removing {left}",)
    assert contents(graph) == expected(LARGE)
    assert run_node(graph, "big")["status"] == "complete"
    assert not {"loader", "loader_process", "alive_at", "called"} & set(run_node(graph, "big"))
    assert loader.load(LARGE, graph, run="big", labels="none").outcome == "unchanged"


def test_a_load_removes_what_a_killed_import_left(
    graph: Graph, killed_import: Killed, file: Path
) -> None:
    with killed_import(str(file), "edges"):
        pass
    loader.load(SMALL, graph, run="big")
    assert contents(graph) == expected(SMALL)


def test_killed_while_it_deletes_what_it_replaced(
    graph: Graph, killed_import: Killed, file: Path
) -> None:
    """The run that is replaced is the same one, with more on its heads."""
    headgraph.import_runs(file, graph)
    known = dump(graph)
    graph.write("MATCH (h:Head) SET h.community = 1")
    with killed_import(str(file), "published", "--replace"):
        pass
    assert sorted(loader.runs(graph)["status"]) == ["complete", "dropping"]
    assert graph.read("MATCH (h:Head) RETURN count(*), count(h.community)").rows == ((36, 0),)
    graph.write("MATCH (h:Head) SET h.community = 2")
    (report,) = headgraph.import_runs(file, graph, replace=True)  # heads of two old runs go
    assert report.outcome == "replaced"
    assert dump(graph) == known


@pytest.mark.parametrize("then", ["drop", "load"])
def test_the_rest_of_what_it_replaced_is_not_in_the_way(
    graph: Graph, killed_import: Killed, file: Path, then: str
) -> None:
    """The heads of the old run and of the new one had the same ids."""
    headgraph.import_runs(file, graph)
    graph.write("MATCH (h:Head) SET h.community = 1")
    with killed_import(str(file), "published", "--replace"):
        pass
    if then == "drop":
        loader.drop(graph, "big")
        assert contents(graph) == {}
    else:
        loader.load(SMALL, graph, run="big", labels="none", replace=True)
        assert contents(graph) == expected(SMALL)


def test_an_import_that_the_database_refuses_leaves_nothing(graph: Graph, tmp_path: Path) -> None:
    labels = tmp_path / "labels.csv"
    text = f"layer,head,role,circuit,source,note\n0,1,own,,,{'a' * 20_000}\n"
    labels.write_text(text, encoding="utf-8")
    headgraph.export(SMALL, tmp_path / "g.cypher", name="big", labels=labels)
    graph.command("CREATE INDEX notes FOR ()-[r:HAS_ROLE]-() ON (r.note)")
    graph.command("CALL db.awaitIndexes(60)")
    try:
        with pytest.raises(StatementError, match="too large to index"):
            headgraph.import_runs(tmp_path / "g.cypher", graph)
    finally:
        graph.command("DROP INDEX notes")
    assert contents(graph) == {}


def test_a_load_of_the_same_run_that_may_be_at_work_is_not_in_its_way(
    graph: Graph, killed_load: Killed, tmp_path: Path, file: Path
) -> None:
    """It has the id that the import would give, so the import waits for another time."""
    table = str(LARGE.write(tmp_path / "large.parquet"))
    with killed_load(table, "big", "heads"):  # nothing of it is under way
        before = dump(graph)
        with pytest.raises(headgraph.HeadgraphError, match="the run big is being loaded already"):
            headgraph.import_runs(file, graph)
        assert dump(graph) == before
    (report,) = headgraph.import_runs(file, graph)
    assert report.outcome == "imported"
    assert contents(graph) == expected(LARGE)

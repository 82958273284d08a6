"""Room on the local server's disk, checked before a load or drop."""

import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

import pandas as pd
import pytest

from headgraph import loader
from headgraph.graphdb import Graph, Settings
from headgraph.graphdb.connection.runner import RecordingGraph
from headgraph.graphdb.errors import ServerError
from headgraph.graphdb.server import ServerHome
from headgraph.graphdb.server.home.folder import SPACE_TO_WRITE
from headgraph.graphdb.server.home.state import State
from headgraph.graphdb.server.running_server import home_of
from headgraph.loader._disk_space import AN_EDGE, ROOM, refuse_without_room
from headgraph.loader.loading.edges import batches
from headgraph.loader.loading.plan import plan_load
from headgraph.pk_engine.table.selection import Selection
from headgraph.queries.network.communities import communities
from tests.tables import random_table

TABLE = random_table(3, 4, 2)


def left(monkeypatch: pytest.MonkeyPatch, free: int) -> list[Path]:
    """Say that so many bytes are left; the folders that were asked about."""
    asked: list[Path] = []
    usage = shutil.disk_usage("/")

    def answer(path: Path) -> object:
        asked.append(Path(path))
        return usage._replace(free=free)

    monkeypatch.setattr(shutil, "disk_usage", answer)
    return asked


def test_a_run_needs_more_the_more_edges_and_properties_it_has() -> None:
    few, all_of_them = (
        plan_load(TABLE, "r", selection, None).disk_bytes for selection in (Selection(top=5), None)
    )
    assert ROOM < few < all_of_them
    more = random_table(3, 4, 2, metrics=("pk", "cs"))
    assert plan_load(more, "r", None, None).disk_bytes > all_of_them
    many = random_table(8, 12)
    assert plan_load(many, "r", None, None).disk_bytes > ROOM + AN_EDGE * len(many.edges())


def test_a_load_into_the_local_server_is_refused_before_it_writes(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = left(monkeypatch, 3_000_000)
    with pytest.raises(ServerError) as caught:
        loader.load(TABLE, graph, run="tiny")
    told = -(-plan_load(TABLE, "tiny", None, None).disk_bytes // 10**6)
    assert f"has 3 MB left and {told} MB are needed: free some space" in str(caught.value)
    assert asked == [ServerHome.default().data]
    assert graph.read("MATCH (n) RETURN count(n)").single() == 0
    assert loader.load(TABLE, graph, run="tiny", dry_run=True).outcome == "loaded"


def test_what_is_there_already_needs_no_room(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    loader.load(TABLE, graph, run="tiny")
    left(monkeypatch, 0)
    assert loader.load(TABLE, graph, run="tiny").outcome == "unchanged"
    assert loader.drop_all(graph, ["tiny"], dry_run=True)[0].run == "tiny"


def test_a_drop_writes_too(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    loader.load(TABLE, graph, run="tiny")
    with monkeypatch.context() as patch:
        left(patch, ROOM)
        with pytest.raises(ServerError, match="has 40 MB left and 41 MB are needed: free some"):
            loader.drop(graph, "tiny")
    assert loader.runs(graph)["name"].tolist() == ["tiny"]
    assert loader.drop(graph, "tiny").run == "tiny"


def test_the_disk_of_another_server_is_not_checked(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = left(monkeypatch, 0)
    monkeypatch.setattr("headgraph.graphdb.server.running_server.home_of", lambda settings: None)
    assert loader.load(TABLE, graph, run="tiny").outcome == "loaded"
    assert asked == []


def test_nothing_writes_to_a_disk_that_is_all_but_full(
    graph: Graph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loader.load(TABLE, graph, run="tiny")
    labels = tmp_path / "labels.csv"
    labels.write_text("layer,head,role\n0,0,induction\n")
    left(monkeypatch, SPACE_TO_WRITE - 1)
    heads = [(layer, head, 0.5) for layer in range(3) for head in range(4)]
    rows = pd.DataFrame(heads, columns=["layer", "head", "induction"])
    for write in (
        lambda: loader.annotate(rows, graph, run="tiny"),
        lambda: loader.load(TABLE, graph, run="tiny", labels=labels),
        lambda: communities(graph, run="tiny", write=True),
        lambda: graph.write("CREATE (:Other)"),
        lambda: graph.write_all([("CREATE (:Other)", {})]),
        lambda: list(graph.write_each([("CREATE (:Other)", {})])),
        lambda: graph.command("CREATE INDEX other FOR (n:Other) ON n.x"),
    ):
        with pytest.raises(ServerError, match="has 19 MB left and 20 MB are needed: free some"):
            write()
    assert graph.read("MATCH (n:Other) RETURN count(n)").single() == 0


def test_a_disk_that_fills_during_a_load_ends_it_before_neo4j_meets_the_end(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill(done: int, total: int) -> None:
        left(monkeypatch, 0)

    table = random_table(8, 12)
    monkeypatch.setattr("headgraph.loader.loading.load.batches", partial(batches, size=100))
    with pytest.raises(ServerError, match="has 0 MB left and 20 MB are needed"):
        loader.load(table, graph, run="cut-off", progress=fill)
    monkeypatch.undo()
    assert loader.runs(graph)["status"].tolist() == ["loading"]
    assert loader.load(table, graph, run="cut-off").outcome == "loaded"


def test_recording_graphs_have_no_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = left(monkeypatch, 0)
    refuse_without_room(RecordingGraph(), 10**12)
    assert asked == []


def test_the_local_server_is_recognised_by_its_address_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    home = ServerHome.default()
    home.prepare()
    State(pid=1, bolt=4711, http=2, version="5", ready=True).write(home)
    monkeypatch.setattr("headgraph.graphdb.server.process.is_ours", lambda pid, home: True)
    here = Settings(uri="bolt://localhost:4711")
    assert home_of(here) == home_of(replace(here, uri="neo4j://127.0.0.1:4711")) == home
    assert home_of(replace(here, home=tmp_path)) == ServerHome(tmp_path)
    for other in ("bolt://localhost:4712", "bolt://db.example:4711", "bolt://localhost"):
        assert home_of(replace(here, uri=other)) is None
    monkeypatch.setattr("headgraph.graphdb.server.process.is_ours", lambda pid, home: False)
    assert home_of(here) is None

"""Neo4j's importer, into a server of this module's own: the graph of any other load.

The server's first store comes from exported CSV files, its later ones from `load --offline`.
"""

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

import headgraph.loader.offline as offline
from headgraph import export, loader
from headgraph.graphdb import Graph, connect
from headgraph.graphdb.errors import ServerError
from headgraph.graphdb.server import (
    RunningServer,
    ServerHome,
    running,
)
from headgraph.graphdb.server.store import importer
from headgraph.graphdb.server.store.exchange import keep, replace_store
from headgraph.loader.attempts import own_process
from headgraph.loader.errors import NameTaken, OfflineRefused
from headgraph.loader.loading import writer
from headgraph.pk_engine.table.selection import Selection
from tests.commands import headgraph
from tests.graphdb_server_fixture import keep_plans, own_home
from tests.loader.databases import contents
from tests.loader.exports.graphs import roles_file
from tests.loader.exports.test_files_real import dump, empty, run_script, schema_of
from tests.loader.first_store import EXPORTED, Exported, Found, exchanges_that_fail, left_behind
from tests.tables import random_table

TABLE = random_table(
    3, 4, 2, pairings=("OQ", "OK", "KV"), metrics=("pk", "cs"), series="pile", format_2=True
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What XDG_DATA_HOME is for this module's server, with all that means something to Neo4j."""
    return tmp_path_factory.mktemp("offline, data=[a-b] {c} ü*")


@pytest.fixture(scope="module")
def exported(database: Graph, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    folder = tmp_path_factory.mktemp("exported")
    labels = roles_file(folder)
    empty(database)
    loader.load(EXPORTED, database, run="tiny", labels=labels)
    database.write(
        "MATCH (h:Head {name: 'L0H0'}) SET h.tags = ['a', 'b'], h.on = true, h.induction = 0.25, "
        "h.text = $text, h.none = ''",
        {"text": 'a "b", c; \\ é 😀'},
    )
    files = export("tiny", folder / "csv", database).files
    return Exported(dump(database), schema_of(database), labels, files)


@pytest.fixture(scope="module")
def first(classes: None, folder: Path, exported: Exported) -> Iterator[tuple[ServerHome, Found]]:
    """The module's server, and what was in it at first."""
    nodes, relationships, schema = exported.files
    with own_home(folder / "headgraph" / "server") as home:
        keep_plans(home)
        with importer.workplace(home) as scratch:
            replace_store(home, importer.build_store(scratch, nodes, relationships))
            keep(home)
        beside = exchanges_that_fail(home)
        with opened(home) as imported:
            run_script(imported, schema)
            found = Found(
                beside=beside,
                contents=dump(imported),
                indexes=schema_of(imported),
                loaded=loader.runs(imported)["loaded"].notna().tolist(),
                again=loader.load(EXPORTED, imported, run="tiny", labels=exported.labels).outcome,
                dropped=loader.drop(imported, "tiny").edges,
                left=contents(imported),
            )
        yield home, found


@pytest.fixture
def home(first: tuple[ServerHome, Found]) -> ServerHome:
    return first[0]


@pytest.fixture
def local(home: ServerHome) -> Iterator[Graph]:
    """The module's own database, without any node."""
    with opened(home) as graph:
        empty(graph)
    with opened(home) as graph:
        yield graph


def opened(home: ServerHome) -> Graph:
    server = running(home)
    assert server is not None
    return connect(settings=server.settings())


def test_the_csv_files_make_what_a_load_makes(
    first: tuple[ServerHome, Found], exported: Exported
) -> None:
    _, found = first
    assert [path.name for path in exported.files] == [
        "nodes.csv", "relationships.csv", "schema.cypher",
    ]  # fmt: skip
    assert found.contents == exported.known
    assert found.loaded == [False], "nobody loaded it"
    assert set(found.indexes) >= {name for name in exported.indexes if "headgraph" in name}
    assert found.again == "unchanged"
    assert (found.dropped, found.left) == (len(EXPORTED.edges()), {})


def test_a_store_that_is_not_kept_leaves_the_old_one(first: tuple[ServerHome, Found]) -> None:
    """Its contents are those of `test_the_csv_files_make_what_a_load_makes`."""
    _, found = first
    assert found.beside == [["import", "replaced"], [], ["import", "replaced"], ["import"], []]
    assert found.left == {}, "the server writes in it"


def test_the_command_makes_the_graph_that_a_load_makes(
    home: ServerHome,
    local: Graph,
    graph: Graph,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    table = str(TABLE.write(tmp_path / "t.parquet"))
    before = running(home)
    assert before is not None
    options: dict[str, Any] = {"labels": roles_file(tmp_path), "selection": Selection(top=30)}
    loader.load(TABLE, graph, run="tiny", **options)
    unpublished = watch_publication(home, monkeypatch)
    line = ["load", table, "--offline", "--run", "tiny", "--top", "30"]
    line += ["--labels", str(options["labels"])]
    done = headgraph(*line, XDG_DATA_HOME=str(folder))
    assert done.returncode == 0, done.stderr
    assert unpublished == [(0, ["loading"], True, "tiny")]
    edges = len(TABLE.select(Selection(top=30)).edges())
    assert done.stdout.startswith(
        f"loaded tiny: 12 heads (2 with roles, from roles.csv) and {edges} "
    )
    steps = "writing files for the importer\nimporting\nstarting Neo4j 5.26.31\n"
    assert f"\n{steps}" in f"\n{done.stderr}"
    after = running(home)
    assert after is not None
    assert (before.pid != after.pid, before.bolt_uri == after.bolt_uri) == (True, True)
    assert left_behind(home) == []
    with opened(home) as imported:
        assert dump(imported) == dump(graph)
        assert schema_of(imported) == schema_of(graph)
        times = imported.read("MATCH (r:Run) RETURN r.started_at, r.loaded_at, r.loader").rows[0]
        assert times[0].to_native() <= times[1].to_native()
        assert times[2] is None
        assert loader.load(TABLE, imported, run="tiny", **options).outcome == "unchanged"
        assert loader.load(random_table(seed=3), imported, run="beside").outcome == "loaded"
    assert loader.load_offline(TABLE, run="tiny", home=home, **options).outcome == "unchanged"


def watch_publication(home: ServerHome, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Note what is there just before each publication.

    Returns:
        For each, how many heads are seen, the status of the runs, whether all of the run is there
        under the attempt's own token, and its name.
    """
    publish, seen = offline._publish, []

    def watching(graph: Graph, plan: Any, token: str) -> None:
        with opened(home) as imported:
            left = offline._unfinished(imported, plan)
            seen.append((
                imported.read("MATCH (h:Head) RETURN count(h)").single(),
                loader.runs(imported)["status"].tolist(),
                left is not None and left.is_whole(plan) and left.token == token,
                plan.name,
            ))  # fmt: skip
        publish(graph, plan, token)

    monkeypatch.setattr(offline, "_publish", watching)
    return seen


def test_a_database_with_something_in_it_is_refused(home: ServerHome, local: Graph) -> None:
    loader.load(random_table(seed=3), local, run="one")
    with pytest.raises(OfflineRefused, match="holds the run one, and Neo4j imports only into an"):
        loader.load_offline(TABLE, run="tiny", home=home)
    with pytest.raises(NameTaken):
        loader.load_offline(TABLE, run="one", home=home)
    loader.load(random_table(seed=4), local, run="two")
    with pytest.raises(
        OfflineRefused, match=r"runs one, two, .* load\(\) instead, or drop them first$"
    ):
        loader.load_offline(TABLE, run="tiny", home=home)
    empty(local)
    local.write("CREATE (:Mine), (:Mine)")
    with pytest.raises(OfflineRefused) as caught:
        loader.load_offline(TABLE, run="tiny", home=home)
    assert str(caught.value) == (
        "the local server's database holds 2 nodes of something else, and Neo4j imports only into "
        "an empty one: use load() instead"
    )
    assert caught.value.for_command_line().endswith("an empty one: leave out --offline")
    empty(local)
    local.command("CREATE INDEX mine FOR (n:Mine) ON (n.x)")
    try:
        with pytest.raises(OfflineRefused, match="holds the index mine, which headgraph did"):
            loader.load_offline(TABLE, run="tiny", home=home)
    finally:
        local.command("DROP INDEX mine")


def test_what_comes_in_meanwhile_is_not_lost(
    home: ServerHome, local: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*args: Any, **options: Any) -> Path:
        loader.load(random_table(seed=3), local, run="meanwhile")
        return Path()

    monkeypatch.setattr(importer, "build_store", busy)
    with pytest.raises(OfflineRefused, match="holds the run meanwhile"):
        loader.load_offline(TABLE, run="tiny", home=home)
    assert loader.runs(local)["name"].tolist() == ["meanwhile"]


def test_files_that_the_importer_refuses_change_nothing(
    home: ServerHome, local: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(offline, "write_graph", lambda content, a, b, run: a.write(b"no header\n"))
    before = running(home)
    with pytest.raises(ServerError, match="refuses the files: 'Missing header of type START_ID"):
        loader.load_offline(TABLE, run="tiny", home=home)
    assert running(home) == before, "the server was not even stopped"
    assert contents(local) == {}
    assert left_behind(home) == []


def test_cut_off_before_publication_there_is_no_run_and_the_same_again_makes_it(
    home: ServerHome, local: Graph, graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another load, cut off there, leaves what one with the importer does (`watch_publication`)."""

    def cut(*args: Any, **options: Any) -> None:
        raise KeyboardInterrupt

    unpublished = watch_publication(home, monkeypatch)
    with monkeypatch.context() as patch:
        patch.setattr(writer, "publish", cut)
        with pytest.raises(KeyboardInterrupt):
            loader.load(TABLE, local, run="tiny")
    assert local.read("MATCH (h:Head) RETURN count(h)").single() == 0
    with pytest.raises(OfflineRefused, match=r"holds the run [0-9a-f]{12}, and Neo4j imports"):
        loader.load_offline(TABLE, run="other", home=home)
    # the same again has only the publication to do
    monkeypatch.delattr(offline, "_import")
    assert loader.load_offline(TABLE, run="tiny", home=home).outcome == "loaded"
    assert unpublished == [(0, ["loading"], True, "tiny")]
    loader.load(TABLE, graph, run="tiny")
    assert dump(local) == dump(graph)
    assert schema_of(local) == schema_of(graph)


def test_dead_attempts_at_the_name_go_first(
    home: ServerHome, local: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    def begun(pid: int) -> None:
        process = json.dumps({**own_process(), "pid": pid})
        local.write(
            "CREATE (:Run {id: 'another selection', status: 'loading', called: 'tiny', loader: 't',"
            "loader_process: $process, alive_at: datetime()})", {"process": process},
        )  # fmt: skip

    def stop(*args: Any, **options: Any) -> Path:
        raise ServerError("far enough")

    monkeypatch.setattr(importer, "build_store", stop)
    begun(os.getpid())
    with pytest.raises(OfflineRefused, match="holds the run another sel"):
        loader.load_offline(TABLE, run="tiny", home=home)
    empty(local)
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    begun(ended.pid)
    with pytest.raises(OfflineRefused, match="holds the run another sel"):
        loader.load_offline(TABLE, run="other", home=home)
    with pytest.raises(ServerError, match="far enough"):
        loader.load_offline(TABLE, run="tiny", home=home)
    assert contents(local) == {}


@pytest.mark.skipif(os.name != "posix", reason="Windows has no SIGTERM to be asked by")
def test_sigterm_ends_the_importer_too_and_leaves_nothing(
    home: ServerHome, local: Graph, folder: Path, tmp_path: Path
) -> None:
    before = running(home)
    line = ("load", str(TABLE.write(tmp_path / "t.parquet")), "--offline", "--run", "tiny")
    with subprocess.Popen(
        [sys.executable, "-m", "headgraph", *line],
        env={**os.environ, "XDG_DATA_HOME": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as command:
        importer = _child_of(command)
        try:
            command.terminate()
            out, said = command.communicate(timeout=240)
            assert (command.returncode, out) == (143, "")
            assert said.splitlines()[-1] == "stopped"
            assert not importer.is_running()
        finally:
            with contextlib.suppress(psutil.NoSuchProcess):
                importer.kill()
    assert left_behind(home) == []
    assert running(home) == before, "the server was not even stopped"
    assert contents(local) == {}


def _child_of(command: "subprocess.Popen[str]") -> psutil.Process:
    """The importer, as soon as the command has started it."""
    while command.poll() is None:
        for child in psutil.Process(command.pid).children():
            with contextlib.suppress(psutil.NoSuchProcess):
                if any(part.endswith("java.args") for part in child.cmdline()):
                    return child
        time.sleep(0.01)
    raise AssertionError(command.communicate())


def test_one_import_at_a_time_and_what_a_killed_one_left_goes(home: ServerHome) -> None:
    inside, done = threading.Event(), threading.Event()

    def hold() -> None:
        with importer.workplace(home):
            inside.set()
            done.wait(240)

    holder = threading.Thread(target=hold)
    holder.start()
    try:
        assert inside.wait(240)
        with (
            pytest.raises(ServerError, match="another headgraph command is importing"),
            importer.workplace(home),
        ):
            pass
    finally:
        done.set()
        holder.join()
    (home.path / "import").mkdir()
    (home.path / "import" / "left").write_text("x")
    with importer.workplace(home) as scratch:
        assert list(scratch.iterdir()) == []


def test_only_into_the_local_server_and_without_options_that_need_a_full_one(
    home: ServerHome, folder: Path, server: RunningServer, tmp_path: Path
) -> None:
    table = str(TABLE.write(tmp_path / "t.parquet"))
    env = {"XDG_DATA_HOME": str(folder)}
    # the session's server is no local server of this environment
    elsewhere = {**env, "NEO4J_URI": server.bolt_uri, "NEO4J_PASSWORD": server.password()}
    wrong = headgraph("load", table, "--offline", "--run", "x", **elsewhere)
    assert wrong.returncode == 1
    assert "--offline writes the files of the local server's one database, and" in wrong.stderr
    for option in ("--dry-run", "--replace"):
        wrong = headgraph("load", table, "--offline", option, **env)
        assert (wrong.returncode, "--offline excludes --replace and --dry-run" in wrong.stderr) == (
            2,
            True,
        )

"""A load by Neo4j's importer, into a server of this module's own: the graph of any other load."""

import contextlib
import json
import os
import signal
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
from headgraph import loader
from headgraph.graphdb import Graph, connect
from headgraph.graphdb.errors import ServerError
from headgraph.graphdb.server import (
    ANY_PORTS,
    RunningServer,
    ServerHome,
    lifecycle,
    running,
    start,
)
from headgraph.graphdb.server.store import importer
from headgraph.graphdb.server.store.exchange import PARTS
from headgraph.loader.attempts import own_process
from headgraph.loader.errors import NameTaken, OfflineRefused
from headgraph.pk_engine.table.selection import Selection
from tests.commands import headgraph
from tests.graphdb_server_fixture import own_home
from tests.loader.databases import contents
from tests.loader.exports.graphs import roles_file
from tests.loader.exports.test_files_real import dump, empty, schema_of
from tests.tables import random_table

TABLE = random_table(
    3, 4, 2, pairings=("OQ", "OK", "KV"), metrics=("pk", "cs"), series="pile", format_2=True
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What XDG_DATA_HOME is for this module's server, with all that means something to Neo4j."""
    return tmp_path_factory.mktemp("offline, data=[a-b] {c} ü*")


@pytest.fixture(scope="module")
def home(classes: None, folder: Path) -> Iterator[ServerHome]:
    with own_home(folder / "headgraph" / "server") as home:
        start(home, ports=ANY_PORTS)
        yield home


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


def left_behind(home: ServerHome) -> list[str]:
    return sorted(path.name for path in home.path.iterdir()
                  if path.name in ("import", "replaced", "discarded"))  # fmt: skip


def test_it_makes_the_graph_that_a_load_makes(
    home: ServerHome, local: Graph, graph: Graph, tmp_path: Path
) -> None:
    options: dict[str, Any] = {"labels": roles_file(tmp_path), "selection": Selection(top=30)}
    loader.load(TABLE, graph, run="tiny", **options)
    said: list[str] = []

    def progress(phrase: str, done: int, total: int) -> None:
        said.append(phrase)

    before = running(home)
    report = loader.load_offline(TABLE, run="tiny", home=home, progress=progress, **options)
    after = running(home)
    assert (report.outcome, report.edges, report.labelled) == ("loaded", len(
        TABLE.select(Selection(top=30)).edges()), 2)  # fmt: skip
    assert before is not None
    assert after is not None
    assert (before.pid != after.pid, before.bolt_uri == after.bolt_uri) == (True, True)
    assert [*dict.fromkeys(said)][-3:] == [
        "writing files for the importer", "importing", "starting Neo4j 5.26.31",
    ]  # fmt: skip
    with opened(home) as imported:
        assert dump(imported) == dump(graph)
        assert schema_of(imported) == schema_of(graph)
        times = imported.read("MATCH (r:Run) RETURN r.started_at, r.loaded_at, r.loader").rows[0]
        assert times[0].to_native() <= times[1].to_native()
        assert times[2] is None
        assert loader.load(TABLE, imported, run="tiny", **options).outcome == "unchanged"
        assert loader.load(random_table(seed=3), imported, run="beside").outcome == "loaded"
    assert loader.load_offline(TABLE, run="tiny", home=home, **options).outcome == "unchanged"
    assert left_behind(home) == []


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


def test_a_server_that_does_not_come_up_gets_its_old_store_back(
    home: ServerHome, local: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    local.command("CREATE INDEX headgraph_of_old FOR (n:Old) ON (n.x)")
    launch, calls = lifecycle.launch, []

    def built(scratch: Path, *files: Path, progress: object) -> Path:
        for part in PARTS:
            (scratch / "data" / part).mkdir(parents=True)
        return scratch / "data"

    def failing(*args: Any) -> Any:
        calls.append(1)
        if len(calls) == 1:
            raise ServerError("it died while starting")
        return launch(*args)

    monkeypatch.setattr(importer, "build_store", built)  # no server opens it
    monkeypatch.setattr(lifecycle, "launch", failing)
    with pytest.raises(ServerError, match="it died while starting"):
        loader.load_offline(TABLE, run="tiny", home=home)
    with opened(home) as graph:
        assert "headgraph_of_old" in schema_of(graph)
        assert contents(graph) == {}
        graph.command("DROP INDEX headgraph_of_old")
    assert left_behind(home) == []


def test_cut_off_before_publication_there_is_no_run_and_the_same_again_makes_it(
    home: ServerHome, local: Graph, graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(*args: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(offline, "_publish", cut)
        with pytest.raises(KeyboardInterrupt):
            loader.load_offline(TABLE, run="tiny", home=home)
    with opened(home) as imported:
        assert imported.read("MATCH (h:Head) RETURN count(h)").single() == 0
        assert loader.runs(imported)["status"].tolist() == ["loading"]
    with pytest.raises(OfflineRefused, match=r"holds the run [0-9a-f]{12}, and Neo4j imports"):
        loader.load_offline(TABLE, run="other", home=home)
    # the same again has only the publication to do
    monkeypatch.delattr(offline, "_import")
    assert loader.load_offline(TABLE, run="tiny", home=home).outcome == "loaded"
    loader.load(TABLE, graph, run="tiny")
    with opened(home) as imported:
        assert dump(imported) == dump(graph)
        assert schema_of(imported) == schema_of(graph)


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


KILLED = """
import os, shutil, signal, sys
from pathlib import Path
from headgraph import loader
from headgraph.graphdb.server import ServerHome
from headgraph.graphdb.server.store import importer
from headgraph.graphdb.server.store import importer
from headgraph.graphdb.server.store.exchange import PARTS

rename, calls = Path.rename, []

def built(scratch, *files, progress):  # sooner than by the importer; it is not to stay
    for part in PARTS:
        shutil.copytree(ServerHome.default().data / part, scratch / "data" / part)
    return scratch / "data"

importer.build_store = built

def killed(path, target):
    calls.append(rename(path, target))
    if len(calls) == 3:  # the new databases are in, and there are no transaction logs
        os.kill(os.getpid(), signal.SIGKILL)

Path.rename = killed
loader.load_offline(sys.argv[1], run="tiny")
"""


@pytest.mark.skipif(os.name != "posix", reason="Windows has no SIGKILL")
def test_the_command_heals_what_a_killed_one_left(
    home: ServerHome, local: Graph, folder: Path, server: RunningServer, tmp_path: Path
) -> None:
    table = str(TABLE.write(tmp_path / "t.parquet"))
    env = {"XDG_DATA_HOME": str(folder)}
    killed = subprocess.run([sys.executable, "-c", KILLED, table], env={**os.environ, **env})
    assert killed.returncode == -signal.SIGKILL
    assert left_behind(home) == ["import", "replaced"]
    assert running(home) is None

    done = headgraph("load", table, "--offline", "--run", "tiny", "--top", "9", **env)
    assert done.returncode == 0, done.stderr
    assert left_behind(home) == []
    assert done.stdout.startswith("loaded tiny: 12 heads (0 with roles) and ")
    assert "importing\n" in done.stderr
    with opened(home) as graph:
        assert loader.runs(graph)["name"].tolist() == ["tiny"]
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

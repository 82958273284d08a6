"""A real server of this module's own: started twice at once, killed, damaged, stopped."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import neo4j
import pytest

from headgraph import loader
from headgraph.graphdb import Graph
from headgraph.graphdb.errors import NotReachable, ServerError
from headgraph.graphdb.server import (
    ANY_PORTS,
    Ports,
    RunningServer,
    ServerHome,
    running,
    start,
    stop,
)
from headgraph.graphdb.server.home.logs import recent
from headgraph.graphdb.server.process import find_process, wait_gone
from headgraph.graphdb.server.store.exchange import PARTS
from headgraph.loader.loading import load as load_module
from headgraph.loader.loading import writer
from headgraph.pk_engine.table.affinity import AffinityTable
from tests.graphdb_server_fixture import QUICK_JAVA, own_home
from tests.loader.databases import contents, expected
from tests.loader.slow import BATCH
from tests.tables import random_table

START = """
import sys
from headgraph.graphdb.server import ANY_PORTS, start
from headgraph.graphdb.server.home import config

home, *quick = sys.argv[1:]
write_arguments = config.write_arguments
config.write_arguments = lambda path, arguments: write_arguments(path, [*quick, *arguments])
print(start(home, ports=ANY_PORTS).pid)
"""


@pytest.fixture(scope="module")
def home(classes: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerHome]:
    """A home with a space and an umlaut in its path."""
    with own_home(tmp_path_factory.mktemp("zweites Zuhäuschen") / "server") as home:
        yield home


def write(server: RunningServer, text: str) -> None:
    with connected(server) as driver:
        driver.execute_query("MERGE (:Kept {text: $text})", text=text)


def written(server: RunningServer) -> list[str]:
    with connected(server) as driver:
        records = driver.execute_query("MATCH (n) RETURN n.text AS text").records
        return [str(record["text"]) for record in records]


def connected(server: RunningServer) -> neo4j.Driver:
    return neo4j.GraphDatabase.driver(server.bolt_uri, auth=(server.user, server.password()))


def test_two_starts_at_once_give_one_server_that_outlives_them(home: ServerHome) -> None:
    stop(home)
    command = [sys.executable, "-c", START, str(home.path), *QUICK_JAVA]
    starts = [subprocess.Popen(command, stdout=-1, stderr=-1, text=True) for _ in range(2)]
    # returns when the pipes are closed: a server that held them would keep us here
    said = [child.communicate(timeout=240) for child in starts]

    assert [error for _, error in said] == ["", ""]
    assert len({pid for pid, _ in said}) == 1
    server = running(home)
    assert server is not None
    assert str(server.pid) == said[0][0].strip()
    assert os.getsid(server.pid) == server.pid, "Ctrl-C in a terminal must not reach it"
    write(server, "first")


def test_a_killed_one_comes_back_with_what_was_written_at_other_ports_if_its_own_are_taken(
    home: ServerHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was being loaded then is not in it, and loads again."""
    # nobody brings the server back while the driver tries again, which it does for 15 seconds
    driver = neo4j.GraphDatabase.driver
    brief = {"max_transaction_retry_time": 1}
    monkeypatch.setattr(
        neo4j.GraphDatabase, "driver", lambda *args, **more: driver(*args, **{**more, **brief})
    )
    monkeypatch.setattr(writer, "FEW", 0)
    monkeypatch.setattr(load_module, "batches", partial(load_module.batches, size=BATCH))
    large = random_table(6, 6, model="test/large")
    first = start(home, ports=ANY_PORTS)
    with Graph(first.settings()) as graph:
        graph.write("MATCH (n) DETACH DELETE n")
        graph.write("CREATE (:Kept)")
    load_until_killed(first, large)
    assert wait_gone(first.pid, 60)
    assert running(home) is None
    old = int(first.bolt_uri.rpartition(":")[2])
    with socket.create_server(("127.0.0.1", old)):
        again = start(home, ports=Ports(bolt=old, http=0))
    assert again.pid != first.pid
    assert again.bolt_uri != first.bolt_uri
    assert again.password() == first.password()
    with Graph(again.settings()) as graph:
        assert contents(graph).get("Head", 0) == 0
        assert loader.load(large, graph, run="big").outcome == "loaded"
        assert contents(graph) == {"Kept": 1, **expected(large)}
        assert list(loader.runs(graph)["status"]) == ["complete"]


def load_until_killed(server: RunningServer, table: AffinityTable) -> None:
    """Load; the server is killed after the first batch, while others are under way."""

    def kill(done: int, total: int) -> None:
        assert done < total
        with suppress(ProcessLookupError):  # of batches whose answers had come before
            os.kill(server.pid, signal.SIGKILL)

    with Graph(server.settings()) as graph, pytest.raises(NotReachable) as caught:
        loader.load(table, graph, run="big", progress=kill)
    assert "nothing of big was published; load it again when the database is back" in str(
        caught.value
    )


def test_a_damaged_log_is_told_and_cut_when_asked_at_the_ports_of_the_last_start(
    home: ServerHome,
) -> None:
    before = start(home, ports=ANY_PORTS)
    write(before, "before the damage")
    assert stop(home) is True
    log = max((home.data / PARTS[1]).glob("neostore.transaction.db.*"), key=lambda it: it.suffix)
    with log.open("r+b") as file:  # as a disk that fills leaves it
        file.seek(len(log.read_bytes().rstrip(b"\0")))
        file.write(bytes([20, 5, 77] * 300))

    with pytest.raises(
        ServerError, match=r"cannot be read to the end.*server\.start\(recover=True\)"
    ):
        start(home)
    assert find_process(home) is None, "a server without its database is no success"
    again = start(home, recover=True)

    assert [note.partition(" is ")[2].partition(";")[0] for note in again.notes] == [
        "from before the last stop"
    ]
    assert list((home.data / PARTS[0] / "corrupted-neostore.transaction.db").iterdir())
    assert (again.bolt_uri, again.browser_url) == (before.bolt_uri, before.browser_url)
    assert "before the damage" in written(again)
    assert start(home, recover=True) == replace(again, notes=()), "one that serves is left alone"


def test_a_start_that_was_killed_leaves_a_server_for_the_next(home: ServerHome) -> None:
    server = start(home, ports=ANY_PORTS)
    state = home.state_file.read_text()
    home.state_file.write_text(state.replace("true", "false"))  # as before it was ready
    assert running(home) is None

    assert start(home) == server
    assert running(home) == server


def test_stop_lets_it_close_its_files_and_leaves_nothing_running(home: ServerHome) -> None:
    server = start(home, ports=ANY_PORTS)

    assert stop(home) is True

    assert recent(home, 1)[0].endswith(" Stopped."), "its own last word, which a killed one has not"
    assert wait_gone(server.pid, 0)
    assert running(home) is None
    assert stop(home) is False


def test_a_setting_that_neo4j_does_not_know_stops_the_start(
    tmp_path: Path,
) -> None:
    home = ServerHome(tmp_path / "server")
    home.prepare()
    home.overrides.write_text("server.http_enabled_modulez=BROWSER\n")

    with pytest.raises(ServerError) as caught:
        start(home, ports=ANY_PORTS)

    message = str(caught.value)
    assert message.startswith("the local server died while starting, its last words: ")
    assert "server.http_enabled_modulez" in message
    assert f"; your own settings are in {home.overrides}; see headgraph server logs" in message
    assert len(message) < 300 + len(str(home.overrides))
    assert find_process(home) is None
    assert not home.state_file.exists()


def test_an_interrupted_start_leaves_no_process(tmp_path: Path) -> None:
    home = ServerHome(tmp_path / "server")
    pids: list[int | None] = []

    def interrupt(phrase: str, done: int, total: int) -> None:
        if phrase.startswith("starting"):
            pids.append(find_process(home))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        start(home, ports=ANY_PORTS, progress=interrupt)

    assert pids[0] is not None
    assert find_process(home) is None
    assert not home.state_file.exists()


def test_a_server_that_takes_too_long_is_told_and_ended(tmp_path: Path) -> None:
    home = ServerHome(tmp_path / "server")

    with pytest.raises(ServerError, match=r"does not answer at ports \d+ and \d+ in time: see"):
        start(home, ports=ANY_PORTS, timeout_s=0.3)

    assert find_process(home) is None

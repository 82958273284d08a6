"""Servers that are too old get one sentence with both versions, before any statement."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

import pytest

from headgraph.graphdb import Graph, Settings, connect
from headgraph.graphdb.connection.versions import OLDEST, TESTED, refuse_old
from headgraph.graphdb.errors import OldServer
from tests.newest_server import VERSION

GOODBYE = 2
SETTINGS = Settings(uri="bolt://127.0.0.1:7687", origin="a test")


@contextmanager
def fake(agent: str, bolt: tuple[int, int] = (5, 4)) -> Iterator[str]:
    """The address of a server that speaks this Bolt, names itself and answers nothing else."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_serve, args=(listener, agent, bolt), daemon=True)
        thread.start()
        yield f"bolt://127.0.0.1:{listener.getsockname()[1]}"


def _serve(listener: socket.socket, agent: str, bolt: tuple[int, int]) -> None:
    with suppress(OSError):  # the test is over
        while True:
            client, _ = listener.accept()
            threading.Thread(target=_answer, args=(client, agent, bolt), daemon=True).start()


def _answer(client: socket.socket, agent: str, bolt: tuple[int, int]) -> None:
    major, minor = bolt
    fields = {"server": agent, "connection_id": "bolt-1"}
    with suppress(OSError, EOFError), client, client.makefile("rb") as stream:
        stream.read(20)  # the greeting
        client.sendall(bytes([0, 0, minor, major]))
        while _message(stream)[1] != GOODBYE:
            # SUCCESS with a map of texts, in one chunk
            body = b"\xb1\x70" + bytes([0xA0 + len(fields)])
            body += b"".join(_text(it) for pair in fields.items() for it in pair)
            client.sendall(len(body).to_bytes(2) + body + b"\0\0")
            fields = {}


def _message(stream: BinaryIO) -> bytes:
    """The chunks of one message."""
    found = b""
    while size := int.from_bytes(stream.read(2)):
        found += stream.read(size)
    if not found:
        raise EOFError
    return found


def _text(value: str) -> bytes:
    return b"\xd0" + bytes([len(value)]) + value.encode()


@pytest.mark.parametrize(
    ("version", "bolt"), [("5.22.0", (5, 4)), ("4.4.41", (4, 4)), ("5.4.0-enterprise", (5, 0))]
)
def test_an_older_server_is_refused(version: str, bolt: tuple[int, int]) -> None:
    with fake(f"Neo4j/{version}", bolt) as uri, pytest.raises(OldServer) as caught:
        connect(settings=Settings(uri=uri, password="x", origin="a test"))
    said = (
        f"the database at {uri} (from a test) is Neo4j {version}, and headgraph needs Neo4j 5.23 "
        "or newer: upgrade the server, or start the local one with "
    )
    assert str(caught.value) == f"{said}headgraph.graphdb.server.start()"
    assert caught.value.for_command_line() == f"{said}headgraph server start"
    assert caught.value.exit_code == 1


@pytest.mark.parametrize("agent", ["Neo4j/5.23.0", "Neo4j/5.27-aura", "Neo4j/2026.09.0", "Other/1"])
def test_others_pass(agent: str) -> None:
    with fake(agent) as uri:
        connect(settings=Settings(uri=uri, password="x", origin="a test")).close()
    refuse_old(agent, SETTINGS)


def test_both_servers_of_the_tests_are_those_of_the_docs(database: Graph, newest: Graph) -> None:
    found = [
        graph.read("CALL dbms.components() YIELD versions RETURN versions[0]").rows[0][0]
        for graph in (database, newest)
    ]
    assert found == list(TESTED)
    assert TESTED[-1] == VERSION
    assert OLDEST <= (5, 26)

"""Which ports a start takes: the last ones, the usual ones, any."""

import socket
import threading
from pathlib import Path

import pytest

from headgraph.graphdb.server import (
    ANY_PORTS,
    USUAL_PORTS,
    Ports,
    ServerHome,
)
from headgraph.graphdb.server.home.state import remember_ports, remembered_ports
from headgraph.graphdb.server.ports import _bolt_answers, answer, choose, is_free


def free_ports(n: int) -> list[int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(n)]
    numbers = [int(one.getsockname()[1]) for one in held]
    for one in held:
        one.close()
    return numbers


def test_the_first_free_port_of_each_kind() -> None:
    a, b, c, d = free_ports(4)
    assert choose(Ports(a, b), Ports(c, d)) == (a, b)
    with socket.create_server(("127.0.0.1", a)):
        assert choose(Ports(a, b), Ports(c, d)) == (c, b)
    with socket.create_server(("127.0.0.1", b)):
        assert choose(Ports(a, b), Ports(c, d)) == (a, d)


def test_one_port_is_not_taken_twice() -> None:
    a, b = free_ports(2)
    assert choose(Ports(a, a), Ports(a, b)) == (a, b)


def test_ports_are_remembered(tmp_path: Path) -> None:
    home = ServerHome(tmp_path)
    assert remembered_ports(home) is None
    remember_ports(home, Ports(5001, 5002))
    assert remembered_ports(home) == Ports(5001, 5002)


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[1, 2]", '{"bolt": 0, "http": 1}', '{"bolt": "x", "http": 1}',
     '{"bolt": 70000, "http": 1}', '{"bolt": 5, "http": 5}'],
)  # fmt: skip
def test_what_is_illegible_is_forgotten(tmp_path: Path, text: str) -> None:
    home = ServerHome(tmp_path)
    home.ports_file.write_text(text)
    assert remembered_ports(home) is None


def test_a_taken_port_gives_way_to_a_free_one() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        chosen = choose(Ports(bolt=port, http=port))

    assert port not in chosen
    assert chosen.bolt != chosen.http


def test_a_port_that_another_takes_on_all_interfaces_is_not_free() -> None:
    with socket.create_server(("0.0.0.0", 0)) as taken:
        assert not is_free(taken.getsockname()[1])


def test_free_ports_are_kept() -> None:
    wanted = choose(ANY_PORTS)

    assert choose(wanted) == wanted
    assert not set(wanted) & set(USUAL_PORTS)


def test_a_port_that_answers_something_else_is_no_neo4j() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        other.settimeout(5)
        assert not answer(Ports(port, port))  # accepts, and says nothing


@pytest.mark.parametrize(("reply", "speaks"), [(bytes(4), False), (b"\0\0\4\5", True)])
def test_bolt_answers_when_it_agrees_on_a_version(reply: bytes, speaks: bool) -> None:
    def serve(listener: socket.socket) -> None:
        link, _ = listener.accept()
        with link:
            assert link.recv(64).startswith(bytes.fromhex("6060b017"))
            link.sendall(reply)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        assert _bolt_answers(listener.getsockname()[1]) is speaks
        thread.join()

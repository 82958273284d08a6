"""Which ports a start takes: the last ones, the usual ones, any."""

import socket
from pathlib import Path

import pytest

from headgraph.graphdb.server import Ports, ServerHome
from headgraph.graphdb.server.ports import choose
from headgraph.graphdb.server.state import remember_ports, remembered_ports


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

"""A few kills of commands that write, on the session's server."""

from collections.abc import Iterator
from itertools import islice

import pytest

from headgraph.graphdb import Graph
from tests.torture.kills.commands import Command, World
from tests.torture.kills.forks import Forks
from tests.torture.kills.trial import moments, tried

KILLS = 2
FEW = ["compute", "load --replace", "drop", "export, a folder", "import"]
"""One of each way to write; `make torture` kills the others too."""


@pytest.fixture(scope="module")
def world(database: Graph, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with Forks() as forks:
        world = World(database, tmp_path_factory.mktemp("kills"), forks)
        yield world
        world.fill()


@pytest.mark.parametrize("name", FEW)
def test_killed(name: str, world: World) -> None:
    count, faults = tried(Command(name, world), world.forks, KILLS, seed=3)
    assert faults == []
    assert KILLS <= count["kills"] == count["healed"]
    assert count["kills"] == count["before"] + count["part"] + count["whole"]


def test_a_fault_is_found(world: World) -> None:
    """A part of a run, a file that is no whole one, and whatever stays somewhere."""
    load = Command("load", world)
    load.begin()
    assert world.forks.run(load.line, load.env).code == 0
    load.learn()
    assert load.left() == []
    world.graph.write("MATCH (:Head {run: 'big'})-[e:OQ]->() WITH e LIMIT 1 DELETE e")
    (load.out / "x").write_bytes(b"")
    state, seen = load.seen()
    assert state == "part"
    assert [fault.split(":")[0] for fault in seen][:2] == [
        "x is no temporary file's name", "a part is visible",
    ]  # fmt: skip
    assert [fault.split(":")[0] for fault in load.left()] == ["not whole", "files differ"]
    _heal(load)
    world.graph.command("CREATE INDEX left_behind FOR (h:Other) ON (h.name)")
    (world.folder / "home" / ".left").write_bytes(b"")
    at = world.folder / "big.parquet"
    at.write_bytes(at.read_bytes() + b"0")
    differ = "inputs or the home differ: ['big.parquet', 'home/.left']"
    try:
        assert [fault.split(":")[0] for fault in load.left()] == ["not whole", differ.split(":")[0]]
        assert load.left()[1] == differ
    finally:
        world.graph.command("DROP INDEX left_behind")
        (world.folder / "home" / ".left").unlink()
        world.tables["big"].write(at, force=True)


def _heal(load: Command) -> None:
    (load.out / "x").unlink()
    load.back()
    assert load.world.forks.run(load.line, load.env).code == 0
    assert load.left() == []


def test_a_file_left_where_a_command_runs_is_found(world: World) -> None:
    merge = Command("merge", world)
    merge.begin()
    line = [*merge.line[:-1], "beside.parquet"]  # a relative name
    assert world.forks.run(merge.line, merge.env).code == 0
    merge.learn()
    assert world.forks.run(line, merge.env).code == 0
    assert merge.left() == ["files differ: ['tmp', 'tmp/beside.parquet']"]


def test_the_same_seed_gives_the_same_moments() -> None:
    first, again, other = (list(islice(moments("load", seed), 9)) for seed in (1, 1, 2))
    assert first == again != other
    assert all(0 <= moment.fraction < 1 for moment in first)

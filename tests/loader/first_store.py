"""The first store of the importer's server, made from exported CSV files, and what became of it."""

import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from headgraph.graphdb.errors import ServerError
from headgraph.graphdb.server import ANY_PORTS, RunningServer, ServerHome, lifecycle, start
from headgraph.graphdb.server.launch import launch
from headgraph.graphdb.server.store import importer
from headgraph.graphdb.server.store.exchange import PARTS
from tests.tables import random_table

EXPORTED = random_table(3, 4, metrics=("pk", "cs"), series="pile", step=512.0)


class Exported(NamedTuple):
    """A run with all sorts of properties, in a database and as CSV files.

    Attributes:
        known: what the database holds.
        indexes: names of its indexes.
        labels: the file with the run's roles.
        files: nodes, relationships, and the script with the schema.
    """

    known: Any
    indexes: list[str]
    labels: Path
    files: tuple[Path, ...]


class Found(NamedTuple):
    """What the importer has made of the CSV files, after two failed attempts at another store.

    Attributes:
        beside: what lies beside the server's data after the first attempt, which was killed; when
            Neo4j is started after it; when it is started with the second attempt's store, and
            with the old one; and in the end.
        contents: what the database holds.
        indexes: names of its indexes.
        loaded: whether each run says when it was loaded.
        again: outcome of a load of the same table.
        dropped: edges of the run, as its removal tells.
        left: what a drop leaves.
    """

    beside: list[list[str]]
    contents: Any
    indexes: list[str]
    loaded: list[bool]
    again: str
    dropped: int
    left: dict[str, int]


KILLED = """
import os, shutil, sys
from pathlib import Path
from headgraph.graphdb.server import ServerHome
from headgraph.graphdb.server.lifecycle import restart_with
from headgraph.graphdb.server.store.exchange import PARTS
from headgraph.graphdb.server.store.importer import workplace

rename, calls = Path.rename, []

def killed(path, target):
    calls.append(rename(path, target))
    if len(calls) == 3:  # the new databases are in, and there are no transaction logs
        os._exit(9)

Path.rename = killed
home = ServerHome(Path(sys.argv[1]))
with workplace(home) as scratch:
    for part in PARTS:
        shutil.copytree(home.data / part, scratch / "data" / part)
    restart_with(home, scratch / "data")
"""


def exchanges_that_fail(home: ServerHome) -> list[list[str]]:
    """Kill one, and start no server with the store of another; returns `Found.beside`.

    In the end the server runs.
    """
    killed = subprocess.run([sys.executable, "-c", KILLED, str(home.path)])
    assert killed.returncode == 9
    beside = [left_behind(home)]

    def failing(
        home: ServerHome, java: Path, jars: list[Path], _: Any, *rest: Any
    ) -> RunningServer:
        beside.append(left_behind(home))
        if len(beside) < 4:
            raise ServerError("it died while starting")
        return launch(home, java, jars, ANY_PORTS, *rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lifecycle, "launch", failing)
        with pytest.raises(ServerError, match="it died while starting"):
            start(home)
        with importer.workplace(home) as scratch:
            for part in PARTS:
                (scratch / "data" / part).mkdir(parents=True)  # no server opens it
            with pytest.raises(ServerError, match="it died while starting"):
                lifecycle.restart_with(home, scratch / "data")
    return [*beside, left_behind(home)]


def left_behind(home: ServerHome) -> list[str]:
    return sorted(path.name for path in home.path.iterdir()
                  if path.name in ("import", "replaced", "discarded"))  # fmt: skip

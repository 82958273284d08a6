"""Commands that start, stop or rebuild the local server, and the death of the server itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from headgraph.graphdb import Graph, connect
from headgraph.graphdb.server import ServerHome, running
from headgraph.graphdb.server.leftovers import leftovers
from tests.tables import random_table
from tests.torture.kills.forks import Ended, Forks
from tests.torture.kills.state import Found, found
from tests.torture.kills.trial import BEFORE, KILLED, PART, WHOLE

START, STOP, STATUS = (["server", word] for word in ("start", "stop", "status"))


class OwnServer:
    """A local server in a home of its own; see `trial.Trial` for what else a trial has."""

    codes: tuple[int, ...] = (KILLED,)

    def __init__(self, folder: Path, forks: Forks) -> None:
        self.forks = forks
        self.home = ServerHome(folder / "headgraph" / "server")
        (folder / "tmp").mkdir(parents=True, exist_ok=True)
        self.env = {"XDG_DATA_HOME": str(folder), "TMPDIR": str(folder / "tmp")}
        self.table = folder / "big.parquet"
        random_table(5, 4, seed=6, model="test/big").write(self.table)

    def run(self, line: list[str]) -> Ended:
        """A command that is not killed, and ends well."""
        ended = self.forks.run(line, self.env)
        assert ended.code == 0, (line, ended)
        return ended

    def end(self) -> None:
        self.run(STOP)

    def victim(self) -> int | None:
        return None

    def learn(self) -> None:
        pass

    @contextmanager
    def opened(self) -> Iterator[Graph]:
        server = running(self.home)
        assert server is not None
        with connect(settings=server.settings()) as graph:
            yield graph

    def filled(self) -> None:
        """A server that runs and has one node."""
        self.run(START)
        with self.opened() as graph:
            graph.command("MATCH (n) DETACH DELETE n")
            graph.write("CREATE (:Kept)")

    def is_serving(self) -> tuple[bool, list[str]]:
        status = self.forks.run(STATUS, self.env)
        return status.code == 0, [] if status.code in (0, 3) else [str(status)]

    def of_server(self, *, serves: bool) -> list[str]:
        """What is wrong with the server's processes and files."""
        processes = self.forks.processes()
        faults = [f"{len(processes)} processes: {processes}"] if len(processes) != serves else []
        faults += [f"there is still {it}" for it in leftovers(self.home, online=serves)]
        if not serves and self.home.state_file.exists():
            faults.append(f"{self.home.state_file} is still there")
        return faults

    def of_kept(self) -> list[str]:
        with self.opened() as graph:
            there = graph.read("MATCH (n) RETURN labels(n)[0]").rows
        return [] if there == (("Kept",),) else [f"the database holds {there}"]


class Start(OwnServer):
    """`server start`."""

    name, line = "server start", START

    def begin(self) -> None:
        self.filled()
        self.back()

    def back(self) -> None:
        self.run(STOP)

    def seen(self) -> tuple[str, list[str]]:
        serves, faults = self.is_serving()
        if serves:
            return WHOLE, faults
        return PART if self.forks.processes() else BEFORE, faults

    def healing(self, state: str) -> list[list[str]]:
        return [self.line]

    def left(self) -> list[str]:
        return [*self.of_server(serves=True), *self.of_kept()]


class Stop(OwnServer):
    """`server stop`."""

    name, line = "server stop", STOP

    def begin(self) -> None:
        self.filled()

    def back(self) -> None:
        self.run(START)
        assert not self.of_kept(), self.of_kept()

    def seen(self) -> tuple[str, list[str]]:
        serves, faults = self.is_serving()
        return BEFORE if serves else WHOLE, faults

    def healing(self, state: str) -> list[list[str]]:
        return [self.line]

    def left(self) -> list[str]:
        return self.of_server(serves=False)


class Offline(OwnServer):
    """`load --offline`."""

    name = "load --offline"
    options: tuple[str, ...] = ("--offline",)

    def __init__(self, folder: Path, forks: Forks) -> None:
        super().__init__(folder, forks)
        self.line = ["load", str(self.table), "--run", "big", *self.options]

    def begin(self) -> None:
        self.run(START)
        self.back()

    def back(self) -> None:
        with self.opened() as graph:
            graph.command("MATCH (n) DETACH DELETE n")

    def _look(self) -> Found:
        with self.opened() as graph:
            return found(graph, ("big",))

    def learn(self) -> None:
        self.after = self._look()

    def seen(self) -> tuple[str, list[str]]:
        if running(self.home) is None:
            return PART, []
        there = self._look()
        if there.published == self.after.published:
            wrong = there.answers != self.after.answers
            return WHOLE, ["stored queries do not answer as after a whole load"] * wrong
        wrong = bool(there.published) or set(there.answers.values()) != {"UnknownRun"}
        return BEFORE, [f"a part is visible: {there.published[:3]}, {there.answers}"] * wrong

    def healing(self, state: str) -> list[list[str]]:
        return [self.line]

    def left(self) -> list[str]:
        same = self._look() == self.after
        return [*self.of_server(serves=True), *([] if same else ["the run is not whole"])]


class Database(Offline):
    """The database's process, during a load."""

    name = "the database, during load"
    options = ()
    codes = (0, 3)

    def victim(self) -> int | None:
        server = running(self.home)
        assert server is not None
        return server.pid

    def seen(self) -> tuple[str, list[str]]:
        started = self.forks.run(START, self.env)
        if started.code:
            return BEFORE, [f"it does not start again: {started}"]
        return super().seen()


SERVERS = {trial.name: trial for trial in (Start, Stop, Offline, Database)}

"""20 clients that ask stored queries for ten minutes, with a restart of the server half-way.

    python -m benchmarks.clients

starts a local server in a folder of its own, loads a run of 100,000 edges, and starts 20
processes. Each asks stored queries in a random order, through one connection that it keeps, and
waits a while between them, as a user does. Writes docs/data/clients.json, from which
docs/project/performance.md is made (`make docs`). The server is stopped at the end.
"""

import argparse
import hashlib
import json
import multiprocessing
import os
import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple

import numpy as np
import psutil

from benchmarks.common import DOCS, machine, table
from benchmarks.queries import VALUES, arguments, synthetic
from headgraph import loader, queries
from headgraph.base.errors import HeadgraphError
from headgraph.base.terminal import say
from headgraph.graphdb import Graph, Settings, connect
from headgraph.graphdb.server import ANY_PORTS, RunningServer, ServerHome, running, start, stop
from headgraph.pk_engine import AffinityTable
from headgraph.pk_engine.bundled import table_path
from headgraph.queries.errors import UnknownName

REPORT = DOCS / "data" / "clients.json"
EDGES = {"OQ": 33_000, "OK": 33_000, "OV": 33_000, "QQ": 500, "OO": 500}
RUN, OTHER = "clients", "clients-other"
HEADS = 8
"""Different values of a parameter: answers repeat, and can be compared."""
PAUSE = 2.0
"""Mean seconds between an answer and the next question of a client."""
START = 600.0
"""Seconds in which all clients must be there."""
SAMPLE = 5.0
"""Seconds between two looks at the memory."""


class Asked(NamedTuple):
    """One question: when, which, how long it took, its error, and a hash of its answer."""

    at: float
    query: str
    seconds: float
    error: str
    question: str
    answer: str


def main() -> None:
    """Load, ask, restart, and write the report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.clients")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    load = os.getloadavg()[1]
    with tempfile.TemporaryDirectory(prefix="headgraph-clients-") as folder:
        home = ServerHome(Path(folder) / "server")
        try:
            server = start(home, ports=ANY_PORTS)
            with connect(settings=server.settings()) as graph:
                _fill(graph)
                names = _answered(graph)
            found = _measured(home, server, names, given)
        finally:
            stop(home)
    about = {
        "about": machine("neo4j", rounds=1),
        "load": f"{load:.1f} before, {os.getloadavg()[1]:.1f} after",
        "clients": given.clients,
        "seed": given.seed,
        "minutes": given.minutes,
        "edges": sum(EDGES.values()),
    }
    REPORT.write_text(json.dumps(about | found, indent=1) + "\n", encoding="utf-8")
    say(report())


def _fill(graph: Graph) -> None:
    """The run, another to compare it with, and what queries need that a load does not write."""
    gpt2 = AffinityTable.read(table_path("gpt2-small"))
    for seed, run in enumerate((RUN, OTHER)):
        loader.load(synthetic(seed, gpt2, EDGES), graph, run=run, labels="none")
    queries.communities(graph, run=RUN, write=True)


def _values(chance: random.Random) -> dict[str, str]:
    """Values for every parameter without a default; the same few heads again and again."""
    number = chance.randrange(HEADS)
    return VALUES["bench-large"] | {
        "head": f"L{27 + number}H36",
        "source": f"L{number}H1",
        "target": f"L{79 - number}H9",
        "other": OTHER,
    }


def _answered(graph: Graph) -> list[str]:
    """Names of the stored queries that this run can answer; it has no roles."""
    found = []
    for query in queries.catalogue().values():
        try:
            values = arguments(query, _values(random.Random(0)))
            queries.query(query.name, graph, run=RUN, **values)
        except UnknownName:
            continue
        found.append(query.name)
    return found


def client(
    number: int, seed: int, settings: Settings, names: list[str], ready: Any, until: Any, told: Any
) -> None:
    """Ask until the end, and tell of every question; at last tell None.

    Args:
        number: of the client.
        seed: of its questions and pauses.
        settings: of the database.
        names: of the queries.
        ready: a barrier, where all clients wait for each other.
        until: the shared time of the end, infinite until it is known.
        told: the queue of questions.
    """
    chance = random.Random(f"{seed} {number}")
    try:
        with connect(settings=settings) as graph:
            _ask(graph, "runs", {})  # it imports what all answers need
            ready.wait()
            while time.time() < until.value:
                query = queries.get(chance.choice(names))
                told.put(tuple(_ask(graph, query.name, arguments(query, _values(chance)))))
                pause = chance.expovariate(1 / PAUSE)
                time.sleep(min(pause, max(0.0, until.value - time.time())))
    finally:
        told.put(None)


def _ask(graph: Graph, name: str, values: Mapping[str, str]) -> Asked:
    at, error, answer = time.time(), "", ""
    try:
        frame = queries.query(name, graph, run=RUN, **values)
    except HeadgraphError as problem:
        error = f"{type(problem).__name__}: {problem}"
    took = time.time() - at
    if not error:
        answer = hashlib.sha256(frame.to_csv().encode()).hexdigest()
    return Asked(at, name, took, error, f"{name} {sorted(values.items())}", answer)


class _Memory(Thread):
    """Largest resident MB of the server and of the clients, by minute."""

    def __init__(self, home: ServerHome, clients: Sequence[int], begin: float) -> None:
        super().__init__(daemon=True)
        self.home, self.clients, self.begin, self.on = home, clients, begin, True
        self.server: dict[int, float] = {}
        self.client: dict[int, float] = {}

    def run(self) -> None:
        while self.on:
            minute = int((time.time() - self.begin) // 60)
            server = running(self.home)
            self._note(self.server, minute, [server.pid] if server else [])
            self._note(self.client, minute, self.clients)
            time.sleep(SAMPLE)

    @staticmethod
    def _note(most: dict[int, float], minute: int, pids: Iterable[int]) -> None:
        for pid in pids:
            try:
                megabytes = psutil.Process(pid).memory_info().rss / 1e6
            except psutil.NoSuchProcess:
                continue
            most[minute] = max(most.get(minute, 0.0), megabytes)


def _measured(
    home: ServerHome, server: RunningServer, names: list[str], given: argparse.Namespace
) -> dict[str, Any]:
    """What the clients tell, with the restart in the middle."""
    context = multiprocessing.get_context("spawn")
    told, settings = context.Queue(), server.settings()
    ready, until = context.Barrier(given.clients + 1), context.Value("d", float("inf"))
    clients = [
        context.Process(
            target=client, args=(i, given.seed, settings, names, ready, until, told), daemon=True
        )
        for i in range(given.clients)
    ]
    for one in clients:
        one.start()
    ready.wait(START)
    begin = time.time()
    end = until.value = begin + 60 * given.minutes
    memory = _Memory(home, [one.pid or 0 for one in clients], begin)
    memory.start()
    asked: list[Asked] = []
    listener = Thread(target=_listen, args=(told, len(clients), asked), daemon=True)
    listener.start()
    time.sleep(max(0.0, (begin + end) / 2 - time.time()))
    down = time.time()
    stop(home)
    again = start(home)
    up = time.time()
    if again.bolt_uri != server.bolt_uri:
        raise SystemExit(f"the server came back at {again.bolt_uri}, not at {server.bolt_uri}")
    for one in clients:
        one.join()
    listener.join(SAMPLE)  # a client that was killed has not told that it ended
    memory.on = False
    failed = [one.exitcode for one in clients if one.exitcode]
    return _summary(asked, begin, (down, up), memory) | {"clients that failed": len(failed)}


def _listen(told: Any, clients: int, asked: list[Asked]) -> None:
    """Collect what clients tell until all have ended."""
    while clients:
        found = told.get()
        if found is None:
            clients -= 1
        else:
            asked.append(Asked(*found))


def _summary(
    asked: list[Asked], begin: float, restart: tuple[float, float], memory: _Memory
) -> dict[str, Any]:
    asked = [one for one in asked if one.at >= begin]
    down, up = restart
    minutes = sorted({int((one.at - begin) // 60) for one in asked})
    answers: dict[str, set[str]] = {}
    for one in asked:
        if not one.error:
            answers.setdefault(one.question, set()).add(one.answer)
    middle = len(minutes) // 2
    halves = {"before": minutes[1:middle], "after": minutes[middle + 1 :]}
    return {
        "asked": len(asked),
        "questions": len(answers),
        "questions with two answers": sum(len(them) > 1 for them in answers.values()),
        "restart": {"from": round(down - begin, 1), "to": round(up - begin, 1)},
        "outside": sum(bool(one.error) for one in asked if not _meets(one, down, up)),
        "during": sum(_meets(one, down, up) for one in asked),
        "longest during": _longest(one for one in asked if _meets(one, down, up)),
        "errors": [
            {"at": round(one.at - begin, 1), "seconds": round(one.seconds, 1),
             "query": one.query, "error": one.error}
            for one in asked if one.error
        ],
        "by minute": [
            {"minute": minute, **_of_minutes([minute], asked, begin, memory)} for minute in minutes
        ],
        "halves": [
            {"": f"{name}: minutes {them[0]} to {them[-1]}",
             **_of_minutes(them, asked, begin, memory)}
            for name, them in halves.items() if them
        ],
        "by query": [
            {"query": name, **_latencies(one for one in asked if one.query == name)}
            for name in sorted({one.query for one in asked})
        ],
    }  # fmt: skip


def _of_minutes(
    minutes: Sequence[int], asked: Iterable[Asked], begin: float, memory: _Memory
) -> dict[str, int]:
    """Latencies and memory of these minutes."""
    return {
        **_latencies(one for one in asked if int((one.at - begin) // 60) in minutes),
        "server MB": round(max(memory.server.get(minute, 0) for minute in minutes)),
        "client MB": round(max(memory.client.get(minute, 0) for minute in minutes)),
    }


def _meets(one: Asked, down: float, up: float) -> bool:
    """Whether a question was open while the server was away."""
    return one.at <= up and one.at + one.seconds >= down


def _longest(asked: Iterable[Asked]) -> float:
    return round(max((one.seconds for one in asked), default=0.0), 1)


def _latencies(asked: Iterable[Asked]) -> dict[str, int]:
    """Number of questions and errors, and milliseconds of the answers."""
    asked = list(asked)
    took = [1000 * one.seconds for one in asked if not one.error] or [0.0]
    middle, high = np.percentile(took, [50, 95])
    return {
        "questions": len(asked),
        "errors": sum(bool(one.error) for one in asked),
        "median ms": round(middle),
        "95 % ms": round(high),
        "most ms": round(max(took)),
    }


def report() -> str:
    """The section of docs/project/performance.md."""
    if not REPORT.exists():
        return "This has not been measured yet."
    found = json.loads(REPORT.read_text("utf-8"))
    away = found["restart"]
    kinds = Counter(one["error"].partition(":")[0] for one in found["errors"])
    during = sum(kinds.values()) - found["outside"]
    return "\n\n".join([
        f"{found['about']} The machine's load over five minutes was {found['load']}.",
        f"{found['clients']} clients, {found['minutes']:g} min, seed {found['seed']}, a run of "
        f"{found['edges']:,} edges: {found['asked']:,} questions. The server was stopped "
        f"{away['from']:.0f} s after the beginning and served again at {away['to']:.0f} s.",
        f"- Errors outside the restart: {found['outside']} of "
        f"{found['asked'] - found['during']:,} questions.\n"
        f"- Errors of questions that were open during the restart: {during} of {found['during']}"
        f"{_named(kinds)}; the longest took {found['longest during']:g} s.\n"
        f"- Different questions: {found['questions']}; with more than one answer: "
        f"{found['questions with two answers']}. Clients that ended early: "
        f"{found['clients that failed']}.",
        *([_rows(found["halves"])] if found["halves"] else []),
        _rows(found["by minute"]),
        _rows(found["by query"]),
    ])  # fmt: skip


def _named(kinds: Counter[str]) -> str:
    return f" ({', '.join(f'{count} {name}' for name, count in sorted(kinds.items()))})" * bool(
        kinds
    )


def _rows(rows: list[dict[str, Any]]) -> str:
    cells = [
        [
            f"{it:,}" if isinstance(it, int) else f"`{it}`" if name == "query" else it
            for name, it in row.items()
        ]
        for row in rows
    ]
    return table(list(rows[0]), cells)


if __name__ == "__main__":
    main()

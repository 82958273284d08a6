"""Unfinished runs: what they come from, whether their loader is at work, and their removal."""

import json
import os
import subprocess
import sys
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any

import psutil
import pytest

from headgraph import loader
from headgraph.graphdb.connection.runner import Params, Statement
from headgraph.graphdb.errors import StatementError
from headgraph.graphdb.results.result import Result
from headgraph.loader import attempts, commands, removal
from headgraph.loader.attempts import SILENT_S, is_alive, own_process
from headgraph.loader.errors import UnknownRun
from headgraph.loader.loading import writer
from headgraph.loader.loading.plan import plan_load
from tests.loader.fakes import UNKNOWN_DECOYS, WillingGraph, counted
from tests.loader.test_commands import call
from tests.tables import random_table

TABLE = random_table(model="test/tiny")
COLUMNS = ("id", "status", "called", "token", "process", "began", "alive_at", "now")
QUERY, DROP_QUERY = "r.loader_process AS process", "AS id, toStringOrNull(r.name)"
ELSEWHERE = {"pid": 7, "began": 1.0, "host": "box", "place": "another boot"}
NOW = datetime(2026, 11, 29, 13, 40, tzinfo=UTC)


def row(called: Any = "tiny", *, silent_s: float = 2 * SILENT_S, **other: Any) -> tuple[Any, ...]:
    """An attempt from another machine, silent for so long."""
    seen = (NOW - timedelta(seconds=silent_s)).isoformat()
    values = {
        "id": "a1" * 32, "status": "loading", "called": called, "token": "word",
        "process": json.dumps(ELSEWHERE), "began": "2026-11-29T12:00:00.123456789Z",
        "alive_at": seen, "now": NOW.isoformat(), **other,
    }  # fmt: skip
    return tuple(values[column] for column in COLUMNS)


def database(*rows: tuple[Any, ...], **answers: Result) -> WillingGraph:
    return WillingGraph({QUERY: Result(COLUMNS, rows), "AS taken": counted(1), **answers})


def test_a_process_of_this_machine_is_looked_up() -> None:
    process = own_process()
    assert is_alive(process, "t", None) is True
    assert is_alive(process, "t", 10 * SILENT_S) is True  # stopped, or a batch that takes long
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    there = {**process, "pid": child.pid, "began": psutil.Process(child.pid).create_time()}
    assert is_alive(there, "t", 10 * SILENT_S) is True
    # another process got the number of one that ended: told by when it began, once it is silent
    another = {**there, "began": there["began"] - 3600}
    assert is_alive(another, "t", 1.0) is True
    assert is_alive(another, "t", 10 * SILENT_S) is False
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert is_alive(there, "t", 1.0) is False  # dead, and its number not free yet
    child.communicate()
    assert is_alive(there, "t", 1.0) is False


def test_an_attempt_that_failed_is_dead_though_its_process_goes_on() -> None:
    attempts.mark_failed("failed")
    assert is_alive(own_process(), "failed", 1.0) is False
    assert is_alive(own_process(), "another", 1.0) is True


def test_a_process_elsewhere_is_judged_by_its_silence() -> None:
    assert is_alive(ELSEWHERE, "t", SILENT_S - 1) is True
    assert is_alive(ELSEWHERE, "t", SILENT_S + 1) is False
    assert is_alive(ELSEWHERE, "t", None) is None


def test_a_clock_that_was_set_back_is_no_sign_of_life() -> None:
    """A process of this machine is looked up, whatever the database's clock says."""
    assert is_alive(ELSEWHERE, "t", -1.0) is True
    assert is_alive(ELSEWHERE, "t", -2 * SILENT_S) is None
    here, year = own_process(), 365 * 86400.0
    assert is_alive(here, "t", -year) is True
    assert is_alive({**here, "pid": 2**22 + 1}, "t", -year) is False


@pytest.mark.parametrize("pid", [None, "7", 0, -1, True, 7.5])
def test_an_invalid_process_number_means_unknown(pid: object) -> None:
    assert is_alive({**own_process(), "pid": pid}, "t", 10 * SILENT_S) is None


@pytest.mark.parametrize("process", [None, 7, "no json", "[" * 9999, "[1]", "{}", '{"pid": 7}'])
@pytest.mark.parametrize("alive_at", [None, "yesterday", "2026-11-29T12:00:00"])
def test_unreadable_facts_mean_unknown(process: object, alive_at: str | None) -> None:
    (attempt,) = attempts.unfinished(database(row(None, process=process, alive_at=alive_at)))
    assert attempt.alive is None
    assert "an attempt at an unknown name, begun 2026-11-29 12:00Z, whose loader" in (attempt.whose)
    assert attempt.whose.endswith("may be at work or not")


def test_an_attempt_in_words() -> None:
    for silent_s, state in ((1, "seems to be at work"), (9999, "seems to have ended")):
        (attempt,) = attempts.unfinished(database(row(silent_s=silent_s)))
        assert str(attempt) == (
            "a1a1a1a1a1a1 (an attempt at tiny, begun 2026-11-29 12:00Z, whose loader, process 7 on "
            f"box, {state})"
        )
    (attempt,) = attempts.unfinished(database(row(status="dropping")))
    assert attempt.whose == "the rest of tiny, left by a drop or a replacing load"


def test_control_sequences_in_an_attempt_are_escaped() -> None:
    process = json.dumps({**ELSEWHERE, "host": "b\x1b]0;x\x07", "pid": "\x1b[2J"})
    (attempt,) = attempts.unfinished(database(row("t\x1b[31m", process=process)))
    assert attempt.whose.isprintable()


def test_a_load_first_removes_what_is_dead_of_its_name() -> None:
    graph, said = database(row()), list[str]()
    loader.load(TABLE, graph, say=said.append)
    assert said == [
        "first removing a1a1a1a1a1a1 (an attempt at tiny, begun 2026-11-29 12:00Z, whose loader, "
        "process 7 on box, seems to have ended)"
    ]
    texts = graph.texts("write")
    taken, claimed = (
        next(i for i, text in enumerate(texts) if word in text) for word in ("AS taken", "claimed")
    )
    assert taken < claimed
    (params,) = (given for _, text, given in graph.calls if "AS taken" in text)
    assert (params["token"], params["id"]) == ("word", "a1" * 32)
    assert params["alive_at"] == (NOW - timedelta(seconds=2 * SILENT_S)).isoformat()


def test_without_a_say_function_it_is_a_note() -> None:
    assert loader.load(TABLE, database(row())).notes[0].startswith("first removing a1a1a1a1a1a1")


def test_a_dry_run_says_so_and_removes_nothing() -> None:
    graph = database(row())
    report = loader.load(TABLE, graph, dry_run=True)
    assert report.notes[0].startswith("would first remove a1a1a1a1a1a1 (an attempt at tiny")
    assert {method for method, _, _ in graph.calls} == {"read"}


@pytest.mark.parametrize(
    ("there", "said"),
    [
        (row(silent_s=1), "left alone: a1a1a1a1a1a1 (an attempt at tiny"),
        (row(process=None), "left alone: a1a1a1a1a1a1 (an attempt at tiny"),
        (row("another"), ""),
        (row(status="dropping"), ""),
        (row(None, process=None), ""),
        (
            row(None, id=plan_load(TABLE, None, None, None).id, process=None),
            "taking the place of ",
        ),
    ],
)
def test_other_attempts_are_left_alone(there: tuple[Any, ...], said: str) -> None:
    graph = database(there)
    *notes, last = loader.load(TABLE, graph).notes
    assert last == UNKNOWN_DECOYS
    assert len(notes) == bool(said)
    assert all(note.startswith(said) for note in notes)
    assert not any("AS taken" in text for text in graph.texts("write"))


def test_an_attempt_that_goes_on_is_not_removed() -> None:
    graph = database(row())
    graph.answers = {**graph.answers, "AS taken": counted(0)}
    assert removal.remove(graph, attempts.unfinished(graph)) == []


def test_a_run_that_the_database_refuses_is_taken_back() -> None:
    class Refusing(WillingGraph):
        def write_all(self, statements: list[Statement]) -> list[Result]:  # type: ignore[override]
            if any("$publishing" in text for text, _ in statements):
                raise StatementError("Property value is too large", "Neo.ClientError.General")
            return super().write_all(statements)

    graph = Refusing()
    with pytest.raises(StatementError, match="too large"):
        loader.load(TABLE, graph)
    token = next(given["token"] for _, text, given in graph.calls if "AS claimed" in text)
    last: Params
    *_, (_, text, last) = graph.calls
    assert "DETACH DELETE r" in text
    assert (last["token"], last["status"]) == (token, "loading")


def test_a_loader_shows_that_it_is_at_work(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = WillingGraph()
    loader.load(TABLE, graph)
    assert not any("SET r.alive_at" in text for text in graph.texts("write")[-3:])
    monkeypatch.setattr(writer, "BEAT_S", -1.0)
    graph = WillingGraph()
    loader.load(TABLE, graph)
    batches = [i for i, text in enumerate(graph.texts("write")) if "CREATE (source)" in text]
    beats = [i for i, text in enumerate(graph.texts("write")) if "SET r.alive_at" in text]
    assert [i - 1 for i in beats if i - 1 in batches] == batches


@pytest.fixture
def left(monkeypatch: pytest.MonkeyPatch) -> WillingGraph:
    """What the commands reach: a complete run, and an attempt at a name that was cut off."""
    columns = ("id", "name", "heads", "edges", "called")
    rows = (("c" * 64, "whole", 16, 9, None), ("a1" * 32, None, 16, 9, "tiny"))
    graph = database(row(), **{DROP_QUERY: Result(columns, rows)})
    listed = ("name", "model", "status", "heads", "edges", "pairings", "selection", "series",
              "called", "short", "loaded")  # fmt: skip
    graph.answers = {
        **graph.answers,
        "datetime.truncate('second', time)": Result(
            listed,
            (
                ("whole", "m", "complete", 16, 9, ["OQ"], "all pairs", None, None, None, None),
                ("tiny", "m", "loading", 16, 9, ["OQ"], "all pairs", None, "tiny", "a1" * 6, None),
            ),
        ),
    }
    monkeypatch.setenv("NEO4J_URI", "bolt://127.0.0.1:9")
    monkeypatch.setenv("NEO4J_PASSWORD", "secret")
    monkeypatch.setattr(
        "headgraph.graphdb.connection.graph.connect", lambda **where: nullcontext(graph)
    )
    return graph


@pytest.mark.parametrize(
    ("args", "names"),
    [([], 2), (["tiny"], 1), (["ti*"], 1), (["a1a1*"], 1), (["whole"], 1)],
)
def test_runs_says_whose_an_unfinished_run_is(
    args: list[str], names: int, left: WillingGraph, capsys: pytest.CaptureFixture[str]
) -> None:
    assert len(call(commands.runs, *args)) == names
    note = (
        "note: a1a1a1a1a1a1 is unfinished: an attempt at tiny, begun 2026-11-29 12:00Z, whose "
        "loader, process 7 on box, seems to have ended; the next load under that name removes it, "
        "or headgraph drop a1a1a1a1a1a1\n"
    )
    assert capsys.readouterr().err == ("" if args == ["whole"] else note)


def test_a_drop_says_whose_it_was(left: WillingGraph) -> None:
    assert call(commands.drop, "a1a1a1a1") == (
        "dropped a1a1a1a1a1a1 (an attempt at tiny, begun 2026-11-29 12:00Z, whose loader, process "
        "7 on box, seems to have ended): 16 heads and 9 edges"
    )


def test_unfinished_runs_that_a_pattern_skips_are_named(
    left: WillingGraph, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(commands.drop, "*", "--yes") == "dropped whole: 16 heads and 9 edges"
    assert capsys.readouterr().err == (
        "note: a1a1a1a1a1a1 (an attempt at tiny, begun 2026-11-29 12:00Z, whose loader, process 7 "
        "on box, seems to have ended) stays: a pattern matches complete runs only\n"
    )


@pytest.mark.parametrize(
    ("word", "said"),
    [
        (
            "ti*",
            "no complete run for 'ti*', but 1 unfinished: a pattern matches complete runs only, so "
            "give an id, such as headgraph drop a1a1a1a1a1a1",
        ),
        (
            "tiny",
            "no complete run 'tiny', but an unfinished one: headgraph drop a1a1a1a1a1a1 removes "
            "it, and headgraph runs shows what it is",
        ),
        ("x*", "no run 'x*': the database holds whole, a1a1a1a1a1a1 (see headgraph runs)"),
    ],
)
def test_a_name_that_was_never_published(word: str, said: str, left: WillingGraph) -> None:
    with pytest.raises(UnknownRun) as caught:
        call(commands.drop, word, "--yes")
    assert caught.value.for_command_line() == said


def test_an_unfinished_run_is_named_by_a_call_in_python(left: WillingGraph) -> None:
    with pytest.raises(
        UnknownRun, match=r"one: drop\(graph, 'a1a1a1a1a1a1'\) removes it, and runs"
    ):
        loader.drop(left, "tiny")

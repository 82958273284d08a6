"""The guard by its words and by plans that are made up."""

from typing import Any

import pytest

from headgraph import queries
from headgraph.graphdb import RecordingGraph
from headgraph.graphdb.errors import NotReachable, TookTooLong
from headgraph.graphdb.results.result import Plan, Result
from headgraph.queries.errors import MissingParameter, ParameterError, Refused, UnknownRun
from headgraph.queries.statements.guard import check_statement
from tests.queries.statements.examples import HARMLESS, HOSTILE


def test_the_table_is_long_enough() -> None:
    assert len(HOSTILE) >= 60
    assert len(HARMLESS) >= 60
    assert len(set(HARMLESS)) == len(HARMLESS)


def test_nothing_is_explained_that_its_words_give_away() -> None:
    graph = RecordingGraph()
    with pytest.raises(Refused) as caught:
        queries.cypher("RETURN [x IN [1] | COUNT { LOAD CSV FROM 'x' AS l RETURN l }]", graph)
    assert str(caught.value) == (
        "refused, because LOAD CSV reads files and addresses: only plain reads of the graph run "
        "here, such as MATCH (h:Head) RETURN h.name LIMIT 5"
    )
    assert graph.calls == []


@pytest.mark.parametrize("before", ["RETURN", "CALL"])
def test_a_name_over_several_lines_is_part_of_one_sentence(before: str) -> None:
    name = "a\nb\x1b" * 90
    with pytest.raises(Refused) as caught:
        queries.cypher(f"{before} `plugin`.`{name}`()", RecordingGraph())
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("plan", "reason"),
    [
        (Plan("w", ("ProduceResults", "Create")), "it writes to the graph"),
        (Plan("rw", ("ProduceResults", "SetProperty")), "it writes to the graph"),
        (Plan("s", ("CreateIndex",)), "it changes the schema or administers the server"),
        (Plan("x", ("ProduceResults",)), "Neo4j calls it a statement of kind 'x'"),
        (Plan("r", ("ProduceResults", "LoadCSV")), "LOAD CSV"),
        (Plan("r", ("ProduceResults", "TransactionApply")), "IN TRANSACTIONS"),
        (
            Plan("r", ("ProduceResults", "ShowSomething")),
            "addresses the server, not the graph",
        ),
        (
            Plan("r", ("ProduceResults", "TerminateTransactions")),
            "addresses the server, not the graph",
        ),
        (Plan("r", ("NewInNeo4j",)), "the step NewInNeo4j, which is not known to be a plain read"),
        (Plan("r", ("ProcedureCall",), ("db.ping() :: (x)",)), "the procedure db.ping is not one"),
    ],
)
def test_plans(plan: Plan, reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        check_statement("RETURN 1", RecordingGraph(answers={"RETURN 1": plan}))


class NeverPlans(RecordingGraph):
    """A server whose planning is left at the limit, or interrupted."""

    def __init__(self, outcome: BaseException) -> None:
        super().__init__()
        self.outcome = outcome

    def plan(self, cypher: str, *args: Any, **limits: Any) -> Plan:
        raise self.outcome


def test_planning_that_takes_too_long_says_what_the_server_does() -> None:
    late = "planning the statement took longer than 5 s: write it shorter, or raise timeout"
    busy = " (the server may be busy with it for minutes; only its restart ends that)"
    for code, said in (
        ("", late + busy),
        ("Neo.ClientError.Transaction.TransactionTimedOut", late),
    ):
        with pytest.raises(Refused) as caught:
            queries.cypher("RETURN 1", NeverPlans(TookTooLong("late", code)), timeout=5)
        assert str(caught.value) == said
        assert caught.value.for_command_line() == said.replace("raise timeout", "raise --timeout")


def test_ctrl_c_says_what_the_server_does() -> None:
    with pytest.raises(KeyboardInterrupt) as caught:
        queries.cypher("RETURN 1", NeverPlans(KeyboardInterrupt()))
    assert caught.value.__notes__ == [
        "the server may be busy with it for minutes; only its restart ends that"
    ]


class Clock(RecordingGraph):
    """Remembers the limits it is given, and lets time pass."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        super().__init__(answers={"AS x": Result(("x",), ((1,),))})
        self.now, self.limits = 1000.0, list[float | None]()
        patch.setattr("headgraph.graphdb.connection.limits.time.monotonic", lambda: self.now)

    def plan(self, cypher: str, *args: Any, timeout: float | None = None) -> Plan:
        self.limits.append(timeout)
        self.now += 4
        return super().plan(cypher, *args)

    def read(self, cypher: str, *args: Any, timeout: float | None = None, **limits: Any) -> Result:
        self.limits.append(timeout)
        self.now += 4
        return super().read(cypher, *args)


def test_one_limit_holds_over_planning_running_and_hints(monkeypatch: pytest.MonkeyPatch) -> None:
    text = 'MATCH (h:Head {run: "gpt2"}) RETURN 1 AS x'
    clock = Clock(monkeypatch)
    queries.cypher(text, clock, timeout=14)
    assert clock.limits == [14, 10, 6, 2]
    clock = Clock(monkeypatch)
    with pytest.raises(Refused, match="looking for names that the database lacks took longer than"):
        queries.cypher(text, clock, timeout=8)
    assert clock.limits == [8, 4]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("RETURN " + "(" * 101 + "1" + ")" * 101, "brackets within more than 100 others"),
        ("RETURN " + "[" * 5000 + "]" * 5000, "brackets within more than 100 others"),
        ("CALL { " * 101 + "RETURN 1 AS x" + "}" * 101, "brackets within more than 100 others"),
        ("RETURN '" + "x" * 1_000_000 + "'", "more than 1,000,000 characters: give long lists as"),
    ],
)
def test_what_no_server_plans_is_not_sent(text: str, said: str) -> None:
    graph = RecordingGraph()
    with pytest.raises(Refused, match=said) as caught:
        queries.cypher(text, graph)
    assert len(str(caught.value)) < 300
    assert graph.calls == []


@pytest.mark.parametrize(
    ("text", "python", "options"),
    [
        ("RETURN '" + "x" * 1_000_000 + "'", "in params", "on a first line :params"),
        (
            "USE system RETURN 1",
            "(give connect(database=...) instead)",
            "(give --database instead)",
        ),
    ],
)
def test_what_helps_is_spelt_for_python_and_for_the_command_line(
    text: str, python: str, options: str
) -> None:
    with pytest.raises(Refused) as caught:
        queries.cypher(text, RecordingGraph())
    assert python in str(caught.value)
    assert options in caught.value.for_command_line()
    assert options not in str(caught.value)


def test_brackets_in_strings_and_one_after_another_are_not_deep() -> None:
    many = "+".join(["(1)"] * 500)
    for text in (f"RETURN {many}", "RETURN '" + "(" * 500 + "'", "RETURN " + "(" * 99 + ")" * 99):
        queries.cypher(text, RecordingGraph())


def test_names_that_the_database_lacks_come_as_hints() -> None:
    unknown = (
        "warn: label does not exist. The label `Hed` does not exist. Verify.",
        "warn: property key does not exist. The property `pkk` does not exist. Verify.",
        "warn: something that a later server says",
    )
    graph = RecordingGraph(
        answers={
            "Hed": Plan("r", ("ProduceResults",), unknown=unknown),
            "db.labels": Result(("x",), ((["Head", "Run"],),)),
            "db.propertyKeys": Result(("x",), ((["layer", "z"],),)),
        }
    )
    assert queries.cypher("MATCH (h:Hed) RETURN h.pkk", graph).attrs["hints"] == [
        "the database has no label Hed (did you mean Head?)",
        "the database has no property pkk",
        "warn: something that a later server says",
    ]


def test_a_parameter_without_a_value_is_named() -> None:
    text = "MATCH (h:Head {run: $run}) RETURN h.name"
    graph = RecordingGraph()
    with pytest.raises(MissingParameter) as caught:
        queries.cypher(text, graph)
    assert str(caught.value) == "$run has no value: pass run=NAME, or write the value in the text"
    assert caught.value.for_command_line() == (
        "$run has no value: give --run NAME, or write the value in the text"
    )
    with pytest.raises(MissingParameter) as caught:
        queries.cypher("RETURN $head AS x", graph)
    assert str(caught.value) == (
        '$head has no value: pass params={"head": ...}, or write the value in the text'
    )
    assert caught.value.for_command_line() == (
        "$head has no value: give -p head=VALUE, or write the value in the text"
    )
    assert graph.calls == []
    queries.cypher(text, graph, params={"run": "gpt2"})
    # those behind it look for a run of this name, and for cut runs
    assert graph.calls[-3][2] == {"run": "gpt2"}


def test_what_passes_runs_within_limits() -> None:
    answer = Result(("x",), ((1,),), truncated=True)
    graph = RecordingGraph(answers={"AS x": answer})
    frame = queries.cypher("RETURN 1 AS x", graph, limit=1)
    assert frame["x"].tolist() == [1]
    assert frame.attrs["truncated"] is True
    assert [call[0] for call in graph.calls] == ["plan", "read", "read"]
    assert "kept_pk_min" in graph.calls[-1][1], "the last one looks for cut runs"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0, 0.0, 1e300])
@pytest.mark.parametrize("limit", ["timeout", "max_mb"])
def test_a_limit_that_is_none_is_refused_before_anything_is_asked(limit: str, value: float) -> None:
    graph = RecordingGraph()
    with pytest.raises(ParameterError) as caught:
        queries.cypher("RETURN 1", graph, **{limit: value})  # type: ignore[arg-type]
    expected = "expected a number above 0 and at most 1,000,000,000"
    assert str(caught.value) == f"{limit}={value!r}: {expected}"
    option = f"--{limit.replace('_', '-')}"
    assert caught.value.for_command_line() == f"{option} {value!r}: {expected}"
    assert graph.calls == []


@pytest.mark.parametrize("limit", [0, -1, 2.5])
def test_a_limit_of_rows_is_a_whole_number_from_1(limit: Any) -> None:
    graph = RecordingGraph()
    with pytest.raises(ParameterError) as caught:
        queries.cypher("RETURN 1", graph, limit=limit)
    assert str(caught.value) == f"limit={limit}: expected a whole number of at least 1"
    assert graph.calls == []


class EndsWhenAsked(RecordingGraph):
    """A server that explains a statement and does not outlive it."""

    def read(self, cypher: str, *args: Any, **limits: Any) -> Result:
        raise NotReachable("no database answers at bolt://127.0.0.1:7687")


def test_a_server_that_ends_under_a_statement_is_said() -> None:
    with pytest.raises(NotReachable) as caught:
        queries.cypher("RETURN size(reduce(s = 'x', i IN range(1, 40) | s + s))", EndsWhenAsked())
    assert str(caught.value) == (
        "the server ended while it ran the statement, perhaps out of memory: see headgraph server "
        "status, start it again, and ask for less, for example with LIMIT or {run: ...} on every "
        "node"
    )


def test_a_run_is_given_by_its_name() -> None:
    there = Result(("name",), (("gpt2",), ("tiny",)))
    graph = RecordingGraph(answers={"RETURN r.name AS name": there})
    queries.cypher("MATCH (h:Head {run: $run}) RETURN h.name AS x", graph, run="gpt2")
    assert ("read", {"run": "gpt2"}) in [(call[0], call[2]) for call in graph.calls]
    with pytest.raises(UnknownRun, match=r"no run 'gtp2' \(did you mean gpt2\?\)"):
        queries.cypher("MATCH (h:Head {run: $run}) RETURN h.name AS x", graph, run="gtp2")
    graph.calls.clear()
    with pytest.raises(ParameterError) as caught:
        queries.cypher("MATCH (h:Head) RETURN h.name", graph, run="gpt2")
    said = (
        "{}: the statement has no $run; write it where the run's name belongs, such as MATCH "
        "(h:Head {{run: $run}})"
    )
    assert str(caught.value) == said.format("run='gpt2'")
    assert caught.value.for_command_line() == said.format("--run gpt2")
    assert graph.calls == []


def test_explain_and_profile_are_guarded_and_exclude_each_other() -> None:
    graph = RecordingGraph()
    with pytest.raises(ParameterError, match="explain=True and profile=True exclude each other"):
        queries.cypher("RETURN 1", graph, explain=True, profile=True)
    for how in ({"explain": True}, {"profile": True}):
        with pytest.raises(Refused, match="LOAD CSV"):
            queries.cypher("LOAD CSV FROM 'x' AS l RETURN l", graph, **how)  # type: ignore[arg-type]
    assert graph.calls == []
    graph = RecordingGraph(answers={"CREATE": Plan("w", ("ProduceResults", "Create"))})
    with pytest.raises(Refused, match="it writes"):
        queries.cypher("CREATE (n)", graph, profile=True)
    assert [call[0] for call in graph.calls] == ["plan"]

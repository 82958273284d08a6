"""The guard by its words and by plans that are made up."""

from typing import Any

import pytest

import queries
from graphdb import RecordingGraph
from graphdb.errors import NotReachable
from graphdb.result import Plan, Result
from queries.errors import MissingParameter, ParameterError, Refused
from queries.guard import check_statement
from tests.queries.statements import HARMLESS, HOSTILE


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


@pytest.mark.parametrize(
    ("plan", "reason"),
    [
        (Plan("w", ("ProduceResults", "Create")), "it writes to the graph"),
        (Plan("rw", ("ProduceResults", "SetProperty")), "it writes to the graph"),
        (Plan("s", ("CreateIndex",)), "it changes the schema or administers the server"),
        (Plan("x", ("ProduceResults",)), "Neo4j calls it a statement of kind 'x'"),
        (Plan("r", ("ProduceResults", "LoadCSV")), "LOAD CSV"),
        (Plan("r", ("ProduceResults", "TransactionApply")), "IN TRANSACTIONS"),
        (Plan("r", ("ProduceResults", "ShowSomething")), "asks about the server"),
        (Plan("r", ("ProduceResults", "TerminateTransactions")), "asks about the server"),
        (Plan("r", ("NewInNeo4j",)), "the step NewInNeo4j, which is not known as a plain read"),
        (Plan("r", ("ProcedureCall",), ("db.ping() :: (x)",)), "the procedure db.ping is not one"),
    ],
)
def test_plans(plan: Plan, reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        check_statement("RETURN 1", RecordingGraph(answers={"RETURN 1": plan}))


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
    assert str(caught.value) == (
        '$run has no value: write it in the text, such as {run: "gpt2-small"}, or give a first '
        'line :params {"run": "gpt2-small"}; queries.cypher takes params={...}'
    )
    assert graph.calls == []
    queries.cypher(text, graph, params={"run": "gpt2"})
    assert graph.calls[-2][2] == {"run": "gpt2"}  # the last one looks for a run of this name


def test_what_passes_runs_within_limits() -> None:
    answer = Result(("x",), ((1,),), truncated=True)
    graph = RecordingGraph(answers={"AS x": answer})
    frame = queries.cypher("RETURN 1 AS x", graph, limit=1)
    assert frame["x"].tolist() == [1]
    assert frame.attrs["truncated"] is True
    assert [call[0] for call in graph.calls] == ["plan", "read"]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0, 0.0, 1e300])
@pytest.mark.parametrize("limit", ["timeout", "max_mb"])
def test_a_limit_that_is_none_is_refused_before_anything_is_asked(limit: str, value: float) -> None:
    graph = RecordingGraph()
    with pytest.raises(ParameterError) as caught:
        queries.cypher("RETURN 1", graph, **{limit: value})  # type: ignore[arg-type]
    assert str(caught.value) == (
        f"--{limit.replace('_', '-')} {value:g}: wanted a number above 0 and at most a thousand "
        "million"
    )
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

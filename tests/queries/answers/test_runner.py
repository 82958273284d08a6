"""Which run, which names, which values: decided before the question is asked."""

from typing import Any

import pytest

from headgraph import queries
from headgraph.base.errors import HeadgraphError, RunNotNamed, UnknownHead, UnknownRun
from headgraph.graphdb import RecordingGraph, schema
from headgraph.graphdb.results.result import Result
from headgraph.queries.errors import (
    MissingParameter,
    OlderRun,
    ParameterError,
    QueryError,
    UnknownName,
    UnknownQuery,
)

HEADS = [f"L{layer}H{head}" for layer in range(12) for head in range(12)]


def recording(*runs: str, heads: tuple[str, ...] = ("L4H7",)) -> RecordingGraph:
    """A database with these runs; the named heads exist, and a neighbour question has one row."""
    return RecordingGraph(
        answers={
            "RETURN r.name AS name": Result(
                ("name", "pairings", "version", "series"),
                tuple((run, ["OQ", "OK", "OV"], schema.VERSION, None) for run in runs),
            ),
            "UNWIND $names": Result(("name",), tuple((head,) for head in heads)),
            "ORDER BY h.layer, h.head\n": Result(("name",), ()),
            "RETURN h.name AS name ORDER BY": Result(("name",), tuple((h,) for h in HEADS)),
            "RETURN direction": Result(("direction", "path"), (("in", None),)),
        }
    )


def test_values_reach_the_database_as_parameters() -> None:
    graph = recording("gpt2")
    answer = queries.query("neighbours", graph, run="gpt2", head="l4h7", limit="5")
    method, cypher, params = graph.calls[-1]
    assert method == "read"
    assert cypher == queries.get("neighbours").cypher
    assert params == {"run": "gpt2", "head": "L4H7", "limit": 5}
    assert list(answer.columns) == ["direction"], "what is drawn is left out of the table"


def test_the_only_run_is_taken() -> None:
    graph = recording("gpt2")
    queries.query("hubs", graph)
    assert graph.calls[-1][2] == {"run": "gpt2", "pairings": ["OQ", "OK", "OV"], "limit": 20}


def test_a_query_about_all_runs_needs_none() -> None:
    graph = recording("gpt2", "tiny")
    queries.query("runs", graph)
    assert graph.calls[-1][2] == {"run": None}


@pytest.mark.parametrize(
    ("name", "arguments", "error", "message"),
    [
        (
            "hub",
            {},
            UnknownQuery,
            "no stored query is called 'hub' (did you mean hubs or hubs_in?); queries.catalogue() "
            "lists them all",
        ),
        (
            "hubs",
            {"run": "gtp2"},
            UnknownRun,
            "no run 'gtp2' (did you mean gpt2?): the database holds gpt2, tiny (see "
            "headgraph.runs(graph))",
        ),
        (
            "hubs",
            {},
            RunNotNamed,
            "the database holds 2 runs (gpt2, tiny): say which with run=NAME",
        ),
        (
            "hubs",
            {"run": "gpt2", "limits": 3},
            ParameterError,
            "query hubs has no parameter 'limits' (did you mean limit?): it has pairings, limit",
        ),
        (
            "roles",
            {"run": "gpt2", "head": "L4H7"},
            ParameterError,
            "query roles has no parameter 'head': it has none but the run",
        ),
        (
            "through",
            {"run": "gpt2"},
            MissingParameter,
            "query through needs head: give head='L4H7', with a value of your own",
        ),
        (
            "through",
            {"run": "gpt2", "head": "L4H12"},
            UnknownHead,
            "run 'gpt2' has no head L4H12 (did you mean L4H2?): its heads are L0H0 to L11H11",
        ),
        (
            "hubs",
            {"run": "gpt2", "pairings": "OQ,QQ"},
            UnknownName,
            "run 'gpt2' has no QQ edges: it has OQ, OK, OV, and others come with "
            "compute(MODEL, pairings='all')",
        ),
    ],
)
def test_messages(
    name: str, arguments: dict[str, Any], error: type[HeadgraphError], message: str
) -> None:
    with pytest.raises(error) as caught:
        queries.query(name, recording("gpt2", "tiny"), **arguments)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("name", "arguments", "options"),
    [
        ("hub", {}, "; headgraph query lists them all"),
        ("through", {"run": "gpt2"}, "give -p head=L4H7, with a value of your own"),
        (
            "widest_path",
            {"run": "gpt2"},
            "needs source and target: give -p source=L4H7 -p target=L4H7, with a value of your own",
        ),
        (
            "hubs",
            {"run": "gpt2", "pairings": "OQ,QQ"},
            "and others come with headgraph compute --pairings",
        ),
    ],
)
def test_the_command_line_reads_options(name: str, arguments: dict[str, Any], options: str) -> None:
    with pytest.raises(HeadgraphError) as caught:
        queries.query(name, recording("gpt2", "tiny"), **arguments)
    assert caught.value.for_command_line().endswith(options)
    assert options not in str(caught.value)


def test_an_older_run_is_loaded_again() -> None:
    graph = recording("gpt2")
    columns = ("name", "pairings", "version", "series")
    graph.answers = {
        **graph.answers,
        "RETURN r.name AS name": Result(columns, (("old", ["OQ"], 1, None),)),
    }
    with pytest.raises(OlderRun) as caught:
        queries.query("hubs", graph, run="old")
    said = (
        "query hubs reads sums that run 'old' lacks, loaded by an older headgraph: {}, then load "
        "its table again"
    )
    assert str(caught.value) == said.format("drop(graph, 'old')")
    assert caught.value.for_command_line() == said.format("headgraph drop old")


def test_a_series_that_there_is_not() -> None:
    with pytest.raises(UnknownName) as caught:
        queries.over_series("hubs", RecordingGraph(), series="s")
    said = (
        "no run belongs to a series 's': the database has none: {} writes tables of checkpoints "
        "to load"
    )
    assert str(caught.value) == said.format("trajectory(RUN, tables=FOLDER)")
    assert caught.value.for_command_line() == said.format(
        "headgraph trajectory RUN --tables FOLDER"
    )
    with pytest.raises(QueryError) as caught_too:
        queries.over_series("checkpoints", RecordingGraph(), series="s")
    own = "query checkpoints goes through the checkpoints itself: {}"
    assert str(caught_too.value) == own.format("call query('checkpoints', graph, run=NAME)")
    assert caught_too.value.for_command_line() == own.format("give --run")


def test_an_empty_database() -> None:
    with pytest.raises(UnknownRun, match=r"holds no run: headgraph\.load\(table, graph\) makes"):
        queries.query("hubs", recording())
    with pytest.raises(UnknownRun, match=r"no run 'x': the database holds none; headgraph\.load"):
        queries.query("hubs", recording(), run="x")


def test_exit_codes() -> None:
    assert MissingParameter("").exit_code == ParameterError("").exit_code == 1
    assert UnknownName("").exit_code == UnknownQuery("").exit_code == 1


def test_a_query_without_a_graph_form() -> None:
    with pytest.raises(QueryError, match=r"answers with rows alone: call query\(\) for") as caught:
        queries.node_link("runs", recording("gpt2"))
    assert caught.value.for_command_line().endswith("leave out --graph")


@pytest.mark.parametrize("name", ["circuit_gaps", "circuit_motifs"])
def test_the_circuit_by_default_must_be_known_too(name: str) -> None:
    # without rows the answer would read as if every head of the circuit had an edge
    with pytest.raises(UnknownName) as caught:
        queries.query(name, recording("tiny"), run="tiny")
    assert str(caught.value) == (
        "no head of run 'tiny' is in the circuit 'ioi': no circuit of its model is known"
    )


def test_motifs_need_an_edge_between_two_heads() -> None:
    graph = recording("alone")
    edge = ("L0H0", 0, [["OV", "L0H0", 0, 0.5]])
    graph.answers = {
        **graph.answers,
        "RETURN a.name AS source": Result(("source", "layer", "edges"), (edge,)),
    }
    with pytest.raises(UnknownName) as caught:
        queries.motifs(graph, run="alone")
    assert caught.value.for_command_line().endswith("between two heads: see headgraph runs")
    assert str(caught.value) == (
        "run 'alone' has no edge of OQ, OK, OV between two heads: see runs(graph)"
    )

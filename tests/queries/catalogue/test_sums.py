"""Which stored queries read the sums that a load writes: their headers say so."""

from itertools import pairwise

import pytest

from headgraph import queries
from headgraph.graphdb import RecordingGraph, schema
from headgraph.graphdb.results.result import Result
from headgraph.queries.browser import command
from headgraph.queries.statements.tokens import Token, tokens

READERS = {
    "checkpoints", "hubs", "hubs_by_layer", "hubs_in", "hubs_out", "identity_hubs", "overview",
}  # fmt: skip
MAY_LACK = {"compare_runs"}
"""Readers that leave a column empty for a run without sums."""

PROPERTIES = (f"{schema.INLET}_", f"{schema.OUTLET}_", schema.KEPT)


def reads_sums(cypher: str) -> bool:
    """Whether a statement names a sum: as `h.inlet_OQ`, or in a string, as `h["inlet_" + p]`.

    A column called `inlet_each` is none.
    """
    pieces = [Token("sign", "", 0, 0), *tokens(cypher)]
    return any(
        token.text.strip("\"'").startswith(PROPERTIES)
        for before, token in pairwise(pieces)
        if token.kind == "string" or (token.is_name and before.is_sign("."))
    )


def test_those_of_the_catalogue() -> None:
    said = {name for name, query in queries.catalogue().items() if "sums" in query.requires}
    assert said == READERS


@pytest.mark.parametrize("name", queries.catalogue())
def test_the_header_says_what_the_statement_reads(name: str) -> None:
    query = queries.get(name)
    assert ("sums" in query.requires or name in MAY_LACK) is reads_sums(query.cypher)


@pytest.mark.parametrize(
    ("cypher", "reads"),
    [
        ("MATCH (h:Head) RETURN h.inlet_OQ", True),
        ("MATCH (h:Head) RETURN h.`outlet_OQ`", True),
        ("MATCH (h:Head) RETURN h['outlet_' + 'OK']", True),
        ("MATCH (r:Run) RETURN r { .kept_edges }", True),
        ("MATCH (h:Head)-[e]->() RETURN sum(e.z) AS inlet_each", False),
        ("MATCH (h:Head) RETURN h.name // not h.inlet_OQ", False),
    ],
)
def test_a_property_counts_and_a_column_does_not(cypher: str, reads: bool) -> None:
    assert reads_sums(cypher) is reads


@pytest.mark.parametrize("named", [None, "old"])
def test_favourites_of_a_run_from_before_come_with_a_word(
    named: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    columns = ("name", "pairings", "version", "series")
    rows = (("new", ["OQ"], 2, None), ("old", ["OQ"], None, None))
    graph = RecordingGraph(answers={"RETURN r.name AS name": Result(columns, rows)})
    assert command._runs(named, graph) == ([named] if named else ["new", "old"])
    said = capsys.readouterr().err
    assert said.startswith("run old was loaded by an older headgraph: hubs, overview")
    assert len(said.splitlines()) == 1

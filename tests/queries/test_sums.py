"""Which stored queries read the sums that a load writes."""

from dataclasses import replace

import pytest

from headgraph import queries
from headgraph.graphdb import RecordingGraph
from headgraph.graphdb.result import Result
from headgraph.queries import browser_command
from headgraph.queries._older_runs import reads_sums

READERS = {
    "checkpoints", "hubs", "hubs_by_layer", "hubs_in", "hubs_out", "identity_hubs", "overview",
}  # fmt: skip


def test_those_of_the_catalogue() -> None:
    assert {name for name, query in queries.catalogue().items() if reads_sums(query)} == READERS


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
    assert reads_sums(replace(queries.get("hubs"), cypher=cypher)) is reads


@pytest.mark.parametrize("named", [None, "old"])
def test_favourites_of_a_run_from_before_come_with_a_word(
    named: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    columns = ("name", "pairings", "version", "series")
    rows = (("new", ["OQ"], 2, None), ("old", ["OQ"], None, None))
    graph = RecordingGraph(answers={"RETURN r.name AS name": Result(columns, rows)})
    assert browser_command._runs(named, graph) == ([named] if named else ["new", "old"])
    said = capsys.readouterr().err
    assert said.startswith("run old was loaded by an older headgraph: hubs, overview")
    assert len(said.splitlines()) == 1

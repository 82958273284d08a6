"""Several models in one database: labels survive, names stay apart, runs go alone."""

from pathlib import Path
from typing import Any

import pytest

from headgraph import loader, queries
from headgraph.graphdb import Graph
from headgraph.pk_engine.table.selection import Selection
from headgraph.queries.errors import QueryError
from tests.loader.databases import contents, expected, run_node
from tests.loader.fakes import UNKNOWN_DECOYS
from tests.tables import random_table

ONE = random_table(4, 4, model="test/one")
WIDER = random_table(6, 8, model="test/wider", seed=3)
ROLES = "layer,head,role,circuit,source,note\n0,1,induction,ioi,me,\n2,3,own_word,,,mine\n"


def roles_of(graph: Graph, run: str) -> list[tuple[Any, ...]]:
    return list(
        graph.read(
            "MATCH (h:Head {run: $run})-[has:HAS_ROLE]->(role:Role) RETURN h.name AS head, "
            "role.name AS role, has.circuit AS circuit, has.source AS source, has.note AS note "
            "ORDER BY head",
            {"run": run},
        ).rows
    )


MINE = [("L0H1", "induction", "ioi", "me", None), ("L2H3", "own_word", None, None, "mine")]


@pytest.fixture
def roles(tmp_path: Path) -> Path:
    path = tmp_path / "own.csv"
    path.write_text(ROLES)
    return path


def test_own_labels_survive_another_selection(graph: Graph, roles: Path) -> None:
    loader.load(ONE, graph, run="one", labels=roles, selection=Selection(top=9))
    said = loader.load(
        ONE, graph, run="one", selection=Selection(top=5), replace=True, dry_run=True
    )
    note, last = said.notes
    assert last == UNKNOWN_DECOYS
    assert note == "one keeps its labels from own.csv: labels=FILE sets other labels"
    assert note.options == "one keeps its labels from own.csv: --labels FILE sets other labels"
    report = loader.load(ONE, graph, run="one", selection=Selection(top=5), replace=True)
    assert (report.outcome, report.labelled, report.label_source) == ("replaced", 2, "own.csv")
    assert roles_of(graph, "one") == MINE
    assert run_node(graph, "one")["label_source"] == "own.csv"
    coloured = graph.read("MATCH (h:OwnWordHead {run: 'one'}) RETURN h.name AS name").rows
    assert [tuple(row) for row in coloured] == [("L2H3",)]
    # what they came from is known to be the same, so the file again changes nothing
    again = loader.load(ONE, graph, run="one", selection=Selection(top=5), labels=roles)
    assert again.outcome == "unchanged"
    loader.load(ONE, graph, run="one", labels="none", replace=True)
    assert roles_of(graph, "one") == []
    loader.drop(graph, "one")
    assert contents(graph) == {}


def test_roles_that_somebody_else_made_stay(graph: Graph, roles: Path) -> None:
    graph.write("CREATE (:Role {name: 'admin'}), (:Role {id: 7})")
    loader.load(ONE, graph, run="one", labels=roles)
    graph.write(
        "MATCH (h:Head {name: 'L1H1'}) CREATE (h)-[:HAS_ROLE]->(:Role {name: 'My Role'}) "
        "WITH h MATCH (r:Role {name: 'own_word'}) CREATE (:Note)-[:ABOUT]->(r)"
    )
    loader.load(ONE, graph, run="one", selection=Selection(top=5), labels="none", replace=True)
    kept = "MATCH (r:Role) RETURN coalesce(r.name, r.id) AS it ORDER BY toString(it)"
    assert [it for (it,) in graph.read(kept).rows] == [7, "admin", "own_word"]
    loader.load(ONE, graph, run="one", selection=Selection(top=5), labels=roles)
    assert roles_of(graph, "one") == MINE
    loader.drop(graph, "one")
    assert [it for (it,) in graph.read(kept).rows] == [7, "admin", "own_word"]
    assert contents(graph) == {"Role": 3, "Note": 1, "ABOUT": 1}


def test_bundled_roles_stay_away_where_none_were_wanted(graph: Graph) -> None:
    top = Selection(top=5)
    loader.load("gpt2-small", graph, run="gpt2", selection=top, labels="none")
    report = loader.load("gpt2-small", graph, run="gpt2", selection=Selection(top=3), replace=True)
    assert report.labelled == 0
    note, high = report.notes
    assert note == "gpt2 stays without labels: labels=FILE sets other labels"
    assert high.startswith(
        "the decoy share of OV at the weakest pair kept is above 25 %"
    )  # of 3 pairs each; OQ and OK have no decoy as strong
    assert report.derived == {"eraser": 5, "copier": 7}


def test_labels_of_one_model_are_not_those_of_another(graph: Graph, roles: Path) -> None:
    loader.load(ONE, graph, run="mine", labels=roles)
    loader.load(WIDER, graph, run="mine", replace=True)
    assert roles_of(graph, "mine") == []


def test_models_with_equal_head_names_stay_apart(graph: Graph, roles: Path) -> None:
    loader.load(ONE, graph, run="one", labels=roles)
    loader.load(WIDER, graph, run="wider")
    assert graph.read("MATCH (h:Head {name: 'L0H1'}) RETURN count(*)").single() == 2
    for run, table in (("one", ONE), ("wider", WIDER)):
        frame = table.frame
        own = (frame["source_layer"] == 0) & (frame["source_head"] == 1)
        own |= (frame["target_layer"] == 0) & (frame["target_head"] == 1)
        answer = queries.query("neighbours", graph, run=run, head="L0H1", limit=1000)
        assert len(answer) == own.sum()
        assert run_node(graph, run)["edges"] == len(frame)
    assert queries.query("roles", graph, run="wider").empty
    loader.drop(graph, "one")
    assert contents(graph) == expected(WIDER)


def test_runs_of_different_shapes_are_not_compared(graph: Graph) -> None:
    loader.load(ONE, graph, run="one")
    loader.load(WIDER, graph, run="wider")
    with pytest.raises(QueryError) as caught:
        queries.query("compare_runs", graph, run="one", other="wider")
    assert str(caught.value) == (
        "one has 4 layers of 4 heads and wider 6 of 8, so heads of one name are not the same "
        "head: compare runs of one model, or its checkpoints (query('runs', graph) lists them)"
    )
    assert caught.value.for_command_line().endswith("(headgraph query runs lists them)")


def test_runs_of_other_dimensions_are_not_compared(graph: Graph) -> None:
    loader.load(ONE, graph, run="one")
    loader.load(random_table(4, 4, d_head=4, model="test/narrow"), graph, run="narrow")
    with pytest.raises(QueryError) as caught:
        queries.query("compare_runs", graph, run="one", other="narrow")
    assert str(caught.value) == (
        "one has d_head 8 and d_model 32, narrow 4 and 16, so their PK has different scales: "
        "compare runs of one model, or its checkpoints (query('runs', graph) lists them)"
    )

"""What stored queries read: no more where the database has more runs, and indexes where it helps.

Runs share their Role nodes. A plan that starts at a role reads the heads of all runs that have it.
The number of database hits is the server's own count, which does not depend on time.

After this the server has no plan of any query any more. So this is the last file in its folder.
"""

from pathlib import Path
from typing import Any

import pytest

from headgraph import loader, queries
from headgraph.graphdb import Graph, schema
from headgraph.queries.answers.names import NAMED
from headgraph.queries.stored_queries.values import all_values, given_values
from tests.queries.catalogue.cases import LABELS
from tests.queries.conftest import named
from tests.queries.oracle import same
from tests.tables import random_table

OTHERS = 12
VALUES = {"writer": "previous_token", "reader": "induction", "role": "name_mover"}
ABOUT_ROLES = [name for name, query in queries.catalogue().items() if "HAS_ROLE" in query.cypher]
FROM_THE_ROLE = "MATCH (r:Role) WITH r MATCH (r)<-[:HAS_ROLE]-(h) WHERE h.run = $run RETURN h.name"


def hits(profile: dict[str, Any]) -> int:
    children = profile.get("children", [])
    return int(profile.get("dbHits", 0)) + sum(hits(child) for child in children)


def reads(graph: Graph, cypher: str, values: dict[str, Any]) -> int:
    """Database hits of a statement."""
    with graph.session() as session:
        result = session.run("PROFILE " + cypher, values)
        return hits(result.consume().profile)


def counted(graph: Graph) -> dict[str, int]:
    """Hits of every statement about roles, on run `one`."""
    found = {}
    required = {"head": "L1H1", "source": "L0H1", "target": "L3H1", "first": "L1H0"}
    for name in ABOUT_ROLES:
        query = queries.get(name)
        given = {**VALUES, **required, "second": "L1H1"}
        given = {key: value for key, value in given.items() if key in query.params}
        values = all_values(query, given_values(query, given), "one")
        found[name] = reads(graph, query.cypher, values)
    for kind, statement in NAMED.items():
        found[f"names of {kind}s"] = reads(graph, statement, {"run": "one"})
    found["from the role"] = reads(graph, FROM_THE_ROLE, {"run": "one"})
    return found


def test_hits_do_not_grow_with_the_number_of_runs(graph: Graph, tmp_path: Path) -> None:
    labels = tmp_path / "labels.csv"
    labels.write_text(LABELS, encoding="utf-8")
    loader.load(random_table(), graph, run="one", labels=labels)
    for seed in range(1, OTHERS + 1):
        loader.load(random_table(seed=seed), graph, run=f"other-{seed}", labels=labels)
    # plans made while the database was smaller are not taken over
    graph.command("CALL db.prepareForReplanning(60)")
    among = counted(graph)
    assert {"roles", "circuit_motifs", "role_matrix", "ioi_paths"} <= among.keys()
    graph.write("MATCH (n) WHERE n.run <> 'one' OR n:Run AND n.name <> 'one' DETACH DELETE n")
    alone = counted(graph)  # by the same plans
    assert among.pop("from the role") > 5 * alone.pop("from the role"), "the count can tell"
    grown = {name: (alone[name], n) for name, n in among.items() if n > 1.5 * alone[name]}
    assert grown == {}


@pytest.mark.parametrize("name", ["roles", "circuit_motifs"])
def test_hits_of_a_small_run_stay_small(graph: Graph, tmp_path: Path, name: str) -> None:
    """Two roles' heads of every run were 266,000 hits among 60 runs of GPT-2's size."""
    labels = tmp_path / "labels.csv"
    labels.write_text(LABELS, encoding="utf-8")
    loader.load(random_table(), graph, run="one", labels=labels)
    values = all_values(queries.get(name), {}, "one")
    assert reads(graph, queries.get(name).cypher, values) < 10_000


def test_top_lists_of_a_large_run_read_an_index(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What `schema.MANY_EDGES` promises, at a size that a test can afford."""
    statement = (
        "MATCH (:Head {run: $run})-[e:OQ]->(:Head {run: $run}) WHERE e.pk_rank > 0 "
        "RETURN e ORDER BY e.pk_rank LIMIT 20"
    )
    seek = "DirectedRelationshipIndexSeekByRange"
    assert seek not in graph.plan(statement, {"run": "large"}).operators
    monkeypatch.setattr(schema, "MANY_EDGES", 1_000)
    table = random_table(n_layers=8, n_heads=8, seed=3)
    loader.load(table, graph, run="large")
    try:
        # the plan of a moment ago is cached, and counts may be old: take both anew
        graph.command("CALL db.awaitIndexes(60)")
        graph.command("CALL db.prepareForReplanning(60)")
        assert seek in graph.plan(statement, {"run": "large"}).operators
        answer = queries.query("strongest_edges", graph, run="large", per_pairing=30)
        top = named(table.edges()).astype({"pk": float, "z": float})
        assert answer["decoy_q"].isna().all(), "the table has no decoys"
        oq = answer[answer["pairing"] == "OQ"].drop(columns="decoy_q")
        same(oq, top[top["pairing"] == "OQ"].head(30))
    finally:
        loader.drop(graph, "large")
        for pairing in ("oq", "ok", "ov"):
            graph.command(f"DROP INDEX headgraph_rank_{pairing}")

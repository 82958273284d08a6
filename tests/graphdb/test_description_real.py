"""The described graph is the loaded one: each property there is described, and the reverse."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from headgraph import graphdb, loader, queries
from headgraph.base.names import NULLS, PAIRINGS
from headgraph.graphdb import Graph
from headgraph.graphdb.description import (
    ELEMENTS,
    EXAMPLES,
    STANDS_FOR,
    markdown_table,
)
from headgraph.pk_engine import Selection, compute
from headgraph.pk_engine.metrics.registry import METRICS
from headgraph.pk_engine.table.affinity import AffinityTable
from tests.commands import headgraph
from tests.pk_engine.unequal_checkpoints import checkpoint
from tests.queries.conftest import TOP, emptied
from tests.tables import random_table

REPOSITORY = Path(__file__).parents[2]
TYPES = {
    "STRING": "String", "INTEGER": "Long", "FLOAT": "Double", "BOOLEAN": "Boolean",
    "ZONED DATETIME": "DateTime", "LIST OF STRING": "StringArray", "LIST OF INTEGER": "LongArray",
    "LIST OF FLOAT": "DoubleArray",
}  # fmt: skip
NODES = """
CALL db.schema.nodeTypeProperties() YIELD nodeLabels, propertyName, propertyTypes
WHERE propertyName IS NOT NULL
UNWIND [label IN nodeLabels WHERE label IN ["Head", "Role", "Run"]] AS label
UNWIND propertyTypes AS type RETURN DISTINCT label, propertyName AS name, type
"""
EDGES = """
CALL db.schema.relTypeProperties() YIELD relType, propertyName, propertyTypes
UNWIND coalesce(propertyTypes, [null]) AS type
RETURN DISTINCT replace(replace(relType, ":`", ""), "`", "") AS label, propertyName AS name, type
"""


@pytest.fixture(scope="module")
def full(database: Graph, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Graph]:
    """A database with each property that headgraph can write."""
    graph = emptied(database)
    loader.load("gpt2-small", graph, run="gpt2", selection=TOP)
    queries.communities(graph, run="gpt2", write=True)
    table = random_table(
        3, 4, 2, pairings=PAIRINGS, metrics=tuple(METRICS), series="s", step=1.0, format_2=True
    )
    columns = [f"{kind}_{name}" for name in NULLS for kind in "zpq"]
    frame = table.frame.assign(**dict.fromkeys(columns, 0.5))
    meta = replace(
        table.meta,
        revision="0" * 40,
        nulls={name: {"seed": 0, "samples": None} for name in NULLS},
    )
    loader.load(AffinityTable(frame, meta), graph, run="random")
    hybrid = checkpoint(tmp_path_factory.mktemp("model"), "hybrid")
    table = compute(hybrid, selection=Selection())
    stored = replace(table.meta, origin={"quantisation": "Q8_0"}, tower="vision")
    loader.load(AffinityTable(table.frame, stored), graph, run="hybrid")
    behaviour = graph.read(
        "MATCH (h:Head {run: 'gpt2'}) RETURN h.layer AS layer, h.head AS head, 0.5 AS "
        "previous_token, 0.5 AS duplicate_token, 0.5 AS induction, 0.5 AS identity, 10 AS prompts, "
        "0 AS seed"
    ).frame()
    loader.annotate(behaviour, graph, run="gpt2")
    yield graph
    emptied(graph)


def described() -> dict[tuple[str, str], str]:
    return {(e.name, p.name): TYPES[p.type] for e in ELEMENTS for p in e.properties}


def general(label: str, name: str) -> tuple[str, str]:
    """Label and name as they are described, with PAIRING, METRIC and NULL in them."""
    edge = label in PAIRINGS
    name = re.sub(rf"_({'|'.join(PAIRINGS)})$", "_PAIRING", name)
    if edge and (nulled := re.fullmatch(rf"([zpq])_({'|'.join(NULLS)})", name)):
        name = f"{nulled[1]}_NULL"
    if edge and name in STANDS_FOR["METRIC"]:
        name = "METRIC"
    return ("PAIRING" if edge else label), name


def test_the_description_is_the_graph(full: Graph) -> None:
    rows = [*full.read(NODES), *full.read(EDGES)]
    there = {
        general(row["label"], row["name"]): row["type"] for row in rows if row["name"] is not None
    }
    assert there == described()
    kinds = {general(row["label"], "")[0] for row in rows}
    assert kinds == {element.name for element in ELEMENTS}
    assert {*STANDS_FOR["METRIC"]} == {*METRICS} - {"pk"}


@pytest.mark.parametrize(("title", "statement"), EXAMPLES, ids=[title for title, _ in EXAMPLES])
def test_the_examples_have_answers(full: Graph, title: str, statement: str) -> None:
    answer = queries.cypher(statement, full, run="gpt2")
    assert len(answer) > 2, title
    assert answer.attrs["hints"] == []


def test_the_command_and_the_page_have_the_same_facts() -> None:
    done = headgraph("schema", NEO4J_URI="bolt://127.0.0.1:9")
    assert (done.returncode, done.stderr) == (0, "")
    *text, run = done.stdout.splitlines()
    assert "\n".join(text).rstrip() == graphdb.schema_text()
    assert run == "Run a statement with: headgraph cypher 'STATEMENT' --run NAME"
    page = (REPOSITORY / "docs/reference/graph.md").read_text(encoding="utf-8")
    assert markdown_table() in page
    for element in ELEMENTS:
        assert f"## {element.pattern}" in done.stdout
        for it in element.properties:
            assert f"- {it.name} ({it.type}): {it.text}\n" in done.stdout
    for _, statement in EXAMPLES:
        assert statement in done.stdout

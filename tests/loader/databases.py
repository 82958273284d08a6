"""What tests look at in a real database."""

from typing import Any

from headgraph.graphdb import Graph
from headgraph.pk_engine.table.affinity import AffinityTable


def contents(graph: Graph) -> dict[str, int]:
    """How many nodes and relationships there are, by label and type."""
    nodes = graph.read("MATCH (n) UNWIND labels(n) AS label RETURN label, count(*) AS n")
    edges = graph.read("MATCH ()-[e]->() RETURN type(e) AS label, count(*) AS n")
    return {row["label"]: row["n"] for row in (*nodes, *edges)}


def expected(table: AffinityTable, runs: int = 1) -> dict[str, int]:
    """The same for so many runs of a table without labels."""
    heads = table.meta.n_layers * table.meta.n_heads
    edges = table.edges()["pairing"].value_counts()
    one = {"Run": 1, "Head": heads, "HAS_HEAD": heads, **{str(p): int(n) for p, n in edges.items()}}
    return {label: n * runs for label, n in one.items()}


def run_node(graph: Graph, name: str) -> dict[str, Any]:
    """Properties of a published run."""
    ((node,),) = graph.read("MATCH (r:Run {name: $name}) RETURN r", {"name": name}).rows
    return dict(node)


def edge_ids(graph: Graph) -> set[str]:
    """The database's own ids of all edges between heads: others after any rewriting."""
    rows = graph.read("MATCH (:Head)-[e]->(:Head) RETURN elementId(e) AS id")
    return {row["id"] for row in rows}

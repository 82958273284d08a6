"""Runs that are compared: heads of one name must be the same head."""

from headgraph.graphdb.runner import Runner
from headgraph.queries.errors import QueryError

_SHAPES = """
MATCH (r:Run {status: "complete"}) WHERE r.name IS NOT NULL
RETURN r.name AS name, r.n_layers AS layers, r.n_heads AS heads
"""


def check_shapes(names: list[str], graph: Runner) -> None:
    """Raise QueryError where runs that are compared have heads of different models' shapes."""
    shapes = {row["name"]: (row["layers"], row["heads"]) for row in graph.read(_SHAPES)}
    first, *others = names
    for other in others:
        if shapes[other] != shapes[first]:
            (layers, heads), (other_layers, other_heads) = shapes[first], shapes[other]
            raise QueryError(
                f"{first} has {layers} layers of {heads} heads and {other} {other_layers} of "
                f"{other_heads}, so heads of one name are not the same head: compare runs of one "
                "model, or its checkpoints (headgraph query runs tells them)"
            )

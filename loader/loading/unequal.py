"""What a run says of a model whose layers or roles are not all alike."""

from headgraph.graphdb import schema
from headgraph.pk_engine.table.meta import TableMeta


def run_properties(meta: TableMeta) -> dict[str, float]:
    """Chance level of each pairing; empty where one formula of the sizes gives it."""
    if not meta.layers:
        return {}
    return {f"{schema.CHANCE}{pairing}": it["mean"] for pairing, it in meta.moments.items()}


def head_properties(meta: TableMeta) -> dict[int, dict[str, int]]:
    """Layer -> how many heads its heads could read, and could be read by, in an earlier and a later
    layer; empty where the numbers of layers and heads give it.
    """
    if not meta.layers:
        return {}
    return {
        layer: {schema.BEFORE: before, schema.AFTER: after}
        for layer, (before, after) in meta.reach.items()
    }

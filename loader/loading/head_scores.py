"""What a head's own weights say of it: copying, self-overlap, and the role that follows."""

from headgraph.graphdb import schema
from headgraph.pk_engine.metrics.copying import derived_role
from headgraph.pk_engine.table.meta import TableMeta

_PROPERTIES = {"circuit": schema.DERIVED_CIRCUIT, "source": schema.DERIVED_SOURCE}


def head_scores(meta: TableMeta) -> dict[int, dict[str, float]]:
    """The scores of heads that a table has.

    Returns:
        By the head's place among all heads of the model, names and values of properties.
        A score that is not defined is left out.
    """
    found: dict[int, dict[str, float]] = {}
    for name, layers in meta.heads.items():
        for place, (layer, head) in enumerate(meta.places()):
            value = layers[layer][head]
            if value is not None:
                found.setdefault(place, {})[name] = float(value)
    return found


def derived_roles(meta: TableMeta) -> dict[str, list[dict[str, object]]]:
    """The heads of each derived role, as `LoadPlan.role_rows` has those of the labels."""
    rows: dict[str, list[dict[str, object]]] = {}
    names = [meta.head_name(*place) for place in meta.places()]
    for place, scores in sorted(head_scores(meta).items()):
        role = derived_role(scores.get("copying"), scores.get("self_overlap"))
        if role is not None:
            row: dict[str, object] = {"head": names[place], "properties": dict(_PROPERTIES)}
            rows.setdefault(role, []).append(row)
    return rows

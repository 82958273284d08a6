"""What a head's own weights say of it: copying, self-overlap, and the role that follows."""

from headgraph.base.names import head_name
from headgraph.graphdb import schema
from headgraph.pk_engine.metrics.copying import derived_role
from headgraph.pk_engine.table.meta import TableMeta

_PROPERTIES = {"circuit": schema.DERIVED_CIRCUIT, "source": schema.DERIVED_SOURCE}


def head_scores(meta: TableMeta) -> dict[int, dict[str, float]]:
    """The scores of heads that a table has.

    Returns:
        By the head's place (layer times heads per layer plus head), names and values of properties.
        A score that is not defined is left out.
    """
    found: dict[int, dict[str, float]] = {}
    for name, layers in meta.heads.items():
        for place, value in enumerate(value for heads in layers for value in heads):
            if value is not None:
                found.setdefault(place, {})[name] = float(value)
    return found


def derived_roles(meta: TableMeta) -> dict[str, list[dict[str, object]]]:
    """The heads of each derived role, as `LoadPlan.role_rows` has those of the labels."""
    rows: dict[str, list[dict[str, object]]] = {}
    for place, scores in sorted(head_scores(meta).items()):
        role = derived_role(scores.get("copying"), scores.get("self_overlap"))
        if role is not None:
            head = head_name(*divmod(place, meta.n_heads))
            rows.setdefault(role, []).append({"head": head, "properties": dict(_PROPERTIES)})
    return rows

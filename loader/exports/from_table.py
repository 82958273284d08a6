"""The graph that a load of a table would make."""

from headgraph.graphdb import schema
from headgraph.loader._batches import batches, edge_properties
from headgraph.loader._plan import LoadPlan
from headgraph.loader._roles import rows_by_role
from headgraph.loader.exports.content import FIRST, HeadNode, HeadRole, RunGraph, in_role_order

_WHOLE = ("pk_rank", "kv_head")


def graph_of_plan(plan: LoadPlan) -> RunGraph:
    """The graph of a plan; edges are made of the table's rows part by part."""
    roles = _roles(plan)
    names = edge_properties(plan.table)
    run = {**plan.run_properties(), "name": plan.name, "status": schema.COMPLETE}
    return RunGraph(
        run={name: value for name, value in sorted(run.items()) if value is not None},
        heads=_heads(plan, roles),
        roles=roles,
        columns={name: "integer" if name in _WHOLE else "float" for name in names},
        n_edges=len(plan.edges),
        batches=lambda: batches(plan.table, plan.edges),
        notes=plan.notes,
    )


def _roles(plan: LoadPlan) -> list[HeadRole]:
    rows = [
        HeadRole(row["head"], role, row["properties"])
        for role, found in rows_by_role(plan).items()
        for row in found
    ]
    return in_role_order(rows, [name for name, *_ in plan.head_rows()])


def _heads(plan: LoadPlan, roles: list[HeadRole]) -> dict[int, HeadNode]:
    labels: dict[str, set[str]] = {}
    for head, role, _ in roles:
        labels.setdefault(head, set()).add(schema.role_label(role))
    return {
        place: HeadNode(
            (schema.HEAD, *sorted(labels.get(name, ()))),
            dict(zip(FIRST, (f"{plan.id}:{name}", plan.name, name, *numbers), strict=True)) | sums,
        )
        for place, (name, *numbers, sums) in enumerate(plan.head_rows())
    }

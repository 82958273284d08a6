"""Statements for the known roles of heads: labels that colour them, and relationships to Roles.

Label names cannot be parameters; they come from `schema.role_label`, which lets through lower-case
words only.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from headgraph.base.names import head_name
from headgraph.graphdb import schema
from headgraph.graphdb.runner import Statement
from headgraph.loader._plan import LoadPlan


def give_roles(plan: LoadPlan, status: str) -> list[Statement]:
    """Role labels and HAS_ROLE for the heads of a run that has this status."""
    return [
        (
            f"""
            MATCH (r:{schema.RUN} {{id: $id}}) WHERE r.status = $status
            MERGE (role:{schema.ROLE} {{name: $role}})
            WITH role UNWIND $rows AS row
            MATCH (h:{schema.HEAD} {{id: $id + ':' + row.head}})
            SET h:{schema.role_label(role)}
            CREATE (h)-[has:HAS_ROLE]->(role) SET has = row.properties
            """,
            {"id": plan.id, "status": status, "role": role, "rows": rows},
        )
        for role, rows in rows_by_role(plan).items()
    ]


def rows_by_role(plan: LoadPlan) -> dict[str, list[dict[str, Any]]]:
    """Heads and properties of HAS_ROLE, by role."""
    rows: dict[str, list[dict[str, Any]]] = {}
    for label in plan.labels.to_dict("records"):
        properties = {name: label[name] for name in ("circuit", "source", "note") if label[name]}
        head = head_name(int(label["layer"]), int(label["head"]))
        rows.setdefault(str(label["role"]), []).append({"head": head, "properties": properties})
    return rows


def take_roles(run: str, params: Mapping[str, Any], roles: Iterable[str]) -> list[Statement]:
    """Remove role labels and HAS_ROLE from the heads of a run.

    Args:
        run: pattern of the Run node, such as `(r:Run {id: $id})`.
        params: its parameters.
        roles: names of the roles that may be there; one that somebody made by hand may be called
            anything, and has no label.
    """
    labels = [schema.role_label(role) for role in roles if schema.is_role(role)]
    statements = [
        f"MATCH {run}-[:HAS_HEAD]->(h:{label}) REMOVE h:{label}"  # one plan per label, cached
        for label in labels
    ]
    statements.append(f"MATCH {run}-[:HAS_HEAD]->()-[has:HAS_ROLE]->() DELETE has")
    return [(statement, dict(params)) for statement in statements]


def remove_unused_roles(roles: Iterable[str]) -> Statement:
    """Remove those of these Roles that no head has any more, and nothing else hangs on."""
    return (
        f"MATCH (role:{schema.ROLE}) WHERE role.name IN $roles AND NOT EXISTS {{ (role)--() }} "
        "DELETE role",
        {"roles": list(roles)},
    )

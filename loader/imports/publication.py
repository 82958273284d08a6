"""The last transaction of an import: the run of a file gets its name, id, labels and roles.

Until then the Run has an id of its own and no name, and its heads are `LoadingHead`, as in a load
(`loading.writer`). Names of labels cannot be parameters; `values.label` has checked them.
"""

from collections.abc import Iterator
from typing import Any

from headgraph.base.spelling import argument
from headgraph.graphdb import schema
from headgraph.graphdb.connection.runner import Runner, Statement
from headgraph.graphdb.errors import StatementError
from headgraph.loader._database import LOCK, again, number, remove_unused_roles
from headgraph.loader.errors import NameTaken
from headgraph.loader.imports.plan import ImportPlan
from headgraph.loader.loading.writer import taken_over
from headgraph.loader.removal import unpublish

_PUBLISHING = "publishing"  # never committed: only one transaction sees it
_HELD = f"(r:{schema.RUN} {{id: $id, status: $publishing}})"
_FIRST = f"""
MATCH (r:{schema.RUN} {{id: $id}}) {LOCK} WHERE r.loader = $token SET r.status = $publishing
"""
# The run that is replaced may have the id that this one gets; its heads have other ids by now.
_FREE_ID = f"MATCH (old:{schema.RUN} {{status: $dropping, ending: $token}}) SET old.id = $token"
_HEADS = f"""
MATCH {_HELD}-[:HAS_HEAD]->(h:{schema.LOADING_HEAD})
REMOVE h:{schema.LOADING_HEAD} SET h.id = $final_id + ':' + h.name, h.run = $name
SET h:{schema.HEAD}
"""
_LABEL = f"MATCH {_HELD}-[:HAS_HEAD]->(h:{schema.HEAD}) WHERE h.name IN $heads SET h:`%s`"
_ROLE = f"""
MATCH {_HELD} MERGE (role:{schema.ROLE} {{name: $role}})
WITH role UNWIND $rows AS row
MATCH (h:{schema.HEAD} {{id: $final_id + ':' + row.head}})
CREATE (h)-[has:HAS_ROLE]->(role) SET has = row.properties
"""
_LAST = f"""
MATCH {_HELD}
SET r.id = $final_id, r.name = $name, r.status = $complete, r.loaded_at = datetime()
REMOVE r.loader, r.loader_process, r.alive_at, r.called
RETURN count(*) AS published
"""


def publish(
    graph: Runner, plan: ImportPlan, token: str, roles: list[str], *, replace: bool
) -> None:
    """Make the run visible, and an old run of that name invisible, in one transaction.

    Raises:
        NameTaken: another run has got the name or id meanwhile.
        TakenOver: another command has removed this attempt.
    """
    statements = list(_statements(plan, token, roles, replace=replace))
    try:
        results = again(lambda: graph.write_all(statements))
    except StatementError as error:
        if error.code == "Neo.ClientError.Schema.ConstraintValidationFailed":
            raise _taken_meanwhile(plan) from error
        raise
    if not number(results[-1]):
        raise taken_over(plan)


def name_taken(plan: ImportPlan) -> NameTaken:
    """The error for a name under which the database has something else."""
    return NameTaken(
        f"the run {plan.name} is there already, with other contents than in {plan.file.name}: give "
        f"another name with {argument('run', 'NAME')}, or {argument('replace', True)} to put the "
        "one of the file in its place"
    )


def _taken_meanwhile(plan: ImportPlan) -> NameTaken:
    """The error for a name or id that another command took while this run was written."""
    return NameTaken(
        f"another command published the run {plan.name}, or one of its id, while this import ran: "
        "import the file again, which compares the contents, or give another name with "
        f"{argument('run', 'NAME')}"
    )


def _statements(
    plan: ImportPlan, token: str, roles: list[str], *, replace: bool
) -> Iterator[Statement]:
    params: dict[str, Any] = {
        "id": plan.id,
        "final_id": plan.final_id,
        "name": plan.name,
        "token": token,
        "publishing": _PUBLISHING,
        "complete": schema.COMPLETE,
    }
    yield _FIRST, params
    if replace:
        held = f"MATCH (:{schema.RUN} {{id: $id, status: $publishing}})"
        yield from unpublish(
            f"{held} MATCH (old:{schema.RUN} {{name: $name}})", params, token, roles
        )
        yield _FREE_ID, {"dropping": schema.DROPPING, "token": token}
    yield _HEADS, params
    for label, heads in plan.labels().items():
        yield _LABEL % label, {**params, "heads": heads}
    for role, rows in plan.role_rows().items():
        yield _ROLE, {**params, "role": role, "rows": rows}
    if replace:
        yield remove_unused_roles(roles)
    yield _LAST, params

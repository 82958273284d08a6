"""What every change of the graph shares: the lock on a run, retries, constraints, roles."""

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from headgraph.graphdb import schema
from headgraph.graphdb.connection.runner import Runner, Statement
from headgraph.graphdb.connection.versions import LABEL_VALUES
from headgraph.graphdb.errors import NotReachable, StatementError
from headgraph.graphdb.results.result import Result

# A write lock on the Run until the transaction ends: what is read of it afterwards stays true. The
# value written depends on nothing read before, so that waiting for the lock cannot lose an update.
LOCK = "SET r.lock = true REMOVE r.lock WITH r"

# Errors of a transaction that lost a race for a node: it was rolled back and can be run again. The
# driver repeats deadlocks by itself, but not these.
_LOST_RACE = (
    "Neo.ClientError.Statement.EntityNotFound",
    "Neo.ClientError.Schema.ConstraintValidationFailed",
    "Neo.ClientError.Schema.EquivalentSchemaRuleAlreadyExists",
    "Neo.ClientError.Schema.ConstraintAlreadyExists",
    "Neo.ClientError.Schema.IndexAlreadyExists",
    "Neo.ClientError.Transaction.TransactionValidationFailed",
    "Neo.TransientError",  # statements outside managed transactions
)
_TRIES = 5

_GIVE_ROLES = f"""
MATCH (r:{schema.RUN} {{id: $id}}) WHERE r.status = $status
UNWIND $given AS given
MERGE (role:{schema.ROLE} {{name: given.role}})
WITH role, given UNWIND given.heads AS row
MATCH (h:{schema.HEAD} {{id: $id + ':' + row.head}})
%s
CREATE (h)-[has:HAS_ROLE]->(role) SET has = row.properties
"""
_LABEL = "FOREACH (_ IN CASE given.place WHEN %(place)d THEN [1] ELSE [] END | SET h:%(label)s)"

T = TypeVar("T")
RoleRows = Mapping[str, list[dict[str, Any]]]
"""By role, a row per head: its name as `head`, and `properties` of its HAS_ROLE."""


def again(work: Callable[[], T]) -> T:
    """Run `work`, and repeat it when it lost a race; raise its last failure."""
    for _ in range(_TRIES - 1):
        try:
            return work()
        except StatementError as error:
            if not error.code.startswith(_LOST_RACE):
                raise
    return work()


@contextmanager
def if_lost(meaning: str, run: str) -> Iterator[None]:
    """Add to a lost connection what it means for a run; `meaning` has {run} for its name."""
    try:
        yield
    except NotReachable as error:
        raise NotReachable(f"{error.message.marked}; {meaning.format(run=run)}") from error


def number(result: Result) -> int:
    """The count that a statement returns; 0 if it returned no row."""
    return int(result.rows[0][0]) if result.rows else 0


def new_token() -> str:
    """A random word that marks one attempt at a load, or one drop."""
    return secrets.token_hex(8)


def prepare(graph: Runner) -> None:
    """Create the constraints and indexes that are missing.

    Existing ones are skipped, because even `IF NOT EXISTS` would wait for every load in progress.
    """
    _create(graph, (*schema.CONSTRAINTS, *schema.INDEXES))


def index_ranks(graph: Runner, pairings: Iterable[str], n_edges: int) -> None:
    """Index `pk_rank` of these pairings if the run is large; the server fills the index later."""
    if n_edges >= schema.MANY_EDGES:
        _create(graph, [schema.rank_index(pairing) for pairing in pairings])


def _create(graph: Runner, statements: Iterable[str]) -> None:
    # One by one: after a deadlock of two loads that each create all in one transaction, Neo4j keeps
    # names of indexes that it does not have.
    indexes = list(graph.read("SHOW INDEXES YIELD name, owningConstraint"))
    there = {  # a server that was killed may keep the index of a constraint that it does not have
        "INDEX": {row["name"] for row in indexes},
        "CONSTRAINT": {row["owningConstraint"] for row in indexes},
    }
    for statement in statements:
        _, kind, name, *_ = statement.split()
        if name not in there[kind]:
            again(lambda statement=statement: graph.command(statement))  # type: ignore[misc]


def roles_in(graph: Runner) -> list[str]:
    """Names of all roles that some head has; a Role without heads was not made by a load."""
    rows = graph.read(
        f"MATCH (role:{schema.ROLE}) WHERE role.name IS NOT NULL "
        "AND EXISTS { (role)<-[:HAS_ROLE]-() } RETURN role.name AS name ORDER BY name"
    )
    return [row["name"] for row in rows]


def give_roles(graph: Runner, run_id: str, rows: RoleRows, status: str) -> list[Statement]:
    """Statements that give role labels and HAS_ROLE to the heads of a run with this status.

    One statement for all roles: a server that has just started takes longest to plan, and half as
    long with labels from a parameter, which older servers do not take. `schema.role_label` makes
    labels of lower-case words alone.
    """
    if not rows:
        return []
    given = [
        {"place": place, "role": role, "label": schema.role_label(role), "heads": heads}
        for place, (role, heads) in enumerate(rows.items())
    ]
    if graph.version is not None and graph.version >= LABEL_VALUES:
        labels = "SET h:$(given.label)"
    else:
        labels = "\n".join(_LABEL % it for it in given)
    return [(_GIVE_ROLES % labels, {"id": run_id, "status": status, "given": given})]


def take_roles(run: str, params: Mapping[str, Any], roles: Iterable[str]) -> list[Statement]:
    """Statements that remove role labels and HAS_ROLE from the heads of a run.

    Args:
        run: pattern of the Run node, such as `(r:Run {id: $id})`.
        params: its parameters.
        roles: names of the roles that may be there. A role made by hand can have any name, and
            then has no label.
    """
    labels = [schema.role_label(role) for role in roles if schema.is_role(role)]
    statements = [
        f"MATCH {run}-[:HAS_HEAD]->(h:{label}) REMOVE h:{label}"  # one cached plan per label
        for label in labels
    ]
    statements.append(f"MATCH {run}-[:HAS_HEAD]->()-[has:HAS_ROLE]->() DELETE has")
    return [(statement, dict(params)) for statement in statements]


def remove_unused_roles(roles: Iterable[str]) -> Statement:
    """The statement that removes those of these Roles that have no relationship left."""
    return (
        f"MATCH (role:{schema.ROLE}) WHERE role.name IN $roles AND NOT EXISTS {{ (role)--() }} "
        "DELETE role",
        {"roles": list(roles)},
    )

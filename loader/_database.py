"""Pieces that every change of the graph here shares: the lock on a run, constraints, retries."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from headgraph.graphdb import schema
from headgraph.graphdb.errors import StatementError
from headgraph.graphdb.result import Result
from headgraph.graphdb.runner import Runner

# A write lock on the Run until the transaction ends: what is read of it afterwards stays true. The
# value written depends on nothing read before, so that waiting for the lock cannot lose an update.
LOCK = "SET r.lock = true REMOVE r.lock WITH r"

# What a transaction meets that loses a race against another one for the same node: it was rolled
# back, and can be run again. (The driver repeats deadlocks by itself, and not these.)
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

T = TypeVar("T")


def again(work: Callable[[], T]) -> T:
    """Run `work`, and again where it lost a race; the last failure is raised."""
    for _ in range(_TRIES - 1):
        try:
            return work()
        except StatementError as error:
            if not error.code.startswith(_LOST_RACE):
                raise
    return work()


def prepare(graph: Runner) -> None:
    """Create the constraints and indexes that are missing.

    Those that exist are not touched: even `IF NOT EXISTS` would wait for every load in progress.
    """
    _create(graph, (*schema.CONSTRAINTS, *schema.INDEXES))


def index_ranks(graph: Runner, pairings: Iterable[str]) -> None:
    """Make places in the ranking an index, for these pairings; the server fills it by itself."""
    _create(graph, [schema.rank_index(pairing) for pairing in pairings])


def _create(graph: Runner, statements: Iterable[str]) -> None:
    there = {row["name"] for row in graph.read("SHOW CONSTRAINTS YIELD name")}
    there |= {row["name"] for row in graph.read("SHOW INDEXES YIELD name")}
    for statement in statements:
        if statement.split()[2] not in there:
            again(lambda statement=statement: graph.command(statement))  # type: ignore[misc]


def number(result: Result) -> int:
    """The count that a statement returns; 0 where it returned no row."""
    return int(result.rows[0][0]) if result.rows else 0


def roles_in(graph: Runner) -> list[str]:
    """Names of all roles that any head has; a Role that none has is somebody else's."""
    rows = graph.read(
        f"MATCH (role:{schema.ROLE}) WHERE role.name IS NOT NULL "
        "AND EXISTS { (role)<-[:HAS_ROLE]-() } RETURN role.name AS name ORDER BY name"
    )
    return [row["name"] for row in rows]

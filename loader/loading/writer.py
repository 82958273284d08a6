"""One attempt at a load writes its run: claim, heads, edges, publication.

Each attempt has a random token. The Run carries it while the attempt goes on, and the heads carry
it in their ids until they are published. An attempt that counted as dead but goes on thus finds
neither its token nor its heads, and cannot add to what its successor writes.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from enum import Enum
from typing import Any, Protocol

from headgraph.base.names import PAIRINGS
from headgraph.base.spelling import either
from headgraph.graphdb import schema
from headgraph.graphdb.connection.runner import Runner, Statement
from headgraph.graphdb.errors import StatementError
from headgraph.loader._database import LOCK, again, give_roles, number, remove_unused_roles
from headgraph.loader.attempts import BEAT_S, marks
from headgraph.loader.errors import RUNS, TakenOver
from headgraph.loader.loading.edges import Batch
from headgraph.loader.loading.existing import name_taken
from headgraph.loader.loading.plan import LoadPlan
from headgraph.loader.removal import delete_heads, delete_run, unpublish

Progress = Callable[[int, int], None]

_CLAIM = f"""
MERGE (r:{schema.RUN} {{id: $id}}) ON CREATE SET r.status = $loading, r.fresh = true
WITH r {LOCK} WHERE r.status <> $complete
WITH r, coalesce(r.fresh, false) AS fresh
SET r = $properties SET r.status = $loading, r.loader = $token, r.started_at = datetime(),
r.alive_at = datetime()
RETURN fresh AS claimed
"""
_ALIVE = f"""
MATCH (r:{schema.RUN} {{id: $id}}) {LOCK} WHERE r.loader = $token SET r.alive_at = datetime()
"""
_HEADS = f"""
MATCH (r:{schema.RUN} {{id: $id}}) {LOCK} WHERE r.loader = $token
UNWIND $heads AS row
CREATE (r)-[:HAS_HEAD]->(h:{schema.LOADING_HEAD}
    {{id: $token + ':' + row[0], name: row[0], layer: row[1], head: row[2], kv_head: row[3]}})
SET h += row[4]
RETURN count(*) AS created
"""
# Heads are looked up once per batch and then found by place, instead of once per edge.
_EDGES = f"""
MATCH (:{schema.RUN} {{id: $id}})-[:HAS_HEAD]->(h:{schema.LOADING_HEAD})
WHERE h.id STARTS WITH $token
WITH h ORDER BY h.layer, h.head
WITH collect(h) AS heads WHERE size(heads) = $n_heads
UNWIND $groups AS group
WITH heads, heads[group[0]] AS source, group[1] AS edges, group[2] AS part
UNWIND edges AS edge
WITH source, heads[edge[0]] AS target, edge, part
%s
RETURN count(*) AS created
"""
_CREATE = "CREATE (source)-[:%s {%s}]->(target)"
_CREATE_OF_PART = f"FOREACH (_ IN CASE part WHEN %d THEN [1] ELSE [] END | {_CREATE})"
FEW = 5_000
"""Edges of a run that one statement creates, of whatever pairings: a server that has just started
takes as long to plan a text as to create a thousand edges."""

_PUBLISHING = "publishing"  # never committed: only one transaction sees it
_PUBLISH_FIRST = f"""
MATCH (r:{schema.RUN} {{id: $id}}) {LOCK} WHERE r.loader = $token SET r.status = $publishing
"""
_PUBLISH_HEADS = f"""
MATCH (r:{schema.RUN} {{id: $id}})-[:HAS_HEAD]->(h:{schema.LOADING_HEAD})
WHERE r.status = $publishing
SET h:{schema.HEAD}, h.run = $name, h.id = $id + ':' + h.name REMOVE h:{schema.LOADING_HEAD}
"""
_PUBLISH_LAST = f"""
MATCH (r:{schema.RUN} {{id: $id}}) WHERE r.status = $publishing
SET r.name = $name, r.status = $complete, r.loaded_at = datetime()
REMOVE r.loader, r.loader_process, r.alive_at, r.called
RETURN count(*) AS published
"""
STATEMENTS = (
    _CLAIM, _HEADS, _EDGES % _CREATE % (PAIRINGS[0], "pk: edge[1]"), _PUBLISH_FIRST, _PUBLISH_HEADS,
    _PUBLISH_LAST,
)  # fmt: skip
"""What an attempt runs, in order, of edges of some pairing and properties."""


class Claim(Enum):
    """What an attempt finds as it claims its Run."""

    NEW = "there was none"
    TAKEN = "it may have heads of an earlier attempt"
    COMPLETE = "another load was faster"


class WritablePlan(Protocol):
    """What an attempt needs of a run to write it: of a table (`LoadPlan`), or of a file."""

    @property
    def name(self) -> str:
        """Name of the run."""

    @property
    def id(self) -> str:
        """Id of the Run node while it is written."""

    @property
    def n_heads(self) -> int:
        """Number of heads."""

    @property
    def n_edges(self) -> int:
        """Number of edges."""

    @property
    def edge_names(self) -> tuple[str, ...]:
        """Names of the properties of edges, in the order of the batches."""

    def run_properties(self) -> dict[str, Any]:
        """Properties of the Run node, except those that publication adds."""

    def head_rows(self) -> list[list[Any]]:
        """Name, layer, head, key/value head and other properties of every head, in order."""


def claim(graph: Runner, plan: WritablePlan, token: str) -> Claim:
    """Put the token on the Run, so that no earlier attempt adds to it."""
    properties = {**plan.run_properties(), **marks(plan.name)}
    params = {"properties": properties, "token": token, **_statuses(plan)}
    rows = again(lambda: graph.write(_CLAIM, params)).rows
    if not rows:
        return Claim.COMPLETE
    return Claim.NEW if rows[0][0] else Claim.TAKEN


def write_heads(graph: Runner, plan: WritablePlan, token: str) -> None:
    """Create all heads of the model, still out of sight of queries."""
    params = {"id": plan.id, "token": token, "heads": plan.head_rows()}
    if number(graph.write(_HEADS, params)) != plan.n_heads:
        raise taken_over(plan)


def write_edges(
    graph: Runner, plan: WritablePlan, token: str, parts: Iterable[Batch], progress: Progress | None
) -> None:
    """Create the edges with a transaction per batch, and write signs of life to the Run.

    Batches may run at the same time: each reads heads only, and nothing that another batch writes.

    Raises:
        TakenOver: this attempt's heads are gone.
    """
    sizes: deque[int] = deque()
    done, told = 0, time.monotonic()
    with closing(graph.write_each(_creations(plan, token, parts, sizes))) as results:
        for result in results:
            size = sizes.popleft()
            if number(result) != size:
                raise taken_over(plan)
            done += size
            if progress is not None:
                progress(done, plan.n_edges)
            if time.monotonic() - told > BEAT_S:
                again(lambda: graph.write(_ALIVE, {"id": plan.id, "token": token}))
                told = time.monotonic()


def _creations(
    plan: WritablePlan, token: str, parts: Iterable[Batch], sizes: deque[int]
) -> Iterator[Statement]:
    """A statement per batch, or one for all of a few edges; appends their numbers to `sizes`."""
    names = enumerate(plan.edge_names, start=1)
    values = ", ".join(f"`{name}`: edge[{place}]" for place, name in names)
    params = {"id": plan.id, "token": token, "n_heads": plan.n_heads}
    together = [list(parts)] if plan.n_edges <= FEW else ([part] for part in parts)
    for several in filter(None, together):
        sizes.append(sum(part.size for part in several))
        # no dynamic type, `[:$($pairing)]`: Neo4j 5.26.0 takes that of the first statement for all
        if len(several) == 1:
            text, groups = _CREATE % (several[0].pairing, values), several[0].groups
        else:
            text = "\n".join(
                _CREATE_OF_PART % (place, part.pairing, values)
                for place, part in enumerate(several)
            )
            groups = [[*it, place] for place, part in enumerate(several) for it in part.groups]
        yield _EDGES % text, {**params, "groups": groups}


def publish(graph: Runner, plan: LoadPlan, token: str, roles: list[str], *, replace: bool) -> None:
    """Make the run visible, and an old run of that name invisible, in one transaction.

    Raises:
        NameTaken: another run got the name meanwhile, and `replace` is false.
        TakenOver: another attempt has claimed the Run.
    """
    params = {"name": plan.name, "token": token, "publishing": _PUBLISHING, **_statuses(plan)}
    held = "MATCH (:Run {id: $id, status: $publishing})"
    old = f"{held} MATCH (old:Run {{name: $name}})"
    statements = [
        (_PUBLISH_FIRST, params),
        *(unpublish(old, params, token, roles) if replace else []),
        (_PUBLISH_HEADS, params),
        *give_roles(graph, plan.id, plan.role_rows(), _PUBLISHING),
        *([remove_unused_roles(roles)] if replace else []),
        (_PUBLISH_LAST, params),
    ]
    try:
        results = again(lambda: graph.write_all(statements))
    except StatementError as error:
        if error.code == "Neo.ClientError.Schema.ConstraintValidationFailed":
            raise name_taken(plan.name) from error
        raise
    if not number(results[-1]):
        raise taken_over(plan)


def give_up(graph: Runner, plan: WritablePlan, token: str) -> None:
    """Remove what this attempt wrote, because it cannot be published."""
    delete_heads(graph, plan.id, schema.LOADING, token)
    delete_run(graph, plan.id, schema.LOADING, token)


def taken_over(plan: WritablePlan) -> TakenOver:
    """The error for an attempt that another command has removed."""
    others = either("load or drop", "headgraph load, drop or doctor")
    return TakenOver(
        f"another {others} removed this attempt at {plan.name} while it was at work, so it stopped "
        f"and published nothing: see {RUNS}"
    )


def _statuses(plan: WritablePlan) -> dict[str, str]:
    return {"id": plan.id, "loading": schema.LOADING, "complete": schema.COMPLETE}

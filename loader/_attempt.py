"""From claim to publication: how one attempt at a load writes its run.

Each attempt has a random token. It stands on the Run while the attempt goes on, and the heads carry
it in their ids until they are published, so that an attempt which was believed dead, and goes on,
cannot add to what its successor writes: it finds neither its token nor its heads.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing

from headgraph.graphdb import schema
from headgraph.graphdb.errors import StatementError
from headgraph.graphdb.runner import Runner, Statement
from headgraph.loader._batches import Batch, edge_properties
from headgraph.loader._database import LOCK, again, number
from headgraph.loader._liveness import BEAT_S
from headgraph.loader._plan import LoadPlan
from headgraph.loader._removal import delete_heads, delete_run, unpublish
from headgraph.loader._roles import give_roles, remove_unused_roles
from headgraph.loader.attempts import marks
from headgraph.loader.errors import NameTaken, TakenOver

Progress = Callable[[int, int], None]

_CLAIM = f"""
MERGE (r:{schema.RUN} {{id: $id}}) ON CREATE SET r.status = $loading
WITH r {LOCK} WHERE r.status <> $complete
SET r = $properties SET r.status = $loading, r.loader = $token, r.started_at = datetime(),
r.alive_at = datetime()
RETURN count(*) AS claimed
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
# All heads are looked up once a batch and then found by their place, instead of once an edge.
_EDGES = f"""
MATCH (:{schema.RUN} {{id: $id}})-[:HAS_HEAD]->(h:{schema.LOADING_HEAD})
WHERE h.id STARTS WITH $token
WITH h ORDER BY h.layer, h.head
WITH collect(h) AS heads WHERE size(heads) = $n_heads
UNWIND $groups AS group
WITH heads, heads[group[0]] AS source, group[1] AS edges
UNWIND edges AS edge
WITH source, heads[edge[0]] AS target, edge
CREATE (source)-[:%s {{%s}}]->(target)
RETURN count(*) AS created
"""
_PUBLISHING = "publishing"  # never committed: only the statements of one transaction see it
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


def claim(graph: Runner, plan: LoadPlan, token: str) -> bool:
    """Make the Run this attempt's; False where the run is complete (another load was faster)."""
    properties = {**plan.run_properties(), **marks(plan.name)}
    params = {"properties": properties, "token": token, **_statuses(plan)}
    return number(again(lambda: graph.write(_CLAIM, params))) > 0


def write_heads(graph: Runner, plan: LoadPlan, token: str) -> None:
    """Create all heads of the model, not yet visible as heads."""
    params = {"id": plan.id, "token": token, "heads": plan.head_rows()}
    if number(graph.write(_HEADS, params)) != plan.n_heads:
        raise taken_over(plan)


def write_edges(
    graph: Runner, plan: LoadPlan, token: str, parts: Iterable[Batch], progress: Progress | None
) -> None:
    """Create the edges, a transaction a batch; the Run tells now and then that this goes on.

    Batches may be at work at once: each reads heads alone, and none what another one writes.

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
                progress(done, len(plan.edges))
            if time.monotonic() - told > BEAT_S:
                again(lambda: graph.write(_ALIVE, {"id": plan.id, "token": token}))
                told = time.monotonic()


def _creations(
    plan: LoadPlan, token: str, parts: Iterable[Batch], sizes: deque[int]
) -> Iterator[Statement]:
    """A statement per batch; how many edges it is to create goes to `sizes`."""
    names = edge_properties(plan.table)
    values = ", ".join(f"`{name}`: edge[{place}]" for place, name in enumerate(names, start=1))
    for part in parts:
        sizes.append(part.size)
        params = {"id": plan.id, "token": token, "n_heads": plan.n_heads, "groups": part.groups}
        yield _EDGES % (part.pairing, values), params


def publish(graph: Runner, plan: LoadPlan, token: str, roles: list[str], *, replace: bool) -> None:
    """Make heads, roles and name visible, and an old run of that name invisible, all at once.

    Raises:
        NameTaken: another run got the name meanwhile, and `replace` is false.
        TakenOver: another attempt has the Run.
    """
    params = {"name": plan.name, "token": token, "publishing": _PUBLISHING, **_statuses(plan)}
    held = "MATCH (:Run {id: $id, status: $publishing})"
    old = f"{held} MATCH (old:Run {{name: $name}})"
    statements = [
        (_PUBLISH_FIRST, params),
        *(unpublish(old, params, token, roles) if replace else []),
        (_PUBLISH_HEADS, params),
        *give_roles(plan, _PUBLISHING),
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


def give_up(graph: Runner, plan: LoadPlan, token: str) -> None:
    """Remove what this attempt wrote, when it cannot be published."""
    delete_heads(graph, plan.id, schema.LOADING, token)
    delete_run(graph, plan.id, schema.LOADING, token)


def name_taken(name: str) -> NameTaken:
    """The sentence for a name under which something else is loaded."""
    return NameTaken(
        f"the run {name} is there already, from another table or selection: give another name "
        "with --run NAME, or --replace to put this one in its place"
    )


def taken_over(plan: LoadPlan) -> TakenOver:
    """The sentence for an attempt that is no longer the one."""
    return TakenOver(
        f"another headgraph load, drop or doctor removed this attempt at {plan.name} while it was "
        "at work, so it stopped and published nothing: see headgraph runs"
    )


def _statuses(plan: LoadPlan) -> dict[str, str]:
    return {"id": plan.id, "loading": schema.LOADING, "complete": schema.COMPLETE}

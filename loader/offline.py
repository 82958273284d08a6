"""A large run into the empty database of the local server, by Neo4j's own importer.

The Community edition imports only into a new store, so this is for the first run of a database. The
store is built beside the old one while the server runs, and the server is stopped only to exchange
them. Heads are imported as a load in progress has them (`LoadingHead`, no name), and published by
the same transaction as in other loads. If the command is cut off, there is no run or a whole one,
and the same load again goes on from there.
"""

import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headgraph.base.progress import Progress, silent
from headgraph.base.signals import sigterm_raises
from headgraph.base.spelling import Message, either
from headgraph.base.text import listed, short
from headgraph.graphdb import schema
from headgraph.graphdb.connection.graph import connect
from headgraph.graphdb.connection.runner import Runner
from headgraph.loader._database import index_ranks, new_token, prepare
from headgraph.loader._disk_space import refuse_without_room
from headgraph.loader._runs import runs
from headgraph.loader.attempts import Attempt, marks, unfinished
from headgraph.loader.errors import OfflineRefused
from headgraph.loader.exports.admin_csv import write_graph
from headgraph.loader.exports.content import HeadNode, RunGraph
from headgraph.loader.exports.sources import graph_of_plan
from headgraph.loader.loading import writer
from headgraph.loader.loading.existing import Outcome, outcome
from headgraph.loader.loading.load import report_on
from headgraph.loader.loading.plan import AnyLabels, LoadPlan, plan_load
from headgraph.loader.removal import remove
from headgraph.loader.report import LoadReport
from headgraph.pk_engine.table.selection import Selection
from headgraph.pk_engine.table.sources import AnyTable

if TYPE_CHECKING:
    from headgraph.graphdb.server.home.folder import AnyHome

_UNFINISHED = f"""
MATCH (r:{schema.RUN} {{id: $id, status: $loading}})
OPTIONAL MATCH (r)-[:HAS_HEAD]->(h)
RETURN r.loader AS token, count(h) AS heads, sum(COUNT {{ (h)-->() }}) AS edges,
       count(CASE WHEN h.id STARTS WITH r.loader THEN 1 END) AS own
"""
_OWN = "headgraph_"  # prefix of our constraints and indexes
_FOREIGN = f"""
SHOW INDEXES YIELD name, type
WHERE type <> 'LOOKUP' AND NOT name STARTS WITH '{_OWN}'
RETURN name ORDER BY name
"""


@sigterm_raises()
def load_offline(
    table: AnyTable,
    *,
    run: str | None = None,
    selection: Selection | None = None,
    labels: AnyLabels = None,
    home: "AnyHome" = None,
    progress: Progress | None = None,
) -> LoadReport:
    """Write a table into the local server's empty database as one run, by Neo4j's importer.

    The graph is the one that `load` makes. The local server is started if necessary, and stopped
    for some seconds. What other programs write in the second in which it stops is lost.

    Attempts at this name that were cut off are removed first. If the same run is there already,
    nothing changes. Any other content of the database is refused, because the importer makes a new
    database. SIGTERM interrupts the load as Ctrl-C does: the importer ends, and its files are
    removed.

    Args:
        table: as for `load`.
        run: as for `load`.
        selection: as for `load`.
        labels: as for `load`.
        home: the local server's folder; None for the one under the user's data folder.
        progress: called with each step (`base.progress`).

    Raises:
        OfflineRefused: the database is not empty.
        EngineError, BadRunName, NothingToLoad, NameTaken: as `load`.
        ServerError: the server or the importer does not run; the database is as it was.
    """
    from headgraph.graphdb.server import ServerHome, start

    began = time.monotonic()
    plan = plan_load(table, run, selection, labels)
    place, show = ServerHome.of(home), progress or silent
    with connect(settings=start(place, progress=show).settings()) as graph:
        removed = remove(graph, _dead(graph, plan))
        found = outcome(graph, plan, replace=False)
        if found.kind == "unchanged":
            _index(graph, plan)  # the load that wrote the run may have ended before this step
        else:
            found = Outcome(kind="loaded")
            _load(place, plan, graph, show)
    told = [Message(f"first removed {attempt}") for attempt in removed]
    found = replace(found, notes=(*told, *found.notes))
    return report_on(plan, found, dry_run=False, seconds=time.monotonic() - began)


def _dead(graph: Runner, plan: LoadPlan) -> list[Attempt]:
    """Attempts at this name whose loaders have ended, except an attempt at this run."""
    return [
        attempt
        for attempt in unfinished(graph)
        if attempt.called == plan.name and attempt.id != plan.id and attempt.alive is False
    ]


@dataclass(frozen=True, kw_only=True)
class _Unfinished:
    """What is there of an attempt at a load that was cut off.

    Attributes:
        token: of the attempt.
        heads: number of heads.
        edges: number of edges.
        own: number of heads that carry the token.
    """

    token: str
    heads: int
    edges: int
    own: int

    def is_whole(self, plan: LoadPlan) -> bool:
        """Whether only the publication is missing."""
        return self.heads == self.own == plan.n_heads and self.edges == len(plan.edges)


def _unfinished(graph: Runner, plan: LoadPlan) -> _Unfinished | None:
    rows = graph.read(_UNFINISHED, {"id": plan.id, "loading": schema.LOADING})
    return next((_Unfinished(**row) for row in rows), None)


def _load(place: Any, plan: LoadPlan, graph: Runner, show: Progress) -> None:
    """Import and publish; only publish if an earlier load was cut off in between."""
    refuse_unless_empty(graph, plan)
    left = _unfinished(graph, plan)
    if left is not None and left.is_whole(plan):
        _publish(graph, plan, left.token)
        return
    refuse_without_room(graph, plan.disk_bytes)
    token = new_token()
    server = _import(place, plan, token, graph, show)
    with connect(settings=server.settings()) as imported:
        _publish(imported, plan, token)


def refuse_unless_empty(graph: Runner, besides: LoadPlan | None = None) -> None:
    """Raise OfflineRefused if a database holds nodes, or indexes that are not headgraph's.

    Args:
        graph: the database.
        besides: the plan of a run; an unfinished attempt at it does not count.
    """
    left = None if besides is None else _unfinished(graph, besides)
    nodes = graph.read("MATCH (n) RETURN count(n)").single() - (left.heads + 1 if left else 0)
    others = [it.name for it in unfinished(graph) if besides is None or it.id != besides.id]
    names = [*_published(graph), *others]
    foreign = [str(name) for (name,) in graph.read(_FOREIGN).rows]
    if not nodes and not foreign:
        return
    there = (
        f"the run{'s' * (len(names) > 1)} {listed(names)}" if names
        else f"{nodes:,} node{'s' * (nodes > 1)} of something else" if nodes
        else f"the index {short(foreign[0])}, which headgraph did not make"
    )  # fmt: skip
    helps = f", or drop {'them' if len(names) > 1 else 'it'} first" if names else ""
    raise OfflineRefused(
        f"the local server's database holds {there}, and Neo4j imports only into an empty one: "
        f"{either('use load() instead', 'leave out --offline')}{helps}"
    )


def _published(graph: Runner) -> list[str]:
    found = runs(graph)
    hidden = found["status"].isin([schema.LOADING, schema.DROPPING])
    return [str(name) for name in found["name"][~hidden]]


def _import(home: Any, plan: LoadPlan, token: str, graph: Runner, show: Progress) -> Any:
    from headgraph.graphdb.server.lifecycle import restart_with
    from headgraph.graphdb.server.store.importer import build_store, workplace

    with workplace(home) as scratch:
        show("writing files for the importer", 0, 0)
        data = build_store(scratch, *_files(plan, token, scratch), progress=show)
        refuse_unless_empty(graph, plan)  # again, because building took long
        return restart_with(home, data, progress=show)


def _files(plan: LoadPlan, token: str, folder: Path) -> tuple[Path, Path]:
    nodes, relationships = folder / "nodes.csv", folder / "relationships.csv"
    with nodes.open("wb") as first, relationships.open("wb") as second:
        write_graph(_unpublished(graph_of_plan(plan), token), first, second, run="")
    return nodes, relationships


def _unpublished(content: RunGraph, token: str) -> RunGraph:
    """The graph as a load has it before publication: see `loader.loading.writer`."""
    now = datetime.now(UTC)
    run = {**content.run, "status": schema.LOADING, "loader": token, "started_at": now}
    run |= {"alive_at": now, **marks(run.pop("name"))}
    return replace(content, run=run, roles=(), heads={
        place: HeadNode((schema.LOADING_HEAD,), _loading(head, token))
        for place, head in content.heads.items()
    })  # fmt: skip


def _loading(head: HeadNode, token: str) -> dict[str, Any]:
    own = {name: value for name, value in head.properties.items() if name != "run"}
    return {**own, "id": f"{token}:{head.name}"}


def _publish(graph: Runner, plan: LoadPlan, token: str) -> None:
    prepare(graph)
    writer.publish(graph, plan, token, [], replace=False)
    _index(graph, plan)


def _index(graph: Runner, plan: LoadPlan) -> None:
    index_ranks(graph, plan.table.meta.pairings, len(plan.edges))

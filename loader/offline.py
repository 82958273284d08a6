"""A large run into the local server's database while that is empty, by Neo4j's own importer.

The Community edition imports into a new store alone, so this is for the first run of a database.
The store is built beside the old one while the server runs; the server is stopped only to exchange
them. Heads come in as a load in progress has them (`LoadingHead`, no name), and are published by
the same transaction as those of any load: cut off anywhere, there is no run or a whole one, and the
same load again goes on from there.
"""

import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headgraph.base.progress import Progress, silent
from headgraph.base.signals import sigterm_raises
from headgraph.base.text import listed
from headgraph.graphdb import schema
from headgraph.graphdb.address import LOCAL, Settings
from headgraph.graphdb.graph import connect
from headgraph.graphdb.runner import Runner
from headgraph.loader import _attempt
from headgraph.loader._database import index_ranks, prepare, roles_in
from headgraph.loader._existing import Outcome, outcome
from headgraph.loader._identity import SHORT, new_token
from headgraph.loader._load import report_on
from headgraph.loader._plan import AnyLabels, LoadPlan, plan_load
from headgraph.loader._runs import runs
from headgraph.loader._space import needed, refuse_without_room
from headgraph.loader.attempts import Attempt, marks, remove, unfinished
from headgraph.loader.errors import OfflineRefused
from headgraph.loader.exports.admin_csv import write_graph
from headgraph.loader.exports.content import HeadNode, RunGraph
from headgraph.loader.exports.from_table import graph_of_plan
from headgraph.loader.report import LoadReport
from headgraph.pk_engine.scoring.selection import Selection
from headgraph.pk_engine.table.sources import AnyTable

if TYPE_CHECKING:
    from headgraph.graphdb.server.home import AnyHome

_UNFINISHED = f"""
MATCH (r:{schema.RUN} {{id: $id, status: $loading}})
OPTIONAL MATCH (r)-[:HAS_HEAD]->(h)
RETURN r.loader AS token, count(h) AS heads, sum(COUNT {{ (h)-->() }}) AS edges,
       count(CASE WHEN h.id STARTS WITH r.loader THEN 1 END) AS own
"""
_OWN = "headgraph_"  # what names of our constraints and indexes begin with
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

    The graph is the one that `load` makes. The local server is started where it does not run, and
    stopped for some seconds. Attempts at this name that were cut off are removed first. The same
    run there already: nothing changes. Anything else in the database is refused, as the importer
    makes a database anew. Programs that write in the second in which the server stops lose what
    they write. SIGTERM interrupts it as Ctrl-C does: the importer
    is ended with it, and its files go.

    Args:
        table: as for `load`.
        run: as for `load`.
        selection: as for `load`.
        labels: as for `load`.
        home: the local server's folder; None for the one under the user's data folder.
        progress: told what happens (`base.progress`).

    Raises:
        OfflineRefused: the database is not empty.
        EngineError, BadRunName, NothingToLoad, NameTaken: as `load`.
        ServerError: the server or the importer cannot be run; the database is as it was.
    """
    from headgraph.graphdb.server import ServerHome, start

    began = time.monotonic()
    plan = plan_load(table, run, selection, labels)
    place, show = ServerHome.of(home), progress or silent
    with connect(settings=start(place, progress=show).settings()) as graph:
        removed = remove(graph, _dead(graph, plan))
        found = outcome(graph, plan, replace=False)
        if found.kind == "unchanged":
            _index(graph, plan)  # which the load that wrote it may not have come to
        else:
            found = Outcome(kind="loaded")
            _load(place, plan, graph, show)
    told = [f"first removed {attempt}" for attempt in removed]
    found = replace(found, notes=(*told, *found.notes))
    return report_on(plan, found, dry_run=False, seconds=time.monotonic() - began)


def _dead(graph: Runner, plan: LoadPlan) -> list[Attempt]:
    """Attempts at this name whose loaders have ended, but for the one to go on from."""
    return [
        attempt
        for attempt in unfinished(graph)
        if attempt.called == plan.name and attempt.id != plan.id and attempt.alive is False
    ]


@dataclass(frozen=True, kw_only=True)
class _Unfinished:
    """An attempt at a load that was cut off: its token, and how much of it is there."""

    token: str
    heads: int
    edges: int
    own: int

    def is_whole(self, plan: LoadPlan) -> bool:
        """Whether nothing is missing but the publication."""
        return self.heads == self.own == plan.n_heads and self.edges == len(plan.edges)


def _unfinished(graph: Runner, plan: LoadPlan) -> _Unfinished | None:
    rows = graph.read(_UNFINISHED, {"id": plan.id, "loading": schema.LOADING})
    return next((_Unfinished(**row) for row in rows), None)


def _load(place: Any, plan: LoadPlan, graph: Runner, show: Progress) -> None:
    """Import and publish, or publish alone where a load was cut off in between."""
    refuse_unless_empty(graph, plan)
    left = _unfinished(graph, plan)
    if left is not None and left.is_whole(plan):
        _publish(graph, plan, left.token)
        return
    refuse_without_room(graph, needed(plan))
    token = new_token()
    server = _import(place, plan, token, graph, show)
    with connect(settings=server.settings()) as imported:
        _publish(imported, plan, token)


def refuse_unless_empty(graph: Runner, besides: LoadPlan | None = None) -> None:
    """Raise OfflineRefused where a database holds nodes, or indexes that are not headgraph's.

    Args:
        graph: the database.
        besides: of this run, an attempt that was cut off does not count.
    """
    left = None if besides is None else _unfinished(graph, besides)
    nodes = graph.read("MATCH (n) RETURN count(n)").single() - (left.heads + 1 if left else 0)
    own = besides.id[:SHORT] if left and besides else None
    names = [str(name) for name in runs(graph)["name"] if name != own]
    foreign = [str(name) for (name,) in graph.read(_FOREIGN).rows]
    if not nodes and not foreign:
        return
    there = (
        f"the run{'s' * (len(names) > 1)} {listed(names)}" if names
        else f"{nodes:,} nodes of something else" if nodes
        else f"the index {foreign[0]} of somebody else"
    )  # fmt: skip
    helps = f", or drop {'them' if len(names) > 1 else 'it'} first" if names else ""
    raise OfflineRefused(
        f"the local server's database holds {there}, and Neo4j imports into an empty one alone: "
        f"leave out --offline{helps}"
    )


def refuse_other_server(settings: Settings) -> None:
    """Raise OfflineRefused for an address that is not the local server's."""
    from headgraph.graphdb.server import running

    server = running()
    own = settings.origin == LOCAL or (server is not None and settings.uri == server.bolt_uri)
    if not own or settings.database not in (None, "neo4j"):
        where = f"{settings.uri} (from {settings.origin})"
        raise OfflineRefused(
            f"--offline writes the files of the local server's one database, and {where}"
            f"{f', database {settings.database}' if settings.database else ''} is another: leave "
            "out --offline, or the address"
        )


def _import(home: Any, plan: LoadPlan, token: str, graph: Runner, show: Progress) -> Any:
    from headgraph.graphdb.server.importer import build_store, workplace
    from headgraph.graphdb.server.lifecycle import restart_with

    with workplace(home) as scratch:
        show("writing files for the importer", 0, 0)
        data = build_store(scratch, *_files(plan, token, scratch), progress=show)
        refuse_unless_empty(graph, plan)  # once more: this took a while
        return restart_with(home, data, progress=show)


def _files(plan: LoadPlan, token: str, folder: Path) -> tuple[Path, Path]:
    nodes, relationships = folder / "nodes.csv", folder / "relationships.csv"
    with nodes.open("wb") as first, relationships.open("wb") as second:
        write_graph(_unpublished(graph_of_plan(plan), token), first, second, run="")
    return nodes, relationships


def _unpublished(content: RunGraph, token: str) -> RunGraph:
    """The graph as a load has it before it is published: see `loader._attempt`."""
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
    _attempt.publish(graph, plan, token, roles_in(graph), replace=False)
    _index(graph, plan)


def _index(graph: Runner, plan: LoadPlan) -> None:
    if len(plan.edges) >= schema.MANY_EDGES:
        index_ranks(graph, plan.table.meta.pairings)

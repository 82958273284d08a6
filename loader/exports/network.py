"""A run's graph in networkx."""

from typing import TYPE_CHECKING, Any

from headgraph.loader._plan import AnyLabels, plan_load
from headgraph.loader.errors import ExportError
from headgraph.loader.exports.content import RunGraph
from headgraph.loader.exports.from_table import graph_of_plan
from headgraph.pk_engine.scoring.selection import Selection
from headgraph.pk_engine.table.sources import AnyTable

if TYPE_CHECKING:
    from headgraph.graphdb.runner import Runner


def to_networkx(
    source: AnyTable | None = None,
    graph: "Runner | None" = None,
    *,
    selection: Selection | None = None,
    labels: AnyLabels = None,
    name: str | None = None,
) -> Any:
    """The heads and edges of a table, or of a run in the database, as a networkx graph.

    Nodes are named as heads are (`L4H7`) and have the properties that heads have in the database,
    `labels` and `roles`. Edges have their pairing as key and `type`, and the properties of edges;
    give `weight="pk"` to what asks for a weight. `G.graph` has what is known of the run, and in
    `roles` the circuit and source of each. Run and Role are no nodes here, as paths through them
    would join all heads.

    >>> import headgraph
    >>> graph = headgraph.to_networkx("gpt2-small", selection=headgraph.Selection(top=20))
    >>> graph.number_of_nodes(), graph.number_of_edges()
    (144, 60)
    >>> graph["L4H7"]["L9H9"]["OQ"]["pk_rank"], graph.nodes["L9H9"]["roles"]     # doctest: +SKIP

    Args:
        source: a table, the path of one, or the name of a bundled one; with `graph`, the name of a
            run, or None for the only one there is.
        graph: an open database.
        selection: which pairs of a table become edges; None for all that it has.
        labels: of a table: None for the roles known for its model, `none`, or a label file.
        name: of a table: what its run is called; None derives it from the model, as `load` does.

    Returns:
        A `networkx.MultiDiGraph`.

    Raises:
        EngineError: a table, selection or label file that cannot be used.
        ExportError: neither a table nor a database, or a choice that belongs to a table alone.
        NothingToLoad, BadRunName, UnknownRun: see loader.errors.
        GraphError: the database cannot be asked.
    """
    import networkx as nx

    content = content_of(source, graph, selection=selection, labels=labels, name=name)
    roles = content.roles_by_head()
    made = nx.MultiDiGraph()
    # attributes as keywords would meet networkx's own, such as `backend`
    made.graph.update({**content.run, "roles": content.role_rows()})
    made.add_nodes_from(
        (
            head.name,
            {**head.properties, "labels": [*head.labels], "roles": roles.get(head.name, [])},
        )
        for head in content.heads.values()
    )
    names = {place: head.name for place, head in content.heads.items()}
    made.add_edges_from(
        (names[source], names[target], pairing, {"type": pairing, **properties})
        for source, target, pairing, properties in content.edges()
    )
    return made


def content_of(
    source: AnyTable | None,
    graph: "Runner | None",
    *,
    selection: Selection | None,
    labels: AnyLabels,
    name: str | None,
) -> RunGraph:
    """The graph that is meant; arguments and errors as `to_networkx`."""
    if graph is None:
        if source is None:
            raise ExportError("no graph is named: give a table, or a database that has a run")
        return graph_of_plan(plan_load(source, name, selection, labels))
    if selection is not None or labels is not None or name is not None:
        raise ExportError(
            "selection, labels and name belong to a table: a run has the edges, roles and name "
            "with which it was loaded"
        )
    from headgraph.loader.exports.from_run import graph_of_run

    return graph_of_run(graph, None if source is None else str(source))

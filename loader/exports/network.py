"""A run's graph in networkx."""

from typing import TYPE_CHECKING, Any

from headgraph.loader.exports.sources import content_of
from headgraph.loader.loading.plan import AnyLabels
from headgraph.pk_engine.table.selection import Selection
from headgraph.pk_engine.table.sources import AnyTable

if TYPE_CHECKING:
    from headgraph.graphdb.connection.runner import Runner


def to_networkx(
    source: AnyTable | None = None,
    graph: "Runner | None" = None,
    *,
    selection: Selection | None = None,
    labels: AnyLabels = None,
    name: str | None = None,
) -> Any:
    """The heads and edges of a table, or of a run in the database, as a networkx graph.

    A node is a head (`L4H7`) with its properties in the database, `labels` and `roles`. An edge has
    its pairing as key and `type`, and its properties; pass `weight="pk"` to functions that take a
    weight. `G.graph` has the properties of the run, and in `roles` the circuit and source of each
    role; the circuit `weights` marks the derived roles `eraser` and `copier`. Run and Role are not
    nodes here, because paths through them would join all heads.

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
        labels: for a table: a label file, `none`, or None for the bundled roles of its model.
        name: for a table: name of the run; None derives it from the model, as `load` does.

    Returns:
        A `networkx.MultiDiGraph`.

    Raises:
        EngineError: a table, selection or label file that cannot be used.
        ExportError: neither a table nor a database, or an argument that only a table takes.
        NothingToLoad, BadRunName, UnknownRun: see loader.errors.
        GraphError: the database cannot be read.
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

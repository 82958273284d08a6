"""A run's graph from a file: every name, value and reference is checked before the database is."""

from collections.abc import Iterator, Mapping
from functools import partial
from itertools import groupby
from typing import Any

from headgraph.base.files.documents import parse_json
from headgraph.base.names import PAIRINGS, head_name
from headgraph.base.text import listed, quoted, short
from headgraph.graphdb import schema
from headgraph.loader._runs import check_name
from headgraph.loader.errors import BadRunName, ExportError, UnreadableExport
from headgraph.loader.exports.content import (
    FIRST,
    ROLE_FIRST,
    HeadNode,
    HeadRole,
    RunGraph,
    columns_of,
    in_column_order,
    in_order,
    in_role_order,
)
from headgraph.loader.imports import values
from headgraph.loader.imports.document import Document, NamedEdge, refuse
from headgraph.loader.loading.edges import BATCH, SCORES, Batch
from headgraph.pk_engine.errors import TableError
from headgraph.pk_engine.table.layers import layers_of

_NEEDED = ("id", "name", "status", "model", "n_layers", "n_heads", "metrics", "pairings",
           "table_sha256")  # fmt: skip
_HEAD_NEEDED = ("id", "run", "name", "layer", "head")
_EDGE_NEEDED = frozenset(SCORES)
_STRONGEST = f"{schema.KEPT}strongest"
_ID = 64  # hexadecimal digits

Places = Mapping[str, int]
Rows = dict[int, list[Any]]
"""The place of each edge's target, and the edge's values in order of the columns."""


def checked(document: Document) -> RunGraph:
    """The run in a file, as an export of it would have it.

    Raises:
        UnreadableExport: a part is missing, twice, of the wrong type, or does not fit the others.
    """
    run = _run(document)
    heads = _heads(document, run)
    places = {head.name: place for place, head in heads.items()}
    roles = _roles(document, places)
    columns, edges = _edges(document, places, run)
    return RunGraph(
        run=dict(sorted(run.items())),
        heads=heads,
        roles=in_role_order(roles, list(places)),
        columns=columns,
        n_edges=sum(len(found) for found in edges.values()),
        batches=partial(_batches, edges),
    )


def _run(document: Document) -> dict[str, Any]:
    source, run = document.source, document.run
    if lacking := [name for name in _NEEDED if name not in run]:
        refuse(
            source,
            f"lacks {listed(lacking)} of the run (an answer of a query is a part of a run, and "
            "cannot be imported)",
        )
    run = values.Checked(source, values.RUN)(run, "the run")
    try:
        check_name(run["name"])
    except BadRunName:
        refuse(source, f"has the name {quoted(run['name'])}, which no run can have")
    if len(run["id"]) != _ID or set(run["id"]) - set("0123456789abcdef"):
        refuse(source, f"has the run id {quoted(run['id'])}, not 64 hexadecimal digits")
    if run["status"] != schema.COMPLETE:
        refuse(source, f"has a run of status {quoted(run['status'])}, not {schema.COMPLETE}")
    if strange := set(run["pairings"]) - set(PAIRINGS):
        refuse(source, f"has the pairings {listed(sorted(strange))} in the run")
    version = run.get("graph_version", 1)
    if version > schema.VERSION:
        raise UnreadableExport(
            f"{source} has version {version} of the graph, and this headgraph reads versions up to "
            f"{schema.VERSION}: install a newer headgraph"
        )
    parse_json(run.get("nulls", "{}"), source=f"{source}, nulls,", problem=UnreadableExport)
    _check_kept(source, run)
    return run


def _check_kept(source: str, run: Mapping[str, Any]) -> None:
    """Check what the run says of the pairs that it keeps, and of those that were scored."""
    if schema.scored_counts(run.get("scored", "{}")) is None:
        refuse(source, f"has {quoted(run['scored'])} as counts of the scored pairs in the run")
    sizes = {
        name: len(value)
        for name, value in run.items()
        if name.startswith(schema.KEPT) and name != _STRONGEST and isinstance(value, list)
    }
    if len(set(sizes.values())) > 1:
        refuse(source, f"has the lists {listed(sizes)} of different lengths in the run")


def _heads(document: Document, run: Mapping[str, Any]) -> dict[int, HeadNode]:
    source, places = document.source, _places(document, run)
    check = values.Checked(source, values.HEAD)
    found: dict[int, HeadNode] = {}
    for labels, properties in document.heads:
        what = f"head {quoted(properties.get('name'))}"
        if lacking := [name for name in _HEAD_NEEDED if name not in properties]:
            refuse(source, f"lacks {listed(lacking)} of {what}")
        own = check(properties, what)
        layer, head = own["layer"], own["head"]
        place, name = places.get((layer, head), (-1, ""))
        expected = {"name": name, "id": f"{run['id']}:{name}", "run": run["name"]}
        given = {key: own[key] for key in expected}
        if given != expected or place < 0:
            refuse(source, f"has {quoted(given)} for the head {head:,} of layer {layer:,}")
        if place in found:
            refuse(source, f"has {what} twice")
        if schema.HEAD not in labels:
            refuse(source, f"has {what} without the label {schema.HEAD}")
        others = {values.label(label, source) for label in labels} - {schema.HEAD}
        found[place] = HeadNode((schema.HEAD, *sorted(others)), in_order(own, FIRST))
    return dict(sorted(found.items()))


def _places(document: Document, run: Mapping[str, Any]) -> dict[tuple[int, int], tuple[int, str]]:
    """(layer, head) -> place and name of each head that the run must have."""
    source, n_layers, n_heads = document.source, run["n_layers"], run["n_heads"]
    known = len(document.heads)
    if n_layers < 1 or n_heads < 1 or (n_layers * n_heads != known and "layers" not in run):
        refuse(
            source,
            f"has {known:,} heads, in a run of {n_layers:,} layers of {n_heads:,} heads",
        )
    if "layers" not in run:
        names = [(layer, head, head_name(layer, head))
                 for layer in range(n_layers) for head in range(n_heads)]  # fmt: skip
    else:
        try:
            layers = layers_of(run["layers"], run["d_model"], n_layers)
        except (TableError, KeyError) as error:
            refuse(source, f"has layers in the run that no load writes ({short(error, 60)})")
        names = [(layer.index, head, f"{layer.name}H{head}")
                 for layer in layers for head in range(layer.n_heads)]  # fmt: skip
        if len(names) != known:
            refuse(source, f"has {known:,} heads, in a run of {len(names):,} heads")
    return {(layer, head): (place, name) for place, (layer, head, name) in enumerate(names)}


def _roles(document: Document, places: Places) -> list[HeadRole]:
    check = values.Checked(document.source, values.ROLE)
    found = []
    for head, role, properties in document.roles:
        if head not in places or not role or not values.is_text(role):
            refuse(document.source, f"has the role {quoted(role)} for head {quoted(head)}")
        own = check(properties, f"the role {quoted(role)} of {head}")
        found.append(HeadRole(head, role, in_order(own, ROLE_FIRST)))
    return found


def _edges(
    document: Document, places: Places, run: Mapping[str, Any]
) -> tuple[dict[str, str], dict[tuple[str, int], Rows]]:
    """Columns, and rows by pairing and place of the source."""
    source = document.source
    check = values.Checked(source, values.EDGE, numbers=run["metrics"])
    for edge in document.edges:
        check(edge.properties, "an edge")
        if not edge.properties.keys() >= _EDGE_NEEDED:
            lacking = sorted(_EDGE_NEEDED - edge.properties.keys())
            refuse(source, f"lacks {listed(lacking)} of the edge {quoted(_name(edge))}")
    try:
        columns = in_column_order(columns_of(edge.properties for edge in document.edges), run)
    except ExportError as error:
        raise UnreadableExport(f"{source} cannot be imported: {error.message.marked}") from error
    if lists := [name for name, kind in columns.items() if kind.endswith("[]")]:
        refuse(source, f"has the list {lists[0]} as a property of edges")
    found: dict[tuple[str, int], Rows] = {}
    for edge in document.edges:
        a, b = places.get(edge.source), places.get(edge.target)
        if a is None or b is None or edge.pairing not in PAIRINGS:
            refuse(source, f"has an edge {quoted(_name(edge))}, of heads or a pairing it has not")
        rows = found.setdefault((edge.pairing, a), {})
        if b in rows:
            refuse(source, f"has the edge {_name(edge)} twice")
        rows[b] = [edge.properties.get(name) for name in columns]
    return columns, found


def _batches(edges: Mapping[tuple[str, int], Rows]) -> Iterator[Batch]:
    """As `loading.edges.batches`: by pairing, source and target, a pairing in a batch."""
    order = sorted(edges, key=lambda key: (PAIRINGS.index(key[0]), key[1]))
    for pairing, keys in groupby(order, key=lambda key: key[0]):
        groups: list[list[Any]] = []
        size = 0
        for key in keys:
            rows = sorted(edges[key].items())
            if size and size + len(rows) > BATCH:
                yield Batch(pairing, size, groups)
                groups, size = [], 0
            groups.append([key[1], [[target, *given] for target, given in rows]])
            size += len(rows)
        yield Batch(pairing, size, groups)


def _name(edge: NamedEdge) -> str:
    return f"{edge.source}-{edge.pairing}-{edge.target}"

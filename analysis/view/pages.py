"""Pages of a table, of a run in the database, and of a query's answer."""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from headgraph.analysis._tables import any_table
from headgraph.analysis.errors import FigureError
from headgraph.analysis.figures.pairs import cut_in_words
from headgraph.analysis.figures.roles import Head, HeadRoles, derived_roles, head_roles
from headgraph.analysis.view.content import MOST, Content, strongest
from headgraph.analysis.view.page import Page
from headgraph.base.names import GRAPH_PAIRINGS, parse_head
from headgraph.base.spelling import argument
from headgraph.pk_engine.labels import labels_for
from headgraph.pk_engine.metrics.copying import derived_role
from headgraph.pk_engine.models.interface import Model
from headgraph.pk_engine.table.affinity import AffinityTable
from headgraph.pk_engine.table.meta import TableMeta

if TYPE_CHECKING:
    from headgraph.analysis.view.answers import Answer
    from headgraph.graphdb.connection.runner import Runner

_LINES = (
    "An edge means that its target could read what its source writes: the subspaces overlap. It "
    "does not mean that this happens on any text, nor what is passed on or with which sign."
)


def view(
    table: Model | AffinityTable = "gpt2-small",
    *,
    labels: str | os.PathLike[str] | None = None,
    most: int = MOST,
) -> Page:
    """A page to explore the strongest pairs of a table: one self-contained HTML file.

    Heads are placed by layer and index. The width of an edge shows how far its PK is above chance,
    within its pairing, and colours are those of the figures. A slider sets the number of pairs of
    each pairing, at first about 100 edges; the page states the share of decoys among them. The page
    also has filters, a search, details on hover, and keys for all of these; its address records
    what it shows. `Page.write` saves it, a notebook displays it.

    Where users go wrong: the page holds only the `most` strongest edges and states the total. A
    missing edge may still be in the table. A pair of a grouped-query model is drawn to each query
    head that reads through the scored key/value head.

    Args:
        table: scores, a table file, a bundled table's name, or a model, which is then scored.
        labels: None for the bundled labels of this model, `none`, or a label file.
        most: most edges on the page; edges of one rank stay together.

    Raises:
        FigureError: `most` below 1.
        TableError, LabelsError, EngineError: a table, labels or a model that cannot be used.
    """
    _check(most)
    scores = any_table(table, GRAPH_PAIRINGS)
    meta, edges = scores.meta, scores.edges()
    kept = strongest(edges, most)
    cut = cut_in_words(scores)
    content = Content(
        title=meta.model,
        about=_about(meta.n_layers, meta.n_heads, len(kept), len(edges), cut, meta.head_count),
        n_layers=meta.n_layers,
        n_heads=meta.n_heads,
        edges=kept,
        roles=_shown(head_roles(labels_for(meta, labels))),
        facts=_facts(meta),
        derived=derived_roles(meta),
        total=len(edges),
        known=frozenset(meta.places()) if meta.layers else None,
        layers=meta.part_names,
        decoy_steps=_decoy_steps(meta),
    )
    return Page(content)


def _decoy_steps(meta: "TableMeta") -> dict[str, Any]:
    """Counts of decoys between neighbouring layers; none where these are not rows side by side."""
    if meta.layer_places.tolist() != [*range(meta.n_layers)]:
        return {}
    return {name: of["steps"] for name, of in meta.decoys.items() if "steps" in of}


def view_run(graph: "Runner", run: str | None = None, *, most: int = MOST) -> Page:
    """The page of a run in the database, with the roles and measured behaviour of its heads.

    Args:
        graph: an open database.
        run: name of the run; None for the only one.
        most: as for `view`.

    Raises:
        FigureError: `most` below 1.
        UnknownRun: no such run, or several runs and no name.
        GraphError: the database cannot be queried.
    """
    from headgraph.analysis.view.stored import read_run

    _check(most)
    found = read_run(graph, run, most)
    kept = strongest(found.edges, most)
    content = Content(
        title=found.run if found.run == found.model else f"{found.run} ({found.model})",
        about=_about(
            found.n_layers,
            found.n_heads,
            len(kept),
            found.total,
            f"run loaded: {found.selection}",
            len(found.facts) if found.unequal else None,
        ),
        n_layers=found.n_layers,
        n_heads=found.n_heads,
        edges=kept,
        roles=_shown(head_roles(found.labels)),
        facts=found.facts,
        derived=_derived(found.facts),
        total=found.total,
        known=frozenset(found.facts) if found.unequal else None,
        layers=found.layers,
    )
    return Page(content)


def view_answer(answer: Mapping[str, Any], *, most: int = MOST) -> Page:
    """The page of a stored query's answer as a graph (`queries.node_link`).

    Args:
        answer: nodes and links; only heads and edges between heads are drawn.
        most: as for `view`.

    Raises:
        FigureError: `most` below 1.
    """
    from headgraph.analysis.view.answers import read_answer

    _check(most)
    found = read_answer(answer)
    kept = strongest(found.edges, most)
    content = Content(
        title=found.title,
        about=_about_answer(found, len(kept)),
        n_layers=found.n_layers,
        n_heads=found.n_heads,
        edges=kept,
        roles=found.roles,
        facts=found.facts,
        derived=_derived(found.facts),
        total=len(found.edges),
        known=found.heads,
        whole=False,
        layers=found.layers,
    )
    return Page(content)


def _about_answer(found: "Answer", kept: int) -> list[str]:
    notes = [f"{note[0].upper()}{note[1:]}." for note in found.notes]
    notes = [*_signs(found), *notes]
    if not found.heads:
        why = f" ({found.no_rows})" if found.no_rows else ""
        return [f"{found.words} no heads and no edges{why}.", *notes]
    words = f"{found.words} {_amount(kept, len(found.edges))}"
    outside = found.n_layers * found.n_heads - len(found.heads)
    others = ["The smallest dots are heads outside the answer."] if outside else []
    return [words, *([_LINES] if kept else []), *others, *notes]


def _signs(found: "Answer") -> list[str]:
    """What each head that the question names does to what it reads, which PK does not show."""
    does = {"eraser": "it writes the negative of what it reads as value",
            "copier": "it writes what it reads as value with its sign"}  # fmt: skip
    sentences = []
    for name in found.named:
        head = parse_head(name)
        own = found.facts.get(head, {})
        role = derived_role(own.get("copying"), own.get("self_overlap"))
        if "copying" in own and "self_overlap" in own:
            words = does.get(str(role), "it is neither a copier nor an eraser")
            sentences.append(
                f"{name} has copying {own['copying']:.2f} and self-overlap "
                f"{own['self_overlap']:.2f}: {words}."
            )
    return sentences


def _check(most: int) -> None:
    if most < 1:
        raise FigureError(f"{argument('most', most)}: expected a whole number of at least 1")


def _about(
    n_layers: int, n_heads: int, kept: int, total: int, cut: str, there: int | None = None
) -> list[str]:
    first = f"{n_layers} layer{'s' * (n_layers != 1)} of {n_heads} heads, {_amount(kept, total)}"
    if there is not None and there < n_layers * n_heads:
        first = f"{n_layers} layers, {there:,} heads in all, {_amount(kept, total)}"
    lacking = there is not None and there < n_layers * n_heads
    return [
        first[:-1] + (f" ({cut})." if cut else "."),
        _LINES,
        *(["The smallest dots are places without a head."] if lacking else []),
    ]


def _amount(kept: int, total: int) -> str:
    if kept < total:
        return f"{kept:,} of {total:,} edges, the strongest of each pairing."
    return f"{total:,} edge{'s' * (total != 1)}."


def _shown(roles: Mapping[Head, HeadRoles]) -> dict[Head, tuple[str, ...]]:
    """Mechanisms of each head, then its circuits; the first gives its colour."""
    return {
        head: tuple(dict.fromkeys((*found.mechanisms, *found.circuits)))
        for head, found in roles.items()
    }


def _facts(meta: TableMeta) -> dict[Head, dict[str, Any]]:
    """The key/value head of each head, if heads share them, and its scores."""
    shared = meta.group_size > 1
    return {
        (layer, head): {
            **({"kv_head": head // meta.groups_of(layer)} if shared else {}),
            **{name: scores[layer][head] for name, scores in sorted(meta.heads.items())},
        }
        for layer, head in meta.places()
    }


def _derived(facts: Mapping[Head, Mapping[str, Any]]) -> dict[Head, str]:
    """The derived role of each head that has one, by the scores that the graph holds."""
    found = {
        head: derived_role(own.get("copying"), own.get("self_overlap"))
        for head, own in facts.items()
    }
    return {head: role for head, role in found.items() if role is not None}

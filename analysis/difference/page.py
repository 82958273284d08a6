"""The page to explore the changed pairs of two tables."""

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from headgraph.analysis.difference.compared import Compared
from headgraph.analysis.difference.graph import change_edges
from headgraph.analysis.difference.words import nothing_changed, summary
from headgraph.analysis.errors import FigureError
from headgraph.analysis.figures.roles import Head, head_roles
from headgraph.analysis.view.content import Content, strongest
from headgraph.analysis.view.page import Page
from headgraph.base.names import CHANGES, PAIRINGS
from headgraph.base.spelling import argument
from headgraph.pk_engine.labels import labels_for

if TYPE_CHECKING:
    import pandas as pd

_WORDS = {
    "slider": "Largest changes",
    "amount": "the N largest changes: ",
    "pk": "difference of PK",
    "pk_rank": "place by size",
    "width": "the larger the difference of PK",
}
_LINES = (
    "A line is a pair of heads whose PK changed; the wider, the larger the difference, on one "
    "scale for all. PK says what the target could read of what its source writes, not what "
    "happens on any text."
)
_NO_SCORES = ("z", "pk_normalized")  # columns that a page has and a difference does not
_LEAST = "Of a gained or lost pair, only the least difference is known."


@dataclass(frozen=True, kw_only=True)
class Changes(Content):
    """Content whose lines are coloured by change: `OK gained` stands in the place of a pairing.

    `edges` has a column `change`; `pk` is the size of the difference.
    """

    def data(self) -> dict[str, Any]:
        """The data of the page's script, with a filter for each change of each pairing."""
        data = super().data()
        edges = data["edges"]
        changes = edges["figures"].pop("change")
        for name in _NO_SCORES:
            del edges["figures"][name]
        pairings = (data["pairings"][number] for number in edges["pairing"])
        kinds = [" ".join(kind) for kind in zip(pairings, changes, strict=True)]
        every = [f"{pairing} {change}" for pairing in PAIRINGS for change in CHANGES]
        data["pairings"] = [name for name in every if name in set(kinds)]
        edges["pairing"] = [data["pairings"].index(kind) for kind in kinds]
        data["chance"] = [None] * len(data["pairings"])  # differences are not read against chance
        sizes = edges["figures"]["pk"]
        largest = float(max(sizes, default=1))
        edges["weight"] = [round(float(size) / largest, 3) for size in sizes]
        return data


def difference_page(found: Compared, *, labels: str | os.PathLike[str] | None, most: int) -> Page:
    """The page of a difference; see `Difference.page`."""
    if type(most) is not int or most < 1:
        raise FigureError(f"{argument('most', most)}: expected a whole number of at least 1")
    meta, edges = found.metas[0], _edges(found)
    kept = strongest(edges, most)
    about = [*summary(found), _LINES if len(edges) else f"{nothing_changed(found)}.".capitalize()]
    if edges["change"].isin(["gained", "lost"]).any():
        about.append(_LEAST)
    if len(kept) < len(edges):
        about.append(f"The page holds the {len(kept):,} largest of {len(edges):,} changes.")
    content = Changes(
        title=f"From {found.names[0]} to {found.names[1]}",
        about=about,
        n_layers=meta.n_layers,
        n_heads=meta.n_heads,
        edges=kept,
        roles={
            head: (*roles.mechanisms, *roles.circuits)
            for head, roles in head_roles(labels_for(meta, labels)).items()
        },
        facts=_facts(found),
        total=len(edges),
        known=frozenset(meta.places()) if meta.layers else None,
        words=_WORDS,
        layers=meta.part_names,
    )
    return Page(content)


def _edges(found: Compared) -> "pd.DataFrame":
    """The columns of a page's edges: figures have names that a reader understands."""
    edges = change_edges(found)
    place = edges.groupby(["pairing", "source", "target"], sort=False).ngroup() + 1
    ends = ["source_layer", "source_head", "target_layer", "target_head"]
    lacks_a, lacks_b = edges["pk_before"].isna(), edges["pk_after"].isna()
    return edges[["pairing", *ends, "change", "share", "kv_head"]].assign(
        pk_rank=place,
        pk=edges["difference"].abs(),
        **dict.fromkeys(_NO_SCORES, np.nan),
        **{
            "PK in A": edges["pk_before"],
            "PK in A is at most": edges["cutoff"].where(lacks_a),
            "PK in B": edges["pk_after"],
            "PK in B is at most": edges["cutoff"].where(lacks_b),
            "z in A": edges["z_before"],
            "z in B": edges["z_after"],
            "rank in A": edges["rank_before"].astype(float),
            "rank in B": edges["rank_after"].astype(float),
        },
    )


def _facts(found: Compared) -> dict[Head, dict[str, Any]]:
    """Copying of each head in both tables, and its key/value head in a grouped-query model."""
    one, other = found.metas
    facts: dict[Head, dict[str, Any]] = {}
    for layer, head in one.places():
        own = facts[layer, head] = {}
        if one.group_size > 1:
            own["kv_head"] = head // one.groups_of(layer)
        if one.heads and other.heads:
            own["copying in A"] = one.heads["copying"][layer][head]
            own["copying in B"] = other.heads["copying"][layer][head]
    return facts

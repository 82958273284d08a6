"""The heads and edges in a stored query's answer."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from headgraph.analysis.figures.roles import Head, in_role_order
from headgraph.analysis.view.stored import edge_frame, facts_of, part_names
from headgraph.base.names import PAIRINGS
from headgraph.graphdb import schema

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Answer:
    """The drawable part of an answer; it has the layers and heads that the answer names.

    `notes` say how many edges of a head are shown of how many, and where the run is cut.
    """

    title: str
    words: str
    n_layers: int
    n_heads: int
    layers: tuple[str, ...]
    edges: "pd.DataFrame"
    roles: Mapping[Head, tuple[str, ...]]
    facts: Mapping[Head, Mapping[str, Any]]
    heads: frozenset[Head]
    no_rows: str
    notes: tuple[str, ...]


def read_answer(answer: Mapping[str, Any]) -> Answer:
    """Heads and edges of a node-link graph, without Runs, Roles and links to them."""
    heads = {
        node["id"]: node for node in answer["nodes"]
        if schema.HEAD in node["labels"] and {"layer", "head"} <= node["properties"].keys()
    }  # fmt: skip
    place = {name: (h["properties"]["layer"], h["properties"]["head"]) for name, h in heads.items()}
    links = [
        link for link in answer["links"]
        if link["type"] in PAIRINGS and link["source"] in place and link["target"] in place
    ]  # fmt: skip
    titles = {layer: h["properties"].get("name", f"L{layer}H").split("H")[0]
              for h, (layer, _) in zip(heads.values(), place.values(), strict=True)}  # fmt: skip
    n_layers = max((layer for layer, _ in place.values()), default=-1) + 1
    about = answer["graph"]
    given = {name: value for name, value in about["params"].items() if value is not None}
    words = ", ".join(f"{name} {_words(value)}" for name, value in given.items())
    return Answer(
        title=f"{about['title']}: {given['run']}" if "run" in given else str(about["title"]),
        words=f"Stored query {about['query']} ({words}):" if words else f"{about['query']}:",
        n_layers=n_layers,
        layers=part_names(titles, n_layers),
        n_heads=max((head for _, head in place.values()), default=-1) + 1,
        edges=edge_frame([_edge(link, place) for link in links]),
        roles={place[name]: roles for name, node in heads.items()
               if (roles := roles_of(node["labels"]))},
        facts={place[name]: facts_of(node["properties"], grouped=False)
               for name, node in heads.items()},
        heads=frozenset(place.values()),
        no_rows=about.get("no_rows", ""),
        notes=tuple(about[name] for name in ("limited", "cut") if about.get(name)),
    )  # fmt: skip


def roles_of(labels: Iterable[str]) -> tuple[str, ...]:
    """Roles from the labels that `graphdb.schema.role_label` makes of them, in palette order.

    Derived roles are not among them, because their labels do not end in Head: a page takes them
    from the scores of the heads.

    >>> roles_of(["Head", "InductionHead", "SInhibitionHead", "Eraser"])
    ('induction', 's_inhibition')
    """
    ends = [label.removesuffix("Head") for label in labels if label.endswith("Head")]
    roles = {"_".join(re.findall("[A-Z][a-z0-9]*", name)).lower() for name in ends} - {""}
    return in_role_order(roles)


def _edge(link: Mapping[str, Any], place: Mapping[str, Head]) -> dict[str, Any]:
    source, target = place[link["source"]], place[link["target"]]
    return {
        **link["properties"],
        "pairing": link["type"],
        "source_layer": source[0],
        "source_head": source[1],
        "target_layer": target[0],
        "target_head": target[1],
    }


def _words(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)

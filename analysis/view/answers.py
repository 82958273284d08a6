"""The heads and edges in a stored query's answer."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from headgraph.analysis.figures.roles import Head, in_role_order
from headgraph.analysis.view.stored import edge_frame, edge_row, facts_of, part_names
from headgraph.base.names import PAIRINGS, head_name
from headgraph.base.text import together
from headgraph.graphdb import schema
from headgraph.graphdb.properties import checked_head

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Answer:
    """The drawable part of an answer; it has the layers and heads that the answer names.

    `named` are the heads that the question names. `notes` say how many edges of a head are shown
    of how many, and where the run is cut.
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
    named: tuple[str, ...]
    no_rows: str
    notes: tuple[str, ...]


def read_answer(answer: Mapping[str, Any]) -> Answer:
    """Heads and edges of a node-link graph, without Runs, Roles and links to them.

    Raises:
        WrongProperty: a property that headgraph cannot have written.
    """
    about = answer["graph"]
    given = {name: value for name, value in about["params"].items() if value is not None}
    heads = {node["id"]: node for node in answer["nodes"] if schema.HEAD in node["labels"]}
    own = {
        name: checked_head(node["properties"], given.get("run"), ("layer", "head"))
        for name, node in heads.items()
    }
    place = {name: (head["layer"], head["head"]) for name, head in own.items()}
    links = [
        link for link in answer["links"]
        if link["type"] in PAIRINGS and link["source"] in place and link["target"] in place
    ]  # fmt: skip
    # of heads in one place, that of the run asked about; it comes last and so replaces the others
    run_of = {name: str(head.get("run", "")) for name, head in own.items()}
    runs = sorted(set(run_of.values()), key=lambda run: (run == given.get("run"), run))
    last = sorted(own, key=lambda name: runs.index(run_of[name]))
    names = {at: own[at].get("name", head_name(*place[at])) for at in own}
    n_layers = max((layer for layer, _ in place.values()), default=-1) + 1
    words = ", ".join(f"{name} {_words(value)}" for name, value in given.items())
    return Answer(
        title=f"{about['title']}: {_title(runs, given)}" if "run" in given else str(about["title"]),
        words=f"Stored query {about['query']} ({words}):" if words else f"{about['query']}:",
        n_layers=n_layers,
        layers=part_names(((place[at][0], name) for at, name in names.items()), n_layers),
        n_heads=max((head for _, head in place.values()), default=-1) + 1,
        edges=edge_frame([
            edge_row(link["type"], (link["source"], link["target"]), place, link["properties"],
                     given.get("run"), (names[link["source"]], names[link["target"]]))
            for link in links
        ]),
        roles={place[name]: roles for name in last
               if (roles := roles_of(heads[name]["labels"]))},
        facts={place[name]: facts_of(own[name], grouped=False) for name in last},
        heads=frozenset(place.values()),
        named=_named(given.values(), set(names.values())),
        no_rows=about.get("no_rows", ""),
        notes=(*_of_runs(runs), *(about[name] for name in ("limited", "cut") if about.get(name))),
    )  # fmt: skip


def _title(runs: list[str], given: Mapping[str, Any]) -> str:
    return together(runs[::-1]) if len(runs) == 2 else str(given["run"])


def _of_runs(runs: list[str]) -> list[str]:
    """That the edges of several runs are drawn alike; empty for one run."""
    if len(runs) < 2:
        return []
    return [
        f"an edge is of {' or '.join(runs[::-1])}, and the page does not show which; the roles and "
        f"scores of heads are those of {runs[-1]} where it has them. The page of a difference "
        "between two tables shows which"
    ]


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


def _named(values: Iterable[Any], heads: Collection[str]) -> tuple[str, ...]:
    """Heads among the values of parameters, each once."""
    flat = [item for value in values for item in (value if isinstance(value, list) else [value])]
    return tuple(dict.fromkeys(it for it in flat if isinstance(it, str) and it in heads))


def _words(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)

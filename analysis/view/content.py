"""The content of a page: heads with their places, edges with their figures, roles."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from headgraph.analysis.figures.chance import Chance, chance_in
from headgraph.analysis.figures.roles import Head, in_role_order
from headgraph.analysis.view.packed import MANY, shares
from headgraph.base.names import PAIRINGS, head_name
from headgraph.base.text import printable, short
from headgraph.base.version import VERSION

if TYPE_CHECKING:
    import pandas as pd

START = 100
"""Edges, roughly, that a page shows at first; more are hard to follow by eye."""
MOST = 3000
"""Most edges on a page by default."""
STEP = 1.02
"""Ratio of two ranks at which the slider of a page of many edges stops."""
WIDE, HIGH = 1000.0, 850.0
"""Units that the heads of a medium model fill; more heads are closer, down to a limit."""
MANY_HEADS, SCREEN = 2048, 0.7
"""Heads above which a page draws them on a canvas, and the screen's proportions, which it takes."""
LEFT, EDGE = 62.0, 34.0
"""Room for the names of layers at the left, and margins around the heads."""

WORDS = {
    "slider": "Strongest pairs of each pairing",
    "amount": "top N of each pairing: ",
    "pk": "PK",
    "pk_rank": "place in its pairing",
    "width": "the further above chance within its pairing",
}
"""What the page calls its slider, the amount shown (N is a number), `pk`, `pk_rank`, and a wide
line."""

_ENDS = ["source_layer", "source_head", "target_layer", "target_head"]
_NOT_FIGURES = {"pairing", *_ENDS, "share", "kv_head"}


@dataclass(frozen=True, kw_only=True)
class Content:
    """A graph to explore.

    Attributes:
        title: name of the model, run or query.
        about: sentences on where the graph comes from.
        n_layers, n_heads: size of the model, or of the part that is known.
        edges: a row per arrow: `pairing`, `source_layer`, `source_head`, `target_layer`,
            `target_head`, `pk_rank`, `pk`, `share`, `kv_head` (-1: none), and other figures.
        roles: roles of heads, in the order in which they are shown.
        facts: further figures of heads, such as measured behaviour, `copying`, `self_overlap`.
        derived: `eraser` or `copier`, from the weights alone, of the heads that are one.
        total: number of edges before the page was cut to the strongest.
        known: heads that the graph contains; None for all heads.
        whole: whether the graph has all heads of the model, and not those of an answer alone.
        words: what the page calls things, as in `WORDS`.
        layers: names of the layers, where they are not `L0`, `L1` and so on.
        decoy_steps: pairing -> numbers of the strongest backward pairs, each with how many of them
            lie in neighbouring layers (`pk_engine.metrics.decoys.DecoyCounts.steps`).
    """

    title: str
    about: Sequence[str]
    n_layers: int
    n_heads: int
    edges: "pd.DataFrame"
    roles: Mapping[Head, Sequence[str]] = field(default_factory=dict)
    facts: Mapping[Head, Mapping[str, Any]] = field(default_factory=dict)
    derived: Mapping[Head, str] = field(default_factory=dict)
    total: int = 0
    known: Collection[Head] | None = None
    whole: bool = True
    words: Mapping[str, str] = field(default_factory=WORDS.copy)
    layers: Sequence[str] = ()
    decoy_steps: Mapping[str, Sequence[Sequence[int]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Make outside text printable, so that the page and its saved SVG stay well-formed."""
        roles = {head: tuple(map(short, own)) for head, own in self.roles.items()}
        plain = {"title": short(self.title, 120), "about": [*map(printable, self.about)]}
        for name, value in {**plain, "roles": roles}.items():
            object.__setattr__(self, name, value)

    def data(self) -> dict[str, Any]:
        """The data of the page's script, ready for JSON."""
        edges = in_order(self.edges)
        there = set(edges["pairing"].unique())
        pairings = [name for name in PAIRINGS if name in there]
        roles = self.role_names()
        marks = {name: chance_in(edges[edges["pairing"] == name]) for name in pairings}
        chance = [None if mark is None else [*map(_number, mark)] for mark in marks.values()]
        return {
            "title": self.title,
            "words": dict(self.words),
            "n_layers": self.n_layers,
            "n_heads": self.n_heads,
            **({"layer_names": [*self.layers]} if self.layers else {}),
            **_frame(self.n_layers, self.n_heads),
            "heads": [self._head(layer, head, roles) for layer in range(self.n_layers)
                      for head in range(self.n_heads)],
            "roles": roles,
            "pairings": pairings,
            "chance": chance,
            "decoy_steps": [self.decoy_steps.get(name) for name in pairings],
            "whole": self.whole,
            "version": VERSION,
            "edges": _columns(edges, pairings, self.n_heads, marks),
            "many": MANY,
            "many_heads": MANY_HEADS,
            "places": slider_places(edges),
            "start": start_place(edges),
        }  # fmt: skip

    def role_names(self) -> list[str]:
        """The roles on the page, in the palette's order, then by name."""
        return [*in_role_order(role for roles in self.roles.values() for role in roles)]

    def _head(self, layer: int, head: int, roles: list[str]) -> dict[str, Any]:
        x, y = place_of(layer, head, self.n_layers, self.n_heads)
        own = self.roles.get((layer, head), ())
        return {
            "name": f"{self.layers[layer]}H{head}" if self.layers else head_name(layer, head),
            "layer": layer,
            "head": head,
            "x": round(x, 2),
            "y": round(y, 2),
            "roles": [roles.index(role) for role in own],
            "derived": self.derived.get((layer, head)),
            "known": self.known is None or (layer, head) in self.known,
            "facts": {name: _number(v) for name, v in self.facts.get((layer, head), {}).items()},
        }


def strongest(edges: "pd.DataFrame", most: int) -> "pd.DataFrame":
    """The edges of the best ranks in each pairing, at most `most`, but at least one rank.

    Edges of one rank stay together: the arrows of one scored pair of a grouped-query model, and the
    pairs of this rank in each pairing.
    """
    if len(edges) <= most:
        return edges
    upto = edges["pk_rank"].value_counts().sort_index().cumsum()
    fits = upto[upto <= most]
    last = fits.index[-1] if len(fits) else upto.index[0]
    kept: pd.DataFrame = edges[edges["pk_rank"] <= last]
    return kept


def start_place(edges: "pd.DataFrame") -> int:
    """The rank to show at first: the lowest with `START` edges, or the last."""
    upto = edges["pk_rank"].value_counts().sort_index().cumsum()
    enough = upto[upto >= START]
    return int((enough if len(enough) else upto[-1:]).index[0]) if len(upto) else 0


def slider_places(edges: "pd.DataFrame") -> list[int]:
    """The ranks at which a slider stops: all of them, or of many those 2 % apart and the last."""
    places = sorted(map(int, edges["pk_rank"].unique()))
    if len(edges) <= MANY:
        return places
    kept = places[:1]
    for place in places[1:]:
        if place >= kept[-1] * STEP:
            kept.append(place)
    return kept if kept[-1:] == places[-1:] else [*kept, places[-1]]


def in_order(edges: "pd.DataFrame") -> "pd.DataFrame":
    """Edges by rank, then pairing, so that a threshold keeps the first ones."""
    order = edges["pairing"].map({name: i for i, name in enumerate(PAIRINGS)})
    by = ["pk_rank", "order", *_ENDS]
    ordered = edges.assign(order=order).sort_values(by, ignore_index=True)
    return ordered.drop(columns=["order"])


def steps(n_layers: int, n_heads: int) -> tuple[float, float]:
    """Distance of neighbouring heads and of neighbouring layers."""
    across = min(max(WIDE / max(n_heads, 1), 43.0), 92.0)
    high = HIGH
    if n_layers * n_heads > MANY_HEADS:  # a wide drawing would leave half of a screen empty
        high = max(high, SCREEN * across * n_heads)
    return across, min(max(high / max(n_layers, 1), 38.0), 130.0)


def place_of(layer: int, head: int, n_layers: int, n_heads: int) -> tuple[float, float]:
    """Middle of a head: index to the right, layers upwards (y counts down, as in SVG)."""
    across, up = steps(n_layers, n_heads)
    return LEFT + across * (head + 0.5), EDGE / 2 + up * (n_layers - 1 - layer + 0.5)


def _frame(n_layers: int, n_heads: int) -> dict[str, float]:
    across, up = steps(n_layers, n_heads)
    return {
        "width": round(LEFT + across * n_heads + EDGE / 2, 2),
        "height": round(up * n_layers + 1.5 * EDGE, 2),
        "across": round(across, 2),
        "up": round(up, 2),
    }


def _columns(
    edges: "pd.DataFrame", pairings: list[str], n_heads: int, marks: Mapping[str, Chance | None]
) -> dict[str, Any]:
    if "decoys" in edges:  # -1 where backward pairs were not counted
        edges = edges.assign(decoys=edges["decoys"].where(edges["decoys"] >= 0))
    figures = [name for name in edges.columns if name not in _NOT_FIGURES]
    if len(edges) > MANY:
        return _many_columns(edges, pairings, n_heads, marks, figures)
    return {
        "pairing": [pairings.index(name) for name in edges["pairing"]],
        **{end: _ends(edges, end, n_heads).tolist() for end in ("source", "target")},
        "weight": [round(float(w), 3) for w in _weights(edges, marks)],
        "share": [_number(share) for share in edges["share"]],
        "kv_head": edges["kv_head"].astype(int).tolist(),
        "figures": {name: [_number(value) for value in edges[name]] for name in figures},
    }


def _many_columns(
    edges: "pd.DataFrame",
    pairings: list[str],
    n_heads: int,
    marks: Mapping[str, Chance | None],
    figures: Sequence[str],
) -> dict[str, Any]:
    """The same columns as arrays, which the page packs; a column of words stays a list."""
    number = {name: i for i, name in enumerate(pairings)}
    return {
        "pairing": edges["pairing"].map(number).to_numpy(int),
        **{end: _ends(edges, end, n_heads).to_numpy() for end in ("source", "target")},
        "weight": shares(_weights(edges, marks).to_numpy(float)),
        "share": edges["share"].to_numpy(float),
        "kv_head": edges["kv_head"].to_numpy(int),
        "figures": {
            name: edges[name].to_numpy() if edges[name].dtype.kind in "iuf"
            else [_number(value) for value in edges[name]]
            for name in figures
        },
    }  # fmt: skip


def _ends(edges: "pd.DataFrame", end: str, n_heads: int) -> "pd.Series[int]":
    """The number of the head at one end, counted layer by layer."""
    return (edges[f"{end}_layer"] * n_heads + edges[f"{end}_head"]).astype(int)


def _weights(edges: "pd.DataFrame", marks: Mapping[str, Chance | None]) -> "pd.Series[float]":
    """How strongly to draw each edge: 0 at chance, 1 for the strongest of its pairing."""
    weights = edges["pk"].astype(float) * 0 + 1
    for pairing, mark in marks.items():
        if mark is not None:
            here = edges["pairing"] == pairing
            weights[here] = mark.strength(edges.loc[here, "pk"].astype(float))
    return weights


def _number(value: Any) -> Any:
    """A number with the digits of a float32, None if it is not finite; text stays text.

    Fewer digits would be rounded again on the page, to something else than a command prints.
    """
    if isinstance(value, str | bool) or value is None:
        return value
    number = float(value)
    if not math.isfinite(number):
        return None
    return int(number) if number.is_integer() else float(f"{number:.9g}")

"""What is on a page: heads with their places, edges with their figures, roles and pairings."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from headgraph.base.names import PAIRINGS, head_name
from headgraph.base.palette import ROLE_ORDER
from headgraph.base.text import printable, short

if TYPE_CHECKING:
    import pandas as pd

Head = tuple[int, int]
START = 400
"""Edges that a page shows at first, about: as many as can still be followed by eye."""
MOST = 3000
"""Edges that a page carries where nobody says how many."""
WIDE, HIGH = 1000.0, 850.0
"""Units that the heads of a model of middling size fill; more heads stand closer, to a limit."""
LEFT, EDGE = 62.0, 34.0
"""Room for the names of layers at the left, and for what else lies around the heads."""

_ENDS = ["source_layer", "source_head", "target_layer", "target_head"]
_NOT_FIGURES = {"pairing", *_ENDS, "share", "kv_head"}


@dataclass(frozen=True, kw_only=True)
class Content:
    """A graph to explore.

    Attributes:
        title: what it is the graph of.
        about: sentences on where it comes from.
        n_layers, n_heads: of the model, or of what is known of it.
        edges: a row per arrow: `pairing`, `source_layer`, `source_head`, `target_layer`,
            `target_head`, `pk_rank`, `pk`, `share`, `kv_head` (-1: none), and other figures.
        roles: of heads that have some, in the order in which they are shown.
        facts: further figures of heads, such as measured behaviour.
        total: edges there were before the page was cut to the strongest.
        known: heads of which something is known; None for all that there are.
    """

    title: str
    about: Sequence[str]
    n_layers: int
    n_heads: int
    edges: "pd.DataFrame"
    roles: Mapping[Head, Sequence[str]] = field(default_factory=dict)
    facts: Mapping[Head, Mapping[str, Any]] = field(default_factory=dict)
    total: int = 0
    known: Collection[Head] | None = None

    def __post_init__(self) -> None:
        """Words of others become printable: the page and the SVG that it saves stay well-formed."""
        roles = {head: tuple(map(short, own)) for head, own in self.roles.items()}
        plain = {"title": short(self.title, 120), "about": [*map(printable, self.about)]}
        for name, value in {**plain, "roles": roles}.items():
            object.__setattr__(self, name, value)

    def data(self) -> dict[str, Any]:
        """What the page's script reads, as JSON can hold it."""
        edges = in_order(self.edges)
        pairings = [name for name in PAIRINGS if name in set(edges["pairing"])]
        roles = self.role_names()
        return {
            "title": self.title,
            "n_layers": self.n_layers,
            "n_heads": self.n_heads,
            **_frame(self.n_layers, self.n_heads),
            "heads": [self._head(layer, head, roles) for layer in range(self.n_layers)
                      for head in range(self.n_heads)],
            "roles": roles,
            "pairings": pairings,
            "edges": _columns(edges, pairings, self.n_heads),
            "places": sorted({int(rank) for rank in edges["pk_rank"]}),
            "start": start_place(edges),
        }  # fmt: skip

    def role_names(self) -> list[str]:
        """The roles on the page, in the palette's order, then by name."""
        place = {role: i for i, role in enumerate(ROLE_ORDER)}
        found = {role for roles in self.roles.values() for role in roles}
        return sorted(found, key=lambda role: (place.get(role, len(place)), role))

    def _head(self, layer: int, head: int, roles: list[str]) -> dict[str, Any]:
        x, y = place_of(layer, head, self.n_layers, self.n_heads)
        own = self.roles.get((layer, head), ())
        return {
            "name": head_name(layer, head),
            "layer": layer,
            "head": head,
            "x": round(x, 2),
            "y": round(y, 2),
            "roles": [roles.index(role) for role in own],
            "known": self.known is None or (layer, head) in self.known,
            "facts": {name: _number(v) for name, v in self.facts.get((layer, head), {}).items()},
        }


def strongest(edges: "pd.DataFrame", most: int) -> "pd.DataFrame":
    """The edges of the best places in each pairing, whole places, at most `most` (one at least).

    Edges of one place belong together: the arrows of one scored pair of a grouped-query model, and
    the places of the pairings beside each other.
    """
    if len(edges) <= most:
        return edges
    upto = edges["pk_rank"].value_counts().sort_index().cumsum()
    fits = upto[upto <= most]
    last = fits.index[-1] if len(fits) else upto.index[0]
    kept: pd.DataFrame = edges[edges["pk_rank"] <= last]
    return kept


def start_place(edges: "pd.DataFrame") -> int:
    """The place to show at first: the lowest with `START` edges, or the last there is."""
    upto = edges["pk_rank"].value_counts().sort_index().cumsum()
    enough = upto[upto >= START]
    return int((enough if len(enough) else upto[-1:]).index[0]) if len(upto) else 0


def in_order(edges: "pd.DataFrame") -> "pd.DataFrame":
    """By place, then pairing: those that a threshold keeps are the first ones."""
    order = edges["pairing"].map({name: i for i, name in enumerate(PAIRINGS)})
    by = ["pk_rank", "order", *_ENDS]
    ordered = edges.assign(order=order).sort_values(by, ignore_index=True)
    return ordered.drop(columns=["order"])


def steps(n_layers: int, n_heads: int) -> tuple[float, float]:
    """Distance of neighbouring heads and of neighbouring layers."""
    across, up = WIDE / max(n_heads, 1), HIGH / max(n_layers, 1)
    return min(max(across, 43.0), 92.0), min(max(up, 38.0), 130.0)


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


def _columns(edges: "pd.DataFrame", pairings: list[str], n_heads: int) -> dict[str, Any]:
    ends = {
        end: (edges[f"{end}_layer"] * n_heads + edges[f"{end}_head"]).astype(int).tolist()
        for end in ("source", "target")
    }
    figures = [name for name in edges.columns if name not in _NOT_FIGURES]
    return {
        "pairing": [pairings.index(name) for name in edges["pairing"]],
        **ends,
        "weight": [round(float(w), 3) for w in _weights(edges)],
        "share": [_number(share) for share in edges["share"]],
        "kv_head": edges["kv_head"].astype(int).tolist(),
        "figures": {name: [_number(value) for value in edges[name]] for name in figures},
    }


def _weights(edges: "pd.DataFrame") -> "pd.Series[float]":
    """PK from 0 for the weakest edge of its pairing on the page to 1 for the strongest."""
    pk = edges["pk"].astype(float)
    low, high = (pk.groupby(edges["pairing"]).transform(f) for f in ("min", "max"))
    spread = (high - low).where(high > low, 1.0)
    return ((pk - low) / spread).where(high > low, 1.0)


def _number(value: Any) -> Any:
    """A figure in five digits, None where there is none; words stay words."""
    if isinstance(value, str | bool) or value is None:
        return value
    number = float(value)
    if not math.isfinite(number):
        return None
    return int(number) if number.is_integer() else float(f"{number:.5g}")

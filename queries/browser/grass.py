"""The look of heads and edges in Neo4j Browser, from the palette of the figures.

A rule is a selector and its properties. Where several rules match a node, Browser applies the last,
so derived roles come first and the others in the reverse of `ROLE_ORDER`: a head of several roles
has the colour that figures give it. Widths and captions repeat the information of the colours.
"""

from headgraph.base.names import GRAPH_PAIRINGS, PAIRINGS
from headgraph.base.palette import ROLE_ORDER, TASK, Theme
from headgraph.graphdb.schema import DERIVED_ROLES, HEAD, ROLE, RUN, role_label

Rules = dict[str, dict[str, str]]

WIDTHS = {"OQ": "2px", "OK": "3px", "OV": "5px"}
"""Widths of the pairings along which information flows, out of the widths that Browser offers."""
OTHER_WIDTH = "1px"
SIZES = {HEAD: "50px", ROLE: "80px", RUN: "80px"}


def rules(theme: Theme) -> Rules:
    """Properties by selector, in the order in which they take effect."""
    fills = {HEAD: theme.plain, ROLE: theme.band, RUN: theme.band}
    found = {
        f"node.{label}": {**_fill(fill, theme), "diameter": SIZES[label]}
        for label, fill in fills.items()
    }
    others = [role for role in ROLE_ORDER if role not in (TASK, *DERIVED_ROLES)]
    for role, edge in zip(DERIVED_ROLES, (theme.ink, theme.muted), strict=True):
        # a broad rim and no fill: colours of fills are for roles of the literature
        rim = {"border-color": edge, "border-width": "6px"}
        found[f"node.{role_label(role)}"] = _fill(theme.plain, theme) | rim
    for role in reversed(others):
        found[f"node.{role_label(role)}"] = _fill(theme.role(role).color, theme)
    order = [*GRAPH_PAIRINGS, *(name for name in PAIRINGS if name not in GRAPH_PAIRINGS)]
    return found | {f"relationship.{name}": _line(name, theme) for name in order}


def grass(theme: Theme) -> str:
    """The rules as a GraSS file, to drop onto Browser."""
    blocks = (
        f"{selector} {{\n" + "".join(f"  {_line_of(*item)}\n" for item in look.items()) + "}\n"
        for selector, look in rules(theme).items()
    )
    return "\n".join(blocks)


def _fill(color: str, theme: Theme) -> dict[str, str]:
    return {
        "color": color,
        "border-color": theme.muted,
        "border-width": "2px",
        "text-color-internal": theme.ink_on(color),
        "font-size": "10px",
        "caption": "{name}",  # Browser adds a caption of its own to a rule without one
    }


def _line(pairing: str, theme: Theme) -> dict[str, str]:
    return {
        "color": theme.pairing(pairing).color,
        "shaft-width": WIDTHS.get(pairing, OTHER_WIDTH),
        "font-size": "8px",
        "padding": "3px",
        "text-color-external": theme.ink,
        "text-color-internal": theme.ink_on(theme.pairing(pairing).color),
        "caption": "<type>",
    }


def _line_of(name: str, value: str) -> str:
    return f'{name}: "{value}";' if name == "caption" else f"{name}: {value};"

"""The picture of docs/guides/exports.md: an exported file as networkx reads it and lays it out.

python -m benchmarks.export_picture [FOLDER]
"""

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import networkx

from benchmarks.browser_picture import IMAGES
from headgraph import loader
from headgraph.analysis.figures import output, style
from headgraph.base.names import GRAPH_PAIRINGS
from headgraph.pk_engine import Selection

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TOP = 30
"""Edges of each pairing."""
SIZE = 290
"""Of a head, in square points."""


def main(folder: Path = IMAGES) -> None:
    """Write GPT-2's strongest edges as GraphML, read the file, and draw it."""
    with tempfile.TemporaryDirectory() as here:
        file = Path(here) / "gpt2.graphml"
        loader.export("gpt2-small", file, selection=Selection(top=TOP))
        graph = networkx.read_graphml(file, force_multigraph=True)
    alone = set(graph) - max(networkx.weakly_connected_components(graph), key=len)
    graph.remove_nodes_from(alone)
    for name, dark in (("export", False), ("export-dark", True)):
        figure = _drawn(graph, style.theme(dark))
        print(output.save(figure, folder / f"{name}.svg", force=True))


def _drawn(graph: Any, colors: style.Theme) -> "Figure":
    with style.styled(colors):
        figure = style.new_figure(style.WIDTH, 430, colors)
        axes = figure.add_axes((0.01, 0.01, 0.98, 0.84))
        axes.set_axis_off()
        style.headline(
            figure,
            "GPT-2 small in networkx",
            f"An exported GraphML file, the {TOP} strongest pairs of OQ, OK and OV, as networkx "
            "lays them out (Kamada-Kawai).\n"
            "Shown: the largest connected component. Arrows run from the head that writes to the "
            "head that reads.",
        )
        places = networkx.kamada_kawai_layout(networkx.Graph(graph), weight=None)
        for pairing in GRAPH_PAIRINGS:
            edges = [
                edge for edge in graph.edges(keys=True) if graph.edges[edge]["type"] == pairing
            ]
            networkx.draw_networkx_edges(
                graph, places, edges, ax=axes, node_size=SIZE, arrowsize=7, alpha=0.75,
                edge_color=colors.pairing(pairing).color, connectionstyle="arc3,rad=0.08",
            )  # fmt: skip
        roles = [_role(graph.nodes[head].get("roles", "")) for head in graph]
        fills = [colors.role(role).color if role else colors.plain for role in roles]
        networkx.draw_networkx_nodes(
            graph, places, ax=axes, node_size=SIZE, node_color=fills, edgecolors=colors.muted,
            linewidths=0.6,
        )  # fmt: skip
        for head, fill in zip(graph, fills, strict=True):
            ink = max(("#000000", "#ffffff"), key=lambda it: style.contrast(fill, it))
            axes.text(
                *places[head], head, size=style.TINY - 0.6, color=ink, ha="center", va="center"
            )
        _legend(axes, colors, roles)
    return figure


def _role(roles: str) -> str | None:
    """The one that the figures colour a head of several by."""
    of_head = set(filter(None, roles.split(",")))
    return next((role for role in style.ROLE_ORDER if role in of_head), None)


def _legend(axes: "Axes", colors: style.Theme, roles: list[str | None]) -> None:
    from matplotlib.lines import Line2D

    lines = [
        Line2D([], [], color=colors.pairing(it).color, label=f"{it}, {colors.pairing(it).meaning}")
        for it in GRAPH_PAIRINGS
    ]
    names: dict[str, list[str]] = {}  # tasks share a colour
    for role in style.ROLE_ORDER:
        if role in roles:
            names.setdefault(colors.role(role).color, []).append(colors.role(role).name)
    dots = [
        Line2D([], [], ls="", marker="o", color=color, label=", ".join(of_color))
        for color, of_color in names.items()
    ]
    axes.legend(handles=[*lines, *dots], loc="lower left", labelcolor=colors.ink)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))

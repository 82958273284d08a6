"""headgraph: how attention heads work together, as a graph that can be asked questions.

The public face. Each name here is a room's own, loaded when first used:

>>> import headgraph
>>> table = headgraph.compute("induction-2l")
>>> with headgraph.connect() as graph:                                      # doctest: +SKIP
...     headgraph.load(table, graph, run="tiny")
...     headgraph.query("hubs", graph, run="tiny")
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headgraph.analysis import (
        abruptness,
        behaviour,
        circuits,
        detect,
        hub_scores,
        hubs_of_kind,
        informativeness,
        nulls,
        reproduce,
        robustness,
        tokens,
        trajectory,
    )
    from headgraph.analysis.figures import ablation as ablation_figure
    from headgraph.analysis.figures import behaviour as behaviour_figure
    from headgraph.analysis.figures import causality, heatmap, hubs, identity, scatter, wiring
    from headgraph.analysis.figures import detection as detection_figure
    from headgraph.analysis.figures import informativeness as informativeness_figure
    from headgraph.analysis.figures import nulls as nulls_figure
    from headgraph.analysis.figures import training as training_figure
    from headgraph.analysis.patching import ablate, verify_edge
    from headgraph.analysis.view import view
    from headgraph.graphdb import connect
    from headgraph.loader import annotate, drop, export, load, load_offline, runs, to_networkx
    from headgraph.pk_engine import AffinityTable, Selection, compute, plan, principal_angles
    from headgraph.queries import communities, motifs, over_series
    from headgraph.queries import run as query

__all__ = [
    "AffinityTable",
    "Selection",
    "ablate",
    "ablation_figure",
    "abruptness",
    "annotate",
    "behaviour",
    "behaviour_figure",
    "causality",
    "circuits",
    "communities",
    "compute",
    "connect",
    "detect",
    "detection_figure",
    "drop",
    "export",
    "heatmap",
    "hub_scores",
    "hubs",
    "hubs_of_kind",
    "identity",
    "informativeness",
    "informativeness_figure",
    "load",
    "load_offline",
    "motifs",
    "nulls",
    "nulls_figure",
    "over_series",
    "plan",
    "principal_angles",
    "query",
    "reproduce",
    "robustness",
    "runs",
    "scatter",
    "to_networkx",
    "tokens",
    "training_figure",
    "trajectory",
    "verify_edge",
    "view",
    "wiring",
]

_ROOMS = {
    "AffinityTable": ("pk_engine", "AffinityTable"),
    "Selection": ("pk_engine", "Selection"),
    "abruptness": ("analysis", "abruptness"),
    "annotate": ("loader", "annotate"),
    "behaviour": ("analysis", "behaviour"),
    "behaviour_figure": ("analysis.figures", "behaviour"),
    "ablate": ("analysis.patching", "ablate"),
    "ablation_figure": ("analysis.figures", "ablation"),
    "causality": ("analysis.figures", "causality"),
    "circuits": ("analysis", "circuits"),
    "communities": ("queries", "communities"),
    "compute": ("pk_engine", "compute"),
    "connect": ("graphdb", "connect"),
    "detect": ("analysis", "detect"),
    "detection_figure": ("analysis.figures", "detection"),
    "drop": ("loader", "drop"),
    "export": ("loader", "export"),
    "heatmap": ("analysis.figures", "heatmap"),
    "hub_scores": ("analysis", "hub_scores"),
    "hubs": ("analysis.figures", "hubs"),
    "hubs_of_kind": ("analysis", "hubs_of_kind"),
    "identity": ("analysis.figures", "identity"),
    "informativeness": ("analysis", "informativeness"),
    "informativeness_figure": ("analysis.figures", "informativeness"),
    "load": ("loader", "load"),
    "load_offline": ("loader", "load_offline"),
    "motifs": ("queries", "motifs"),
    "nulls": ("analysis", "nulls"),
    "nulls_figure": ("analysis.figures", "nulls"),
    "over_series": ("queries", "over_series"),
    "plan": ("pk_engine", "plan"),
    "principal_angles": ("pk_engine", "principal_angles"),
    "query": ("queries", "run"),
    "reproduce": ("analysis", "reproduce"),
    "robustness": ("analysis", "robustness"),
    "runs": ("loader", "runs"),
    "scatter": ("analysis.figures", "scatter"),
    "to_networkx": ("loader", "to_networkx"),
    "training_figure": ("analysis.figures", "training"),
    "trajectory": ("analysis", "trajectory"),
    "verify_edge": ("analysis.patching", "verify_edge"),
    "tokens": ("analysis", "tokens"),
    "view": ("analysis.view", "view"),
    "wiring": ("analysis.figures", "wiring"),
}


def __getattr__(name: str) -> Any:
    if name not in _ROOMS:
        raise AttributeError(f"module 'headgraph' has no attribute {name!r}")
    room, attribute = _ROOMS[name]
    return getattr(importlib.import_module(f"headgraph.{room}"), attribute)


def __dir__() -> list[str]:
    return [*__all__]

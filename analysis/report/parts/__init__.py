"""The parts of the report, in the order of the page: each a function of source and paper."""

from collections.abc import Callable, Mapping
from typing import Any

from headgraph.analysis.report.claims import Part
from headgraph.analysis.report.parts.detected import classes, heads
from headgraph.analysis.report.parts.informative import divergences
from headgraph.analysis.report.parts.running import identity_heads, top_tokens
from headgraph.analysis.report.parts.stable import folding
from headgraph.analysis.report.parts.strongest import cutoffs, pairs, wiring_diagrams
from headgraph.analysis.report.parts.two_layers import two_layer_model
from headgraph.analysis.report.sources import Source

Paper = Mapping[str, Any]
"""`published.toml`."""

PARTS: tuple[Callable[[Source, Paper], Part], ...] = (
    wiring_diagrams,
    pairs,
    heads,
    classes,
    two_layer_model,
    cutoffs,
    top_tokens,
    identity_heads,
    divergences,
    folding,
)

"""The parts of the report, in the order of the page: each a function of source and paper."""

from collections.abc import Callable, Mapping
from typing import Any

from analysis.report.claims import Part
from analysis.report.parts.detected import classes, heads
from analysis.report.parts.informative import divergences
from analysis.report.parts.running import identity_heads, top_tokens
from analysis.report.parts.stable import folding
from analysis.report.parts.strongest import cutoffs, pairs, wiring_diagrams
from analysis.report.parts.two_layers import two_layer_model
from analysis.report.sources import Source

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

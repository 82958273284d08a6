"""The parts of the report, in the order of the page: each a function of source and paper."""

from collections.abc import Callable, Mapping
from typing import Any

from headgraph.analysis.reproduction.claims import Part
from headgraph.analysis.reproduction.parts.metrics import classes, divergences, folding, heads
from headgraph.analysis.reproduction.parts.model import identity_heads, top_tokens
from headgraph.analysis.reproduction.parts.strongest import (
    cutoffs,
    pairs,
    two_layer_model,
    wiring_diagrams,
)
from headgraph.analysis.reproduction.sources import Source

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

"""Weights in, scores out: how much of what one head writes another head reads.

Knows nothing of databases. Names are loaded when first used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=["bundled", "errors", "labels"],
    submod_attrs={
        "scores": ["compute"],
        "angles": ["principal_angles"],
        "meta": ["TableMeta"],
        "planning": ["Plan", "plan"],
        "names": [
            "GRAPH_PAIRINGS",
            "PAIRINGS",
            "ROLES",
            "head_name",
            "parse_head",
            "parse_pairings",
        ],
        "selection": ["Selection"],
        "table": ["AffinityTable"],
    },
)

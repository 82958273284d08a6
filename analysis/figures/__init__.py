"""Pictures of scores, all in one style (`analysis.figures.style`), drawn without pyplot.

Nothing global changes and no display is needed. Each function returns a matplotlib `Figure`;
`save` writes one reproducibly. No module is called like a function: importing it would hide that.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=["panels", "style"],
    submod_attrs={
        "behaviours": ["behaviour"],
        "ablated": ["ablation"],
        "against": ["scatter"],
        "detected": ["detection"],
        "diagram": ["wiring"],
        "baselines": ["nulls"],
        "informative": ["informativeness"],
        "leaders": ["hubs"],
        "matrices": ["heatmap"],
        "output": ["picture_path", "render", "save"],
        "patched": ["causality"],
        "over_training": ["training"],
        "pairs": ["strongest_pairs", "usual_number"],
        "ranked": ["identity"],
        "roles": ["HeadRoles", "head_roles"],
        "stability": ["robustness"],
        "triptych": ["wiring_panels"],
    },
)

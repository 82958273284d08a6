"""What heads and edges do when they are patched or ablated; runs the model, needs the extra `lens`.

PK says what could pass between two heads, judging by their weights. Patching says what does, on
given prompts.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "ablating": ["ablate"],
        "correlation": ["rank_correlation"],
        "paths": ["Effect", "PathPatcher"],
        "prompts": ["Prompts", "prompts_for"],
        "verifying": ["verify_edge"],
    },
)

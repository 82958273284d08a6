"""How well scores find what is labelled: heads, pairs of a class, edges of a circuit."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={"density": ["circuits"], "curves": ["Areas", "areas"], "detecting": ["detect"]},
)

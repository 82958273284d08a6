"""How well scores find what is labelled: heads, pairs of a class, edges of a circuit."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

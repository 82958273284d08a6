"""The difference of two tables: which pairs of heads became stronger, weaker, gained or lost."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

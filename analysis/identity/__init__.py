"""Are heads of one kind hubs? The question that the paper leaves open for identity heads."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

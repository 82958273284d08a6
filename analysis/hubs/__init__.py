"""Hub scores of heads, and whether heads of one kind, such as identity heads, are hubs."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

"""The loss without the heads of a role, or without hubs, beside the loss without random heads."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

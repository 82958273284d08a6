"""Models that are run, not only read: a TransformerBridge over a whole checkpoint."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

"""The wiring diagram: the strongest pairs of a model as lines between its heads."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

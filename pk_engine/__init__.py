"""Weights in, scores out: how much of what one head writes another head reads.

Knows nothing of databases.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

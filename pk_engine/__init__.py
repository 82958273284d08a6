"""The engine: from weights to scores of how much of one head's output another head reads.

It uses no database.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

"""The connection to the database, the graph's schema, and the local server.

Nothing here depends on models or scores.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

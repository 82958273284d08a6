"""How to reach the database, what the graph is called, and the local server.

Knows nothing of models or scores.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

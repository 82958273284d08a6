"""A run's graph as files for other tools, the same from a table and from the database.

Exports live with the loader, as a table's graph is planned here and an offline load reads one of
the formats; `graphdb.node_link` has what they share with stored queries.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

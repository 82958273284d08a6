"""A run's graph as files for other tools, the same from a table and from the database.

Exports lie in the loader because a load plans the graph of a table, and an offline load writes one
of the formats. `graphdb.results.node_link` has the form that they share with stored queries.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

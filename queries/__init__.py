"""Stored queries about the graph, and a guard for Cypher that users write.

    >>> from headgraph import graphdb, queries                      # doctest: +SKIP
    >>> with graphdb.connect() as graph:                            # doctest: +SKIP
    ...     queries.query("hubs", graph, run="gpt2-small")
    ...     queries.cypher("MATCH (h:Head) RETURN h.name LIMIT 3", graph)

A stored query is a file in `catalogue/`; `queries.stored_queries.header` describes its format.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

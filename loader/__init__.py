"""Scores into the graph: runs are loaded whole or not at all, listed and dropped.

    >>> from headgraph import graphdb, loader                                      # doctest: +SKIP
    >>> with graphdb.connect() as graph:                            # doctest: +SKIP
    ...     print(loader.load("gpt2-small", graph, run="gpt2-small"))
    ...     print(loader.runs(graph))
    ...     print(loader.drop(graph, "gpt2-small"))

Reads scores through `pk_engine.table.affinity` alone.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

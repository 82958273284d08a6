"""From scores to graph: load runs whole or not at all, list, annotate, export and drop them.

    >>> from headgraph import graphdb, loader                                      # doctest: +SKIP
    >>> with graphdb.connect() as graph:                            # doctest: +SKIP
    ...     print(loader.load("gpt2-small", graph, run="gpt2-small"))
    ...     print(loader.runs(graph))
    ...     print(loader.drop(graph, "gpt2-small"))

Scores are read through `pk_engine.table` only. `loading` has the steps of a load, and `exports` the
file formats.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

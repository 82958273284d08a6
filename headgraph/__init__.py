"""headgraph: how attention heads work together, as a graph for queries.

Each public name is loaded from its room on first use:

>>> import headgraph
>>> table = headgraph.compute("induction-2l")
>>> with headgraph.connect() as graph:                                      # doctest: +SKIP
...     headgraph.load(table, graph, run="tiny")
...     headgraph.query("hubs", graph, run="tiny")
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

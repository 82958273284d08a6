"""Questions about the graph, stored as Cypher files, and a guard for Cypher of one's own.

    >>> from headgraph import graphdb, queries                                     # doctest: +SKIP
    >>> with graphdb.connect() as graph:                            # doctest: +SKIP
    ...     queries.run("hubs", graph, run="gpt2-small")
    ...     queries.cypher("MATCH (h:Head) RETURN h.name LIMIT 3", graph)

A query is a file in `catalogue/`; `queries.header` says how it is written. Names are loaded when
first used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=["errors", "guard"],
    submod_attrs={
        "adhoc": ["cypher"],
        "browser": ["browser_link"],
        "check": ["check"],
        "clusters": ["communities"],
        "library": ["catalogue", "get"],
        "markdown": ["docs"],
        "null": ["motifs"],
        "paste": ["filled", "show"],
        "query": ["Column", "Param", "Query"],
        "runner": ["node_link", "run"],
        "series": ["over_series"],
    },
)

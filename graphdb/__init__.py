"""How to reach the database, what the graph is called, and the local server.

Knows nothing of models or scores. Names are loaded when first used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=["errors", "schema", "server"],
    submod_attrs={
        "graph": ["Graph", "connect"],
        "recording": ["RecordingGraph"],
        "result": ["Plan", "Result"],
        "runner": ["Runner"],
        "settings": ["Settings", "resolve"],
    },
)

"""The stored queries and the look of the graph, as Neo4j Browser takes them.

files       a folder for any Browser: favourites as a zip, styles, a guide
served      a page beside the local server's Browser, which puts the same into its storage
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "favourites": ["Favourite", "favourites"],
        "files": ["write_kit"],
        "grass": ["grass", "rules"],
        "served": ["kit_link", "served_files"],
    },
)

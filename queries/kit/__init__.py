"""The stored queries and the look of the graph, as Neo4j Browser takes them.

files       a folder for any Browser: favourites as a zip, styles, a guide
served      a page beside the local server's Browser, which puts the same into its storage
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

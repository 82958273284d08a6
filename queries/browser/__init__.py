"""Neo4j Browser: links to it, and the stored queries and colours that it can take.

link        the address of Browser, and links with a statement typed in
favourites  stored queries as favourites
grass       colours and widths of heads and edges
files       a folder for any Browser: favourites as a zip, styles, a guide
setup_page  a page beside the local server's Browser that puts both into its storage
command     `headgraph browser`
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

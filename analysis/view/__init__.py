"""The graph as one HTML file to explore: SVG, with d3 inside the file, and nothing fetched.

`pages` turns a table, a run or a query's answer into a `Page`. `content` is what the page holds,
and `page` writes it. The browser runs `js/`, `view.css` and `template.html`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

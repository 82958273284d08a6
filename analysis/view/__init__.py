"""The graph as one HTML file to explore: SVG, d3 inside the file, nothing fetched from anywhere.

`building` turns a table, a run or a query's answer into a `Page`; `content` says what is on it,
`page` writes it, `js/`, `view.css` and `template.html` are what the browser runs.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

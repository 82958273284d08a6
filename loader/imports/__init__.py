"""Exported files become runs again, with their annotations and roles, whole or not at all.

`reading` turns a file into a `Document` without running anything of it, `checks` turns that into a
run's graph, and `publication` writes it as a load writes a table.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

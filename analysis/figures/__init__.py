"""What figures share: style, panels, which pairs are drawn, how a picture is written.

Nothing global changes and no display is needed. Figures are matplotlib's `Figure`; `save` writes
one reproducibly. Each figure lies with its study.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

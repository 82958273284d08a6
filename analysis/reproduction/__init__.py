"""The paper's tables and figures for GPT-2 small, ours beside its own, as one page.

`published.toml` has what the paper prints. Each of `parts` computes its figures from the model at
hand and compares them. `Report` writes them as one HTML page without outside resources.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

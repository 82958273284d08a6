"""What heads and edges do when they are patched or ablated; runs the model, needs the extra `lens`.

PK says what could pass between two heads, judging by their weights. Patching says what does, on
given prompts.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

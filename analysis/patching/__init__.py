"""The effect of patching edges; runs the model and needs the extra `lens`.

PK measures from the weights what could pass between two heads. Patching measures what does pass on
given prompts.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

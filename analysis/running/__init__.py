"""Run a model: a TransformerBridge of a whole checkpoint, prompts, and the unpatched run."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

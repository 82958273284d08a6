"""Scores over the checkpoints of a training run, and how abruptly they changed."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

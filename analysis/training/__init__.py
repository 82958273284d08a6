"""Scores over the checkpoints of a training run, and how abruptly they came about."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "abrupt": ["Abruptness", "abruptness", "change_of"],
        "checkpoints": ["Checkpoint", "checkpoint_table", "checkpoints"],
        "following": ["trajectory"],
    },
)

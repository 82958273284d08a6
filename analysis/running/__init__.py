"""Models that are run, not only read: a TransformerBridge over a whole checkpoint."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "attending": ["BEHAVIOURS", "attended"],
        "behaving": ["behaviour", "labels_of"],
        "opening": ["open_model"],
    },
)

"""What scores mean: pictures of them first; baselines, detection and behaviour join them here.

Reads tables of `pk_engine`; knows neither the database nor the command line. Names are loaded when
first used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=["errors", "figures", "view"],
    submod_attrs={
        "baselines": ["nulls"],
        "detection": ["circuits", "detect"],
        "hubs": ["hub_scores"],
        "kinds": ["hubs_of_kind"],
        "informative": ["informativeness"],
        "projection": ["tokens"],
        "report": ["Report", "reproduce"],
        "robust": ["robustness"],
        "running": ["behaviour"],
        "training": ["abruptness", "trajectory"],
    },
)

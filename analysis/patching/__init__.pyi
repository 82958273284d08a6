from .correlation import rank_correlation as rank_correlation
from .figure import causality as causality
from .paths import Effect as Effect
from .paths import PathPatcher as PathPatcher
from .verification import verify_edge as verify_edge

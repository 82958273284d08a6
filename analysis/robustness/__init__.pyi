from ._robustness import robustness as robustness
from .figure import robustness_figure as robustness_figure

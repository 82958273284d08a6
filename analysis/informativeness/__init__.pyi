from ._informativeness import informativeness as informativeness
from .figure import informativeness_figure as informativeness_figure

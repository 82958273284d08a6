from ._ablate import ablate as ablate
from .figure import ablation_figure as ablation_figure

from ._nulls import nulls as nulls
from .figure import nulls_figure as nulls_figure

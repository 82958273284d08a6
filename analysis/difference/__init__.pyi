from ._diff import Difference as Difference
from ._diff import diff as diff
from .figure import difference_figure as difference_figure

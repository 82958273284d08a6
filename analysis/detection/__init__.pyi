from ._detect import detect as detect
from .circuits import circuits as circuits
from .curves import Areas as Areas
from .curves import areas as areas
from .curves import within_blocks as within_blocks
from .figure import detection_figure as detection_figure

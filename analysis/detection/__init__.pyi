from ._detect import detect as detect
from .circuits import circuits as circuits
from .curves import Areas as Areas
from .curves import areas as areas
from .figure import detection_figure as detection_figure

from .diagram import wiring as wiring
from .panels import wiring_panels as wiring_panels

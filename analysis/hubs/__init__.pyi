from .figure import hubs as hubs
from .scores import hub_scores as hub_scores

from .copying import copying_figure as copying_figure
from .figure import hubs as hubs
from .kinds import hubs_of_kind as hubs_of_kind
from .kinds_figure import identity as identity
from .scores import hub_scores as hub_scores

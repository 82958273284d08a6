from .figure import identity as identity
from .hubs_of_kind import hubs_of_kind as hubs_of_kind

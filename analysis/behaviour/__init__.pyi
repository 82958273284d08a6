from ._behaviour import behaviour as behaviour
from ._behaviour import labels_of as labels_of
from .attention_scores import BEHAVIOURS as BEHAVIOURS
from .attention_scores import attended as attended
from .figure import behaviour_figure as behaviour_figure

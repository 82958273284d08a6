from ._behaviour import behaviour as behaviour
from ._behaviour import chance_in_words as chance_in_words
from ._behaviour import labels_of as labels_of
from .attention_scores import BEHAVIOURS as BEHAVIOURS
from .attention_scores import CHANCES as CHANCES
from .attention_scores import attended as attended
from .attention_scores import uniform as uniform
from .figure import behaviour_figure as behaviour_figure

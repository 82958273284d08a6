from .bridge import open_model as open_model
from .prompts import Prompts as Prompts
from .prompts import prompts_for as prompts_for

from ._abruptness import Abruptness as Abruptness
from ._abruptness import abruptness as abruptness
from ._abruptness import change_of as change_of
from ._trajectory import trajectory as trajectory
from .checkpoints import Checkpoint as Checkpoint
from .checkpoints import checkpoint_table as checkpoint_table
from .checkpoints import checkpoints as checkpoints
from .figure import training_figure as training_figure

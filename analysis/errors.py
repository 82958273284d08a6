"""Problems that studies, figures and pages state.

AnalysisError               one sentence for the user, exit code 1
├── RunningError            a model that cannot be run
├── TrainingError           checkpoints or curves of training that cannot be followed
├── PatchingError           prompts, heads or a model that patching cannot work with
└── FigureError             nothing to draw, or no such kind of picture file
"""

from headgraph.base.errors import HeadgraphError


class AnalysisError(HeadgraphError):
    """Base of all errors of this room."""


class FigureError(AnalysisError):
    """A figure that cannot be drawn from this table or written in this format."""


class PatchingError(AnalysisError):
    """Prompts, heads or a model that cannot be patched or ablated."""


class RunningError(AnalysisError):
    """A model that cannot be run: tensors or libraries are missing."""


class TrainingError(AnalysisError):
    """Checkpoints that are missing or cannot be followed, or a curve without a change."""

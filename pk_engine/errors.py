"""Errors of the engine.

EngineError                 one sentence for the user, exit code 1
├── ModelError              a folder, hub id or configuration that cannot be used
│   ├── UnknownFamily       no family file describes this model type
│   └── WeightsError        a tensor is missing, has another shape, or holds NaN or Inf
├── TableError              a score file that is no table, is damaged or contradicts itself
├── SelectionError          rules that exclude each other or lie outside their range
└── LabelsError             a label file that does not fit the model

`OutputExists`, for an output file that exists already, is defined in `base.errors`.
"""

from headgraph.base.errors import HeadgraphError
from headgraph.base.errors import OutputExists as OutputExists
from headgraph.base.spelling import either


class EngineError(HeadgraphError):
    """Base of every error of pk_engine."""


class ModelError(EngineError):
    """A model that cannot be read: no such folder, no configuration, no weights."""


class UnknownFamily(ModelError):
    """A model type that no file in pk_engine/models/families describes."""


class WeightsError(ModelError):
    """Tensors that are missing, misshapen, or not finite."""


class TableError(EngineError):
    """A score table that lacks something, holds NaN, or contradicts itself."""


class SelectionError(EngineError):
    """Selection rules that exclude each other or lie outside their range."""


class LabelsError(EngineError):
    """A label file that cannot be read or names heads that the model does not have."""


INSTALL_LENS = "pip install 'headgraph[lens]' (in a clone: pip install -e '.[lens]')"
"""How to install TransformerLens, for a message."""
COMPUTE = either("headgraph.compute", "headgraph compute")
"""The function or command that makes a table, for a message."""

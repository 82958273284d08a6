"""What can go wrong between weights and scores.

EngineError                 one sentence for the user, exit code 1
├── ModelError              a folder, hub id or configuration that cannot be used
│   ├── UnknownFamily       no family file describes this model type
│   └── WeightsError        a tensor is missing, has another shape, or holds NaN or Inf
├── TableError              a score file that is not what it claims to be
├── SelectionError          rules that exclude each other or make no sense
└── LabelsError             a label file that does not fit the model

OutputExists, a file that is there when --force was not given, is `base.errors`'s.
"""

from headgraph.base.errors import HeadgraphError
from headgraph.base.errors import OutputExists as OutputExists


class EngineError(HeadgraphError):
    """Base of every problem that pk_engine states."""


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
"""What helps where TransformerLens is missing."""

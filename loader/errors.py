"""What can go wrong between scores and graph.

LoaderError             one sentence for the user, exit code 1
├── AnnotationError     behaviour scores that do not fit the run's model
├── BadRunName          a name for a run that cannot be used
├── ExportError         a graph that cannot be written to files
├── NameTaken           another table or selection is loaded under this name
├── NothingToLoad       the selection keeps no pair of the file
├── OfflineRefused      an import where a database is not the local server's, or not empty
└── TakenOver           another load or drop of the same run went on in place of this one

UnknownRun, no run of this name, is `base.errors`'s, because queries and pages raise it too.
"""

from headgraph.base.errors import HeadgraphError
from headgraph.base.errors import UnknownRun as UnknownRun


class LoaderError(HeadgraphError):
    """Base of every problem that loader states."""


class BadRunName(LoaderError):
    """A name for a run that cannot be used."""


class NameTaken(LoaderError):
    """Another table, or another selection of this one, is loaded under the name."""


class NothingToLoad(LoaderError):
    """The selection keeps no pair of the file."""


class TakenOver(LoaderError):
    """Another load or drop of the same run went on in place of this one."""


class AnnotationError(LoaderError):
    """Behaviour scores that cannot be read, or are not those of the run's model."""


class ExportError(LoaderError):
    """A graph that cannot be written to files: another ending, a value that no format holds."""


class OfflineRefused(LoaderError):
    """An offline load into a database that is not the local server's, or not empty."""

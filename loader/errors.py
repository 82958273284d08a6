"""What can go wrong between scores and graph.

LoaderError             one sentence for the user, exit code 1
├── AnnotationError     behaviour scores that do not fit the run's model
├── BadRunName          a name that no run can have
├── ExportError         a graph that cannot be written to files
├── NameTaken           another table or selection is loaded under this name
├── NothingToLoad       the selection keeps no pair of the file
├── OfflineRefused      an offline load into another server, or into a database that is not empty
├── TakenOver           another load or drop removed the run that this load was writing
└── UnreadableExport    a file that export did not write, or that was changed since

UnknownRun, no run of this name, lies in `base.errors`, because queries and pages raise it too.

The messages name calls of Python and commands in one text (`base.spelling`); `RUNS`, `LOAD` and
`drop_call` are the ones that several modules need.
"""

from headgraph.base.errors import HeadgraphError
from headgraph.base.errors import UnknownRun as UnknownRun
from headgraph.base.spelling import either

RUNS = either("runs(graph)", "headgraph runs")
LOAD = either("load()", "headgraph load")


def drop_call(run: str) -> str:
    """The call that drops a run: `drop(graph, 'gpt2')` and `headgraph drop gpt2`."""
    return either(f"drop(graph, {run!r})", f"headgraph drop {run}")


class LoaderError(HeadgraphError):
    """Base of every problem that loader states."""


class BadRunName(LoaderError):
    """A name that no run can have."""


class NameTaken(LoaderError):
    """Another table, or another selection of this one, is loaded under the name."""


class NothingToLoad(LoaderError):
    """The selection keeps no pair of the file."""


class TakenOver(LoaderError):
    """Another load or drop removed the run that this load was writing."""


class AnnotationError(LoaderError):
    """Behaviour scores that cannot be read, or that are not those of the run's model."""


class ExportError(LoaderError):
    """A graph that cannot be written to files: an unknown ending, a value that no format holds."""


class OfflineRefused(LoaderError):
    """An offline load into a server that is not the local one, or into a database with content."""


class UnreadableExport(LoaderError):
    """A file to import that `export` did not write, or that was changed since."""

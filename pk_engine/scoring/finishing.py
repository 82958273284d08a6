"""The output of a job, which lies at its place before the file that it resumes from is removed."""

from collections.abc import Callable
from pathlib import Path

from headgraph.base.errors import HeadgraphError, OutputExists
from headgraph.base.files.documents import shown
from headgraph.base.files.output import writable
from headgraph.base.spelling import argument, either
from headgraph.base.text import short
from headgraph.pk_engine.errors import EngineError, TableError
from headgraph.pk_engine.table.affinity import AffinityTable


def write_table(table: AffinityTable, path: Path, partial: Path | None, *, force: bool) -> None:
    """Write a table, unless a command that was killed afterwards has written the same.

    Args:
        table: the table.
        path: its file.
        partial: the file with the scores, which is still there; None for a job without one.
        force: whether another file may be replaced.

    Raises:
        OutputExists: another file is there and `force` is false.
        TableError: it cannot be written.
    """

    def is_there() -> bool:
        try:
            return AffinityTable.read(path).sha256 == table.sha256
        except TableError:
            return False

    write_once(path, lambda: table.write(path, force=force), is_there, partial, force=force)


def write_once(
    path: Path,
    write: Callable[[], object],
    is_there: Callable[[], bool],
    partial: Path | None,
    *,
    force: bool,
) -> None:
    """Write the output of a job, unless it is there already.

    Args:
        path: the file.
        write: writes it.
        is_there: whether the file is what would be written.
        partial: the file with the scores, which is still there; None for a job without one.
        force: whether another file may be replaced.

    Raises:
        OutputExists: another file is there and `force` is false.
        HeadgraphError: that of `write`. Each error says where the scores stay.
    """
    try:
        if path.exists() and not force:
            if is_there():
                return
            writable(path, force=False, problem=EngineError)
        write()
    except HeadgraphError as error:
        if partial is None or not partial.is_file():
            raise
        if isinstance(error, OutputExists):
            raise exists_beside(partial, path) from error
        raise type(error)(
            f"{error.message.marked}; the scores stay in {short(partial.name)}, from which "
            f"{either('the same call', 'the same command')} resumes"
        ) from error


def exists_beside(partial: Path, path: Path) -> OutputExists:
    """The error for an output that exists beside scores of this job.

    Another name for the output would leave them behind, so it is no advice here.
    """
    again = either("make the same call", "run the same command")
    return OutputExists(
        f"{shown(path)} exists already: move it and {again}, or give {argument('force', True)} to "
        f"replace it; both resume from {short(partial.name)}"
    )

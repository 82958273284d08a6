"""A graph written to files in a format chosen by the ending, whole files or none."""

import os
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from headgraph.base.files.documents import reason, shown
from headgraph.base.files.output import beside, folder_of_files, made, writable
from headgraph.base.text import quoted
from headgraph.loader.errors import ExportError
from headgraph.loader.exports.formats import Format, format_of
from headgraph.loader.exports.sources import content_of
from headgraph.loader.loading.plan import AnyLabels
from headgraph.loader.report import ExportReport
from headgraph.pk_engine.table.selection import Selection
from headgraph.pk_engine.table.sources import AnyTable

if TYPE_CHECKING:
    from headgraph.graphdb.connection.runner import Runner


def export(
    source: AnyTable | None,
    output: str | os.PathLike[str],
    graph: "Runner | None" = None,
    *,
    format: str | None = None,
    selection: Selection | None = None,
    labels: AnyLabels = None,
    name: str | None = None,
    force: bool = False,
) -> ExportReport:
    """Write the graph of a table, or of a run in the database, for other tools.

    A table and the run that it was loaded as give the same graph, property for property. Edges are
    written while they are made or read, so memory holds only the table, or a part of the run.

    Args:
        source: as for `to_networkx`.
        output: file to write, or folder for `csv`; the ending sets the format.
        graph: an open database; `source` is then a run in it.
        format: a name in `loader.exports.FORMATS`, in place of the ending.
        selection: as for `to_networkx`.
        labels: as for `to_networkx`.
        name: as for `to_networkx`.
        force: replace existing files.

    Raises:
        ExportError: an ending without a format, a graph that the format cannot hold, or a place
            that cannot be written.
        OutputExists: the file exists and `force` is false.
        EngineError, LoaderError, GraphError: as `to_networkx`.
    """
    chosen = format_of(Path(output), format)
    paths = output_paths(Path(output), chosen, force=force)  # before the work, not after it
    content = content_of(source, graph, selection=selection, labels=labels, name=name)
    try:
        with made(Path(output)) if chosen.names else nullcontext(), ExitStack() as stack:
            chosen.write(content, *(stack.enter_context(beside(path)) for path in paths))
    except OSError as error:
        raise ExportError(f"cannot write {shown(output)}: {reason(error)}") from error
    return ExportReport(
        files=tuple(paths),
        run=str(content.run["name"]),
        heads=len(content.heads),
        edges=content.n_edges,
        notes=content.notes,
    )


def output_paths(output: Path, format: Format, *, force: bool) -> list[Path]:
    """The files, if they can be written; errors as `export`."""
    if not output.name:
        raise ExportError(
            f"{quoted(str(output))} names neither a file nor a folder of its own: expected a name "
            f"such as gpt2{format.ending}"
        )
    if not format.names:
        return [writable(output, force=force, problem=ExportError)]
    return folder_of_files(output, format.names, force=force, problem=ExportError)

"""All runs of a database, each in a file of one folder: all files or none."""

import os
from contextlib import ExitStack
from pathlib import Path

from headgraph.base.files.documents import reason, shown
from headgraph.base.files.output import beside, folder_of_files, made
from headgraph.base.spelling import either
from headgraph.base.text import quoted
from headgraph.graphdb import schema
from headgraph.graphdb.connection.runner import Runner
from headgraph.graphdb.runs import unknown_run
from headgraph.loader._runs import check_name, runs
from headgraph.loader.errors import BadRunName, ExportError
from headgraph.loader.exports.formats import FORMATS, Format
from headgraph.loader.exports.sources import graph_of_run
from headgraph.loader.report import ExportReport


def export_all(
    folder: str | os.PathLike[str],
    graph: Runner,
    *,
    format: str = "json",
    force: bool = False,
) -> list[ExportReport]:
    """Write every complete run of a database into a folder, for `import_runs` or for other tools.

    A file has the name of its run. The folder need not exist. It gets all files or none.

    >>> headgraph.export_all("backup", graph)                              # doctest: +SKIP

    Args:
        folder: where the files go.
        graph: an open database.
        format: a format that is one file (`headgraph export --help` lists the formats).
        force: replace existing files.

    Returns:
        A report for each run, by name.

    Raises:
        UnknownRun: the database holds no complete run.
        ExportError: a format of several files, or a run or place that cannot be written.
        OutputExists: a file exists and `force` is false.
        GraphError: the database cannot be read.
    """
    chosen = _format(format)
    names = _names(graph)
    files = [f"{name}{chosen.ending}" for name in names]
    paths = folder_of_files(folder, files, force=force, problem=ExportError)
    reports = []
    try:
        with made(Path(folder)), ExitStack() as stack:
            for name, path in zip(names, paths, strict=True):
                content = graph_of_run(graph, name)
                chosen.write(content, stack.enter_context(beside(path)))
                report = ExportReport(
                    files=(path,),
                    run=name,
                    heads=len(content.heads),
                    edges=content.n_edges,
                    notes=content.notes,
                )
                reports.append(report)
    except OSError as error:
        raise ExportError(f"cannot write {shown(folder)}: {reason(error)}") from error
    return reports


def _names(graph: Runner) -> list[str]:
    found = runs(graph)
    names = [str(name) for name in found.loc[found["status"] == schema.COMPLETE, "name"]]
    if not names:
        raise unknown_run("*", names)
    for name in names:
        try:
            check_name(name)
        except BadRunName as error:
            raise ExportError(
                f"the run {quoted(name)} cannot be the name of a file: "
                f"{either('export() each run', 'export each run')} to a file of your choice"
            ) from error
    return names


def _format(name: str) -> Format:
    single = [known for known, format in FORMATS.items() if not format.names]
    if name not in single:
        raise ExportError(
            f"no format {quoted(name)} for all runs: expected one of {', '.join(single)}"
        )
    return FORMATS[name]

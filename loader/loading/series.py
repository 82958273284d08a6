"""The tables of a training run become runs of one series, each as `load` writes it."""

import os
from collections.abc import Callable
from pathlib import Path

from headgraph.base.files.documents import expanded, reason, shown
from headgraph.base.progress import Progress
from headgraph.base.spelling import either
from headgraph.base.text import listed
from headgraph.graphdb.connection.runner import Runner
from headgraph.loader._runs import default_name
from headgraph.loader.errors import LoaderError
from headgraph.loader.loading.load import load
from headgraph.loader.loading.plan import AnyLabels
from headgraph.loader.report import LoadReport
from headgraph.pk_engine.table.affinity import AffinityTable, read_meta
from headgraph.pk_engine.table.selection import Selection


def load_series(
    folder: str | os.PathLike[str],
    graph: Runner | None,
    *,
    selection: Selection | None = None,
    labels: AnyLabels = None,
    replace: bool = False,
    dry_run: bool = False,
    progress: Progress | None = None,
    say: Callable[[str], None] | None = None,
) -> list[LoadReport]:
    """Write the tables in a folder into the graph, each as the run of its step.

    One table is read at a time. A table that is loaded already changes nothing, so a call that was
    interrupted can be repeated.

    Args:
        folder: has tables of one training run, `*.parquet`, as `headgraph.trajectory` writes them.
        graph: as for `load`.
        selection: as for `load`, the same for every table.
        labels: as for `load`.
        replace: as for `load`.
        dry_run: as for `load`.
        progress: called after each table with the number of tables done and of all tables.
        say: as for `load`.

    Returns:
        A report for each table, by step.

    Raises:
        LoaderError: no tables, a table of no series, of two series, or two of one step. Nothing
            is loaded then.
        EngineError, LoaderError, GraphError: as for `load`, for the first table that cannot be
            loaded; those before it are.
    """
    paths = tables_in(folder)
    reports = []
    for number, path in enumerate(paths):
        table = AffinityTable.read(path)
        reports.append(
            load(
                table, graph, selection=selection, labels=labels, replace=replace, dry_run=dry_run,
                say=say,
            )
        )  # fmt: skip
        if progress:
            progress("tables", number + 1, len(paths))
    return reports


def tables_in(folder: str | os.PathLike[str]) -> list[Path]:
    """The tables of a folder by step; their metadata says that they are of one series.

    Raises:
        LoaderError: as `load_series`.
    """
    if not os.fspath(folder):
        raise LoaderError("the folder has no name: expected one with tables of a training run")
    folder = expanded(folder, problem=LoaderError)
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix == ".parquet")
    except OSError as error:
        raise LoaderError(
            f"{shown(folder)} cannot be read as a folder: {reason(error)}; expected one with the "
            "tables of a training run"
        ) from error
    if not paths:
        trajectory = either(
            "trajectory(RUN, tables=FOLDER)", "headgraph trajectory RUN --tables FOLDER"
        )
        raise LoaderError(
            f"{shown(folder)} has no *.parquet: expected the tables of a training run, as "
            f"{trajectory} writes them"
        )
    metas = {path: read_meta(path) for path in paths}
    for path, meta in metas.items():
        if meta.series is None or meta.step is None:
            raise LoaderError(
                f"{shown(path)} is not of a training run: its metadata has no series and step; "
                "load it by itself"
            )
    if len(series := sorted({str(meta.series) for meta in metas.values()})) > 1:
        raise LoaderError(
            f"{shown(folder)} has tables of {len(series)} training runs ({listed(series)}): "
            "expected those of one"
        )
    names: dict[str, Path] = {}
    for path, meta in metas.items():
        other = names.setdefault(default_name(meta), path)
        if other is not path:
            raise LoaderError(
                f"{shown(other)} and {path.name} are both run {default_name(meta)}: expected one "
                "table a step"
            )
    return sorted(paths, key=lambda path: float(metas[path].step or 0))

"""The run that a load, a query, an export or a page means, and the errors if there is none."""

from collections.abc import Collection

from headgraph.base.errors import RunNotNamed, UnknownRun
from headgraph.base.spelling import argument, either
from headgraph.base.text import did_you_mean, listed, quoted

_LOAD = either("headgraph.load(table, graph)", "headgraph load FILE")
_RUNS = either("headgraph.runs(graph)", "headgraph runs")


def chosen_run(run: str | None, known: Collection[str]) -> str:
    """The named run, or the only one.

    Args:
        run: name of the run, or None.
        known: names of the complete runs.

    Raises:
        UnknownRun: no run has this name, or there is no run at all.
        RunNotNamed: no run is named, and there are several.
    """
    if run is not None:
        if run not in known:
            raise unknown_run(run, known)
        return run
    if not known:
        raise UnknownRun(f"the database holds no run: {_LOAD} makes one")
    if len(known) > 1:
        raise RunNotNamed(
            f"the database holds {len(known)} runs ({listed(known, 8)}): say which with "
            f"{argument('run', 'NAME')}"
        )
    return next(iter(known))


def unknown_run(run: str, known: Collection[str]) -> UnknownRun:
    """The error for a run that is not among the known ones."""
    if not known:
        return UnknownRun(f"no run {quoted(run)}: the database holds none; {_LOAD} makes one")
    hint = did_you_mean(run, known)
    return UnknownRun(
        f"no run {quoted(run)}{hint}: the database holds {listed(known)} (see {_RUNS})"
    )

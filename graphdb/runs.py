"""Which run is meant: one answer, and one error, for loads, queries, exports and pages."""

from collections.abc import Collection

from headgraph.base.errors import RunNotNamed, UnknownRun
from headgraph.base.suggestions import did_you_mean
from headgraph.base.text import listed, quoted


def chosen_run(run: str | None, known: Collection[str]) -> str:
    """The run that is named, or the only one there is.

    Args:
        run: its name, or None.
        known: names of the complete runs.

    Raises:
        UnknownRun: there is none of this name, or none at all.
        RunNotNamed: none is named and there are several.
    """
    if run is not None:
        if run not in known:
            raise unknown_run(run, known)
        return run
    if not known:
        raise UnknownRun("the database holds no run: headgraph load FILE makes one")
    if len(known) > 1:
        raise RunNotNamed(
            f"the database holds {len(known)} runs ({listed(known, 8)}): say which with --run NAME"
        )
    return next(iter(known))


def unknown_run(run: str, known: Collection[str]) -> UnknownRun:
    """The error for a run that is not among these."""
    if not known:
        return UnknownRun(
            f"no run {quoted(run)}: the database holds none; headgraph load FILE makes one"
        )
    hint = did_you_mean(run, known)
    return UnknownRun(
        f"no run {quoted(run)}{hint}: the database holds {listed(known)} (see headgraph runs)"
    )

"""The command `headgraph plan`."""

from typing import TYPE_CHECKING, Any

import click

from headgraph.pk_engine.options import scoring_options, tower_option

if TYPE_CHECKING:
    import pandas as pd


@click.command()
@click.argument("model")
@scoring_options
@tower_option
@click.option(
    "--no-time", is_flag=True, help="Do not measure this machine, and leave out the time."
)
def plan(
    model: str,
    scoring: dict[str, Any],
    tower: str | None,
    no_time: bool,
) -> "pd.DataFrame":
    """Estimate what compute would cost for MODEL: pairs, operations, memory, time.

    MODEL is as for compute, but its config.json is enough, in a folder or as a path. The time
    holds for this machine, which is measured for a second. It excludes the start of Python and
    reads from a slow disk.

    Example: headgraph plan induction-2l
    """
    from headgraph.pk_engine.planning._plan import plan as run

    return run(model, calibrate=not no_time, tower=tower, **scoring).frame()

"""The command `headgraph plan`."""

from typing import TYPE_CHECKING, Any

import click

from headgraph.pk_engine.options import scoring_options

if TYPE_CHECKING:
    import pandas as pd


@click.command()
@click.argument("model")
@scoring_options
@click.option("--no-time", is_flag=True, help="Leave out the second of measuring, and the time.")
def plan(
    model: str,
    scoring: dict[str, Any],
    no_time: bool,
) -> "pd.DataFrame":
    """Say what compute would cost for MODEL: pairs, operations, memory, time.

    MODEL is as for compute, but its config.json is enough, in a folder or as a path. The time is
    that of this machine, which is measured for a second; starting Python and a slow disk come on
    top.

    Example: headgraph plan induction-2l
    """
    from headgraph.pk_engine.planning._plan import plan as run

    return run(model, calibrate=not no_time, **scoring).frame()

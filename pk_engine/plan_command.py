"""The command `headgraph plan`."""

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    import pandas as pd


@click.command()
@click.argument("model")
@click.option("--pairings", default="OQ,OK,OV", show_default=True, help="Roles, or all.")
@click.option("--metrics", default="pk", show_default=True, help="Scores, such as pk,cs,cka.")
@click.option(
    "--kv",
    type=click.Choice(["native", "expand"]),
    default="native",
    show_default=True,
    help="Key/value heads once, or a row per query head.",
)
@click.option(
    "--layer-order",
    type=click.Choice(["forward", "all", "within"]),
    default="forward",
    show_default=True,
    help="Earlier to later layers, any, or within a layer.",
)
@click.option("--revision", metavar="REV", help="Branch, tag or commit of a hub id.")
@click.option("--no-time", is_flag=True, help="Leave out the second of measuring, and the time.")
def plan(
    model: str,
    pairings: str,
    metrics: str,
    kv: str,
    layer_order: str,
    revision: str | None,
    no_time: bool,
) -> "pd.DataFrame":
    """Say what compute would cost for MODEL: pairs, operations, memory, time.

    MODEL is as for compute, but its config.json is enough, in a folder or as a path. The time is
    that of this machine, which is measured for a second; starting Python and a slow disk come on
    top.

    Example: headgraph plan induction-2l
    """
    from pk_engine.planning import plan as run

    found = run(
        model,
        pairings=pairings,
        metrics=[metric.strip().lower() for metric in metrics.split(",")],
        kv=kv,
        layer_order=layer_order,
        revision=revision,
        calibrate=not no_time,
    )
    return found.frame()

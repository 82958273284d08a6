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
    help="Key/value heads once, or a row per query head.  [default: native, with cs expand]",
)
@click.option(
    "--layer-order",
    type=click.Choice(["forward", "all", "within"]),
    default="forward",
    show_default=True,
    help="Earlier to later layers, any, or within a layer.",
)
@click.option(
    "--backend",
    type=click.Choice(["auto", "numpy", "torch"]),
    default="auto",
    show_default=True,
    help="Array library.",
)
@click.option("--device", metavar="D", help="cpu, cuda, cuda:N or mps.  [default: the best]")
@click.option(
    "--dtype",
    type=click.Choice(["float32", "float64"]),
    default="float32",
    show_default=True,
    help="Precision of the arithmetic.",
)
@click.option(
    "--memory",
    type=click.FloatRange(min=0, min_open=True),
    default=2.0,
    show_default=True,
    metavar="GB",
    help="For factors; less means more passes over the files.",
)
@click.option("--revision", metavar="REV", help="Branch, tag or commit of a hub id.")
@click.option("--no-time", is_flag=True, help="Leave out the second of measuring, and the time.")
def plan(
    model: str,
    pairings: str,
    metrics: str,
    kv: str | None,
    layer_order: str,
    backend: str,
    device: str | None,
    dtype: str,
    memory: float,
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
        backend=backend,
        device=device,
        dtype=dtype,
        memory=memory,
        revision=revision,
        calibrate=not no_time,
    )
    return found.frame()

"""The command `headgraph plan`."""

from typing import TYPE_CHECKING, Any

import click

from headgraph.base.names import NULLS
from headgraph.pk_engine.options import refuse_together, scoring_options, tower_option

if TYPE_CHECKING:
    import pandas as pd


@click.command()
@click.argument("model")
@scoring_options
@tower_option
@click.option(
    "--no-time", is_flag=True, help="Do not measure this machine, and leave out the time."
)
@click.option(
    "--calibrate",
    metavar="FILE",
    help="Write the speed of this machine to a file, for --machine on another one.",
)
@click.option(
    "--machine", metavar="FILE", help="Plan for the machine in this file, written by --calibrate."
)
@click.option(
    "--gflops",
    type=float,
    metavar="G",
    help="Plan for a machine that multiplies large float32 matrices at this rate, in GFLOP/s.",
)
@click.option(
    "--memory-bandwidth",
    type=float,
    metavar="GB/S",
    help="With --gflops, memory bandwidth in GB/s.  [default: 10]",
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    metavar="N",
    default=1,
    show_default=True,
    help="Plan for this many workers of a cluster.",
)
@click.option("--null", metavar="NAMES", help=f"Count these null models too: {', '.join(NULLS)}.")
@click.option(
    "--samples", type=int, metavar="N", help="Number of samples for --null, as for compute."
)
@click.option("--force", is_flag=True, help="With --calibrate, replace an existing file.")
def plan(
    model: str,
    scoring: dict[str, Any],
    tower: str | None,
    no_time: bool,
    calibrate: str | None,
    machine: str | None,
    gflops: float | None,
    memory_bandwidth: float | None,
    workers: int,
    null: str | None,
    samples: int | None,
    force: bool,
) -> "pd.DataFrame":
    """Estimate what compute would cost for MODEL: pairs, operations, memory, time.

    MODEL is as for compute, but its config.json is enough, in a folder or as a path. The time
    holds for this machine, which is measured for a second, or for another one (--machine,
    --gflops). It excludes the start of Python and reads from a slow disk. The last rows show the
    best --memory, and what more memory or more workers of a cluster would take.

    Example: headgraph plan induction-2l
    """
    from headgraph.base.files.output import writable
    from headgraph.pk_engine.errors import EngineError
    from headgraph.pk_engine.planning._plan import plan as run

    refuse_together(calibrate=calibrate, machine=machine, gflops=gflops)
    defaults = {"backend": "auto", "device": None, "dtype": "float32"}
    for name, usual in defaults.items():  # the machine has its own
        given = None if scoring[name] == usual else scoring[name]
        refuse_together(**{"machine": machine, name: given})
    timed = {"calibrate": calibrate, "machine": machine, "gflops": gflops, "null": null,
             "workers": workers if workers > 1 else None}  # fmt: skip
    for name, value in timed.items():
        refuse_together(**{name: value, "no_time": no_time or None})
    if force and calibrate is None:
        raise click.UsageError("--force without --calibrate: give both")
    if calibrate is not None:
        writable(calibrate, force=force, problem=EngineError)  # refuse it before the work
    found = run(
        model,
        calibrate=not no_time,
        tower=tower,
        machine=machine,
        gflops=gflops,
        memory_bandwidth=memory_bandwidth,
        workers=workers,
        null=null or (),
        samples=samples,
        **scoring,
    )
    if calibrate is not None:
        if found.machine is None:
            raise EngineError(
                f"this machine has no {found.backend} to measure: run this on the machine that has"
            )
        found.machine.write(calibrate, force=force)
    return found.frame()

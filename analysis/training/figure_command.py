"""`headgraph figure training`."""

import click

from headgraph.analysis.figures.options import picture_options, write_picture
from headgraph.pk_engine.options import pairings_option, refuse_together


@click.command()
@click.argument("run")
@click.option(
    "--pairs", metavar="LIST", help="Pairs to follow, such as L0H7>L1H2:OK, separated by commas."
)
@click.option(
    "--top",
    metavar="N",
    type=int,
    help="Follow the N strongest pairs of each pairing at the last step.  [default: 1]",
)
@pairings_option("Pairings for --top.")
@click.option(
    "--seed",
    metavar="N",
    type=int,
    default=0,
    show_default=True,
    help="Random seed for the tokens.",
)
@picture_options
def training(
    run: str,
    pairs: str | None,
    top: int | None,
    pairings: str,
    seed: int,
    output: str,
    dark: bool,
    force: bool,
) -> str:
    """Draw loss, PK and behaviour over the checkpoints of a RUN.

    RUN is as for headgraph trajectory, or a CSV file that it wrote.

    Example: headgraph figure training induction-2l -o training.svg
    """
    from headgraph.analysis.training.figure import training_figure

    refuse_together(pairs=pairs, top=top)
    return write_picture(
        lambda: training_figure(run, pairs=pairs, top=top, pairings=pairings, seed=seed, dark=dark),
        output,
        force=force,
    )

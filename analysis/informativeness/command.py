"""How far each pairing lies from random subspaces, at the command line."""

from typing import TYPE_CHECKING

import click

from headgraph.base.progress import bar_on_terminal
from headgraph.pk_engine.options import revision_option

if TYPE_CHECKING:
    import pandas as pd


@click.command()
@click.argument("model")
@click.option(
    "--resamples",
    type=int,
    metavar="N",
    default=1000,
    show_default=True,
    help="Number of bootstrap resamples.",
)
@click.option(
    "--level", type=float, default=0.95, show_default=True, help="Confidence level of the interval."
)
@click.option(
    "--seed", type=int, default=0, show_default=True, help="Random seed for the resampling."
)
@revision_option
def informativeness(
    model: str, resamples: int, level: float, seed: int, revision: str | None
) -> "pd.DataFrame":
    """Measure how far all 16 pairings of MODEL lie from random subspaces.

    MODEL is what compute takes, or a table of compute --all --pairings all. Each row has the mean
    PK, the random reference and the divergence in nats. kl uses the paper's bins. kl_sd uses bins
    in units of the reference's sd, with an interval, to compare models. floored is the share of kl
    that the floor decides.

    Example: headgraph informativeness induction-2l
    """
    from headgraph.analysis.informativeness._informativeness import informativeness as run

    with bar_on_terminal() as progress:
        return run(
            model,
            resamples=resamples,
            level=level,
            seed=seed,
            revision=revision,
            progress=progress,
        )

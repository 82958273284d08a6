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
    "--resamples", type=int, metavar="N", default=1000, show_default=True, help="For the interval."
)
@click.option("--level", type=float, default=0.95, show_default=True, help="Of the interval.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the resampling.")
@revision_option
def informativeness(
    model: str, resamples: int, level: float, seed: int, revision: str | None
) -> "pd.DataFrame":
    """Mean PK, random reference and divergence of all 16 pairings of MODEL.

    MODEL is what compute takes, or a table of compute --all --pairings all. kl has the bins of the
    paper, in nats; kl_sd has bins in units of the reference's sd and an interval, for comparing
    models; floored says how much of kl the floor decides.

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

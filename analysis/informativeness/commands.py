"""The commands `headgraph informativeness` and `headgraph figure informativeness`."""

from typing import TYPE_CHECKING

import click

from headgraph.analysis.options import (
    level_option,
    picture_options,
    resamples_option,
    seed_option,
    write_picture,
)
from headgraph.base.progress import bar_on_terminal
from headgraph.pk_engine.options import revision_option

if TYPE_CHECKING:
    import pandas as pd


@click.command()
@click.argument("model")
@resamples_option
@level_option
@seed_option("the resampling")
@revision_option
def informativeness(
    model: str, resamples: int, level: float, seed: int, revision: str | None
) -> "pd.DataFrame":
    """Measure how far all 16 pairings of MODEL lie from random subspaces.

    MODEL is what compute takes, or a table of compute --all --pairings all. Each row has the mean
    PK, the random reference and the divergence in nats. kl uses the paper's bins. kl_sd uses bins
    in units of the reference's sd, with an interval, to compare models. floored is the
    probability that the reference gives to bins without a pair.

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


@click.command("informativeness")
@click.argument("model")
@picture_options
def draw_informativeness(model: str, output: str, dark: bool, force: bool) -> str:
    """Draw how far the 16 pairings of MODEL lie from random subspaces.

    A map shows the divergences by source and target role. Beside it are the scores of the pairings
    with the highest and the lowest divergence, with the random reference. MODEL is as for headgraph
    informativeness.

    Example: headgraph figure informativeness induction-2l -o informativeness.svg
    """
    from headgraph.analysis.informativeness.figure import informativeness_figure

    return write_picture(lambda: informativeness_figure(model, dark=dark), output, force=force)

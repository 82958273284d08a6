"""The commands `headgraph nulls` and `headgraph figure nulls`."""

from typing import TYPE_CHECKING

import click

from headgraph.analysis.options import fdr_option, picture_options, seed_option, write_picture
from headgraph.base.progress import bar_on_terminal
from headgraph.pk_engine.options import pairings_option, revision_option

if TYPE_CHECKING:
    import pandas as pd


@click.command()
@click.argument("model")
@pairings_option()
@click.option(
    "--null",
    default="isotropic,covariance,rotations,backward,within",
    show_default=True,
    metavar="NAMES",
    help="Null models to compare pairs with.",
)
@fdr_option
@seed_option("the samples")
@click.option(
    "--samples", type=int, metavar="N", help="Number of samples; see docs/studies/nulls.md."
)
@revision_option
def nulls(
    model: str,
    pairings: str,
    null: str,
    fdr: float,
    seed: int,
    samples: int | None,
    revision: str | None,
) -> "pd.DataFrame":
    """Count the pairs of MODEL that stand out from each null model.

    MODEL is what compute takes, or a table of compute --fdr 1 --null NAMES, which already has the
    columns. A null model gives the scores of unrelated heads. The null model rotations is the
    slowest.

    Example: headgraph nulls induction-2l
    """
    from headgraph.analysis.nulls._nulls import nulls as run

    with bar_on_terminal() as progress:
        return run(
            model,
            pairings=pairings,
            null=null,
            fdr=fdr,
            seed=seed,
            samples=samples,
            revision=revision,
            progress=progress,
        )


@click.command("nulls")
@click.argument("models", metavar="MODEL...", nargs=-1, required=True)
@fdr_option
@picture_options
def draw_nulls(models: tuple[str, ...], fdr: float, output: str, dark: bool, force: bool) -> str:
    """Draw how many pairs of each MODEL stand out from each null model.

    MODEL is as for headgraph nulls. Up to four models have a panel each.

    Example: headgraph figure nulls induction-2l -o nulls.svg
    """
    from headgraph.analysis.nulls.figure import nulls_figure

    return write_picture(lambda: nulls_figure(*models, fdr=fdr, dark=dark), output, force=force)

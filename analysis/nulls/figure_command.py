"""`headgraph figure nulls`."""

import click

from headgraph.analysis.figures.options import picture_options, write_picture


@click.command()
@click.argument("models", metavar="MODEL...", nargs=-1, required=True)
@click.option(
    "--fdr", type=float, metavar="A", default=0.05, show_default=True, help="False discovery rate."
)
@picture_options
def nulls(models: tuple[str, ...], fdr: float, output: str, dark: bool, force: bool) -> str:
    """Draw how many pairs of each MODEL stand out from each null model.

    MODEL is as for headgraph nulls. Up to four models have a panel each.

    Example: headgraph figure nulls induction-2l -o nulls.svg
    """
    from headgraph.analysis.nulls.figure import nulls_figure

    return write_picture(lambda: nulls_figure(*models, fdr=fdr, dark=dark), output, force=force)

"""The command `headgraph figure scatter`."""

import click

from headgraph.analysis.options import picture_options, write_picture
from headgraph.pk_engine.options import pairings_option


@click.command("scatter")
@click.argument("model", default="gpt2-small")
@picture_options
@click.option(
    "--metric", metavar="NAME", default="cs", show_default=True, help="Metric to compare with PK."
)
@click.option(
    "--top-percent", metavar="P", type=float, default=3.0, show_default=True,
    help="Percentage of each pairing that each metric keeps.",
)  # fmt: skip
@pairings_option("Pairings to draw, a panel each.")
def draw_scatter(
    model: str,
    output: str,
    metric: str,
    top_percent: float,
    pairings: str,
    dark: bool,
    force: bool,
) -> str:
    """Draw PK against another metric, with the cutoff of each.

    MODEL is a model, or a table of all its pairs. Colours show which metric keeps a pair: both, PK
    only, the other only, or neither.

    Example: headgraph figure scatter gpt2-small -o scatter.svg
    """
    from headgraph.analysis.scatter.figure import scatter as draw

    return write_picture(
        lambda: draw(model, metric=metric, top_percent=top_percent, pairings=pairings, dark=dark),
        output,
        force=force,
    )

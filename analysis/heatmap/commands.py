"""The command `headgraph figure heatmap`."""

import click

from headgraph.analysis.options import picture_options, write_picture
from headgraph.pk_engine.options import layer_order_option, pairings_option


@click.command("heatmap")
@click.argument("model", default="gpt2-small")
@picture_options
@pairings_option()
@click.option(
    "--by",
    type=click.Choice(["auto", "layer", "head"]),
    default="auto",
    show_default=True,
    help="Size of a cell; auto is head for one pairing of a model with at most 256 heads.",
)
@click.option("--metric", metavar="NAME", default="pk", show_default=True, help="Metric to draw.")
@layer_order_option
def draw_heatmap(
    model: str,
    output: str,
    pairings: str,
    by: str,
    metric: str,
    layer_order: str,
    dark: bool,
    force: bool,
) -> str:
    """Draw scores as heatmaps, by layer or by head.

    MODEL is a model, or a table of all its pairs. Sources go to the right, targets up. By layer,
    the cells are the mean and the largest score of two layers.

    Example: headgraph figure heatmap gpt2-small --pairings OK -o ok.png
    """
    from headgraph.analysis.heatmap.figure import heatmap as draw

    return write_picture(
        lambda: draw(
            model, pairings=pairings, by=by, metric=metric, layer_order=layer_order, dark=dark
        ),
        output,
        force=force,
    )

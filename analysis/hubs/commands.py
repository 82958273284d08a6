"""The command `headgraph figure hubs`."""

import click

from headgraph.analysis.options import labels_option, picture_options, write_picture
from headgraph.pk_engine.options import pairings_option


@click.command("hubs")
@click.argument("model", default="gpt2-small")
@picture_options
@pairings_option("Pairings whose edges count.")
@click.option(
    "--top-percent", metavar="P", type=float, default=3.0, show_default=True,
    help="Percentage of each pairing's strongest pairs that count; 100 is all.",
)  # fmt: skip
@labels_option()
def draw_hubs(
    model: str,
    output: str,
    pairings: str,
    top_percent: float,
    labels: str | None,
    dark: bool,
    force: bool,
) -> str:
    """Draw the inlet score of each head against its outlet score.

    MODEL is a model or a table, selected or with all pairs. Inlet and outlet are sums of z over a
    head's edges. Colours show roles, and the greatest hubs are named.

    Example: headgraph figure hubs gpt2-small -o hubs.svg
    """
    from headgraph.analysis.hubs.figure import hubs as draw

    return write_picture(
        lambda: draw(model, pairings=pairings, top_percent=top_percent, labels=labels, dark=dark),
        output,
        force=force,
    )

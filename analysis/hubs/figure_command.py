"""The command `headgraph figure hubs`."""

import click

from headgraph.analysis.figures.options import picture_options, write_picture
from headgraph.pk_engine.options import pairings_option


@click.command()
@click.argument("model", default="gpt2-small")
@picture_options
@pairings_option("Edges that count.")
@click.option(
    "--top-percent", metavar="P", type=float, default=3.0, show_default=True,
    help="Edges are the strongest of each pairing; 100 is all.",
)  # fmt: skip
@click.option("--labels", metavar="FILE|none", help="Head roles; default: those known.")
def hubs(
    model: str,
    output: str,
    pairings: str,
    top_percent: float,
    labels: str | None,
    dark: bool,
    force: bool,
) -> str:
    """Draw how much flows into each head against how much flows out of it.

    MODEL is a model, or a table, cut or whole. Inlet and outlet are sums of z over a head's edges;
    colours say its role, and the greatest are named.

    Example: headgraph figure hubs gpt2-small -o hubs.svg
    """
    from headgraph.analysis.hubs.figure import hubs as draw

    return write_picture(
        lambda: draw(model, pairings=pairings, top_percent=top_percent, labels=labels, dark=dark),
        output,
        force=force,
    )

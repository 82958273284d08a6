"""The command `headgraph figure robustness`."""

import click

from headgraph.analysis.figures.options import picture_options, write_picture
from headgraph.pk_engine.options import metrics_option, pairings_option


@click.command()
@click.argument("model")
@picture_options
@pairings_option("Pairings to draw, a column each.")
@metrics_option("pk,cs,simple_cs,cka", "Metrics to compare.")
@click.option("--name", metavar="NAME", help="Name of the model in the title.")
def robustness(
    model: str,
    output: str,
    pairings: str,
    metrics: str,
    name: str | None,
    dark: bool,
    force: bool,
) -> str:
    """Draw how much folding and centring MODEL changes each metric.

    Example: headgraph figure robustness induction-2l -o robustness.svg
    """
    from headgraph.analysis.robustness.figure import robustness_figure

    names = [part.strip().lower() for part in metrics.split(",") if part.strip()]
    return write_picture(
        lambda: robustness_figure(model, pairings=pairings, metrics=names, name=name, dark=dark),
        output,
        force=force,
    )

"""The commands `headgraph robustness` and `headgraph figure robustness`."""

from typing import TYPE_CHECKING

import click

from headgraph.analysis.options import metric_names, picture_options, write_picture
from headgraph.pk_engine.options import metrics_option, pairings_option, revision_option

if TYPE_CHECKING:
    import pandas as pd


@click.command()
@click.argument("model")
@pairings_option()
@metrics_option("pk,cs,simple_cs,cka", "Metrics to compare.")
@revision_option
def robustness(model: str, pairings: str, metrics: str, revision: str | None) -> "pd.DataFrame":
    """Compare each metric between raw, folded and centred weights of MODEL.

    Folding the norm before attention into Q, K and V, and subtracting the mean from what heads
    write, do not change what a model computes. Variants that would change it are left out. spearman
    is over all pairs; top20_overlap is the share of the 20 strongest pairs that stay among them.

    Example: headgraph robustness induction-2l --metrics pk,cs
    """
    from headgraph.analysis.robustness._robustness import robustness as compare

    names = metric_names(metrics)
    return compare(model, pairings=pairings, metrics=names, revision=revision)


@click.command("robustness")
@click.argument("model")
@picture_options
@pairings_option("Pairings to draw, a column each.")
@metrics_option("pk,cs,simple_cs,cka", "Metrics to compare.")
@click.option("--name", metavar="NAME", help="Name of the model in the title.")
def draw_robustness(
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

    names = metric_names(metrics)
    return write_picture(
        lambda: robustness_figure(model, pairings=pairings, metrics=names, name=name, dark=dark),
        output,
        force=force,
    )

"""The command `headgraph robustness`."""

from typing import TYPE_CHECKING

import click

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

    names = [name.strip().lower() for name in metrics.split(",") if name.strip()]
    return compare(model, pairings=pairings, metrics=names, revision=revision)

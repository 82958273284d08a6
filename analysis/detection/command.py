"""The command `headgraph detect`."""

from typing import TYPE_CHECKING

import click

from headgraph.base.terminal import say
from headgraph.pk_engine.options import metrics_option, revision_option

if TYPE_CHECKING:
    import pandas as pd


@click.command()
@click.argument("model")
@click.option(
    "--task",
    type=click.Choice(["heads", "classes", "edges"]),
    default="heads",
    show_default=True,
    help="Find labelled heads, pairs of one class, or edges of the IOI circuit.",
)
@metrics_option()
@click.option("--labels", metavar="FILE", help="Head roles.  [default: the bundled labels]")
@click.option(
    "--resamples", type=int, default=1000, show_default=True, help="Number of bootstrap resamples."
)
@click.option(
    "--level",
    type=float,
    default=0.95,
    show_default=True,
    help="Confidence level of the intervals.",
)
@click.option(
    "--seed", type=int, default=0, show_default=True, help="Random seed for the resampling."
)
@revision_option
def detect(
    model: str,
    task: str,
    metrics: str | None,
    labels: str | None,
    resamples: int,
    level: float,
    seed: int,
    revision: str | None,
) -> "pd.DataFrame":
    """Measure how well each metric finds the labelled heads of MODEL.

    MODEL is what compute takes, or a table of compute --all. Compare a PR-AUC with the prevalence,
    which is the PR-AUC of a random score.

    Example: headgraph detect gpt2-small --metrics pk,cs
    """
    from headgraph.analysis.detection._detect import detect as run
    from headgraph.analysis.detection._detect import leaders

    names = metrics.split(",") if metrics else None
    rows = run(
        model,
        task=task,
        metrics=names,
        labels=labels,
        resamples=resamples,
        level=level,
        seed=seed,
        revision=revision,
    )
    if "pk" in set(rows["metric"]):
        say(leaders(rows))
    return rows

"""The commands `headgraph detect`, `circuits` and `figure detection`."""

from typing import TYPE_CHECKING

import click

from headgraph.analysis.options import (
    labels_option,
    level_option,
    metric_names,
    picture_options,
    resamples_option,
    seed_option,
    write_picture,
)
from headgraph.base.terminal import say
from headgraph.pk_engine.options import metrics_option, revision_option

if TYPE_CHECKING:
    import pandas as pd


_task_option = click.option(
    "--task",
    type=click.Choice(["heads", "classes", "edges"]),
    default="heads",
    show_default=True,
    help="Find labelled heads, pairs of one class, or edges of the IOI circuit.",
)


@click.command()
@click.argument("model")
@_task_option
@metrics_option()
@labels_option("FILE")
@resamples_option
@level_option
@seed_option("the resampling")
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
    which is the PR-AUC of a random score. Compare a ROC-AUC with that of the row layers, which
    scores every item by its layers alone. within_layers compares items of the same layers only.

    Example: headgraph detect gpt2-small --metrics pk,cs
    """
    from headgraph.analysis.detection._detect import depth, leaders
    from headgraph.analysis.detection._detect import detect as run

    names = metric_names(metrics) if metrics is not None else None
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
        if sentence := leaders(rows):
            say(sentence)
        say(depth(rows))
    return rows


@click.command()
@click.argument("model")
@labels_option("FILE", "Label file with a column circuit.")
@click.option("--samples", metavar="N", type=int, default=10_000, show_default=True,
              help="Number of random sets of heads.")  # fmt: skip
@seed_option("the sets")
@revision_option
def circuits(
    model: str, labels: str | None, samples: int, seed: int, revision: str | None
) -> "pd.DataFrame":
    """Test whether the labelled circuits of MODEL are denser in PK than chance.

    Compare the mean z among a circuit's heads with that of random sets with as many heads in the
    same layers. MODEL is what compute takes, or a table of compute --all.

    Example: headgraph circuits gpt2-small
    """
    from headgraph.analysis.detection.circuits import circuits as run

    return run(model, labels=labels, samples=samples, seed=seed, revision=revision)


@click.command("detection")
@click.argument("model")
@_task_option
@metrics_option()
@labels_option("FILE")
@seed_option("the resampling")
@picture_options
def draw_detection(
    model: str,
    task: str,
    metrics: str | None,
    labels: str | None,
    seed: int,
    output: str,
    dark: bool,
    force: bool,
) -> str:
    """Draw how well each metric finds the labelled heads of MODEL.

    Each metric and pairing has a dot with its bootstrap interval. MODEL and the options are as for
    headgraph detect.

    Example: headgraph figure detection gpt2-small --metrics pk,cs -o detection.svg
    """
    from pathlib import Path

    from headgraph.analysis.detection import detect
    from headgraph.analysis.detection.figure import detection_figure

    names = metric_names(metrics) if metrics is not None else None
    return write_picture(
        lambda: detection_figure(
            detect(model, task=task, metrics=names, labels=labels, seed=seed),
            model=Path(model).stem,
            dark=dark,
        ),
        output,
        force=force,
    )

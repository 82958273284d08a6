"""`headgraph figure detection`."""

import click

from headgraph.analysis.figures.options import picture_options, write_picture
from headgraph.pk_engine.options import metrics_option


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
    "--seed", type=int, default=0, show_default=True, help="Random seed for the resampling."
)
@picture_options
def detection(
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

    names = metrics.split(",") if metrics else None
    return write_picture(
        lambda: detection_figure(
            detect(model, task=task, metrics=names, labels=labels, seed=seed),
            model=Path(model).stem,
            dark=dark,
        ),
        output,
        force=force,
    )

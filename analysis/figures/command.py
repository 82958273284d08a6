"""The command `headgraph figure`; its pictures are a module each in `pictures`."""

import click

from headgraph.analysis.ablation.figure_command import ablation
from headgraph.analysis.behaviour.figure_command import behaviour
from headgraph.analysis.detection.figure_command import detection
from headgraph.analysis.heatmap.figure_command import heatmap
from headgraph.analysis.hubs.figure_command import hubs
from headgraph.analysis.identity.figure_command import identity
from headgraph.analysis.informativeness.figure_command import informativeness
from headgraph.analysis.nulls.figure_command import nulls
from headgraph.analysis.patching.figure_command import causality
from headgraph.analysis.robustness.figure_command import robustness
from headgraph.analysis.scatter.figure_command import scatter
from headgraph.analysis.training.figure_command import training
from headgraph.analysis.wiring.figure_command import wiring


@click.group()
def figure() -> None:
    """Draw a figure of a table or a model as SVG, PNG or PDF.

    Example: headgraph figure wiring gpt2-small -o wiring.svg
    """


for _picture in (
    wiring,
    heatmap,
    hubs,
    scatter,
    informativeness,
    nulls,
    robustness,
    causality,
    ablation,
    behaviour,
    training,
    detection,
    identity,
):
    figure.add_command(_picture)

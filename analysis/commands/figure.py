"""The command `headgraph figure`; its pictures are a module each in `pictures`."""

import click

from analysis.commands.pictures.ablation import ablation
from analysis.commands.pictures.behaviour import behaviour
from analysis.commands.pictures.causality import causality
from analysis.commands.pictures.detection import detection
from analysis.commands.pictures.heatmap import heatmap
from analysis.commands.pictures.hubs import hubs
from analysis.commands.pictures.identity import identity
from analysis.commands.pictures.informativeness import informativeness
from analysis.commands.pictures.nulls import nulls
from analysis.commands.pictures.robustness import robustness
from analysis.commands.pictures.scatter import scatter
from analysis.commands.pictures.training import training
from analysis.commands.pictures.wiring import wiring


@click.group()
def figure() -> None:
    """Draw a picture of a table or a model: SVG, PNG or PDF, all in one style.

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

"""The command `headgraph figure`; its pictures are a module each in `pictures`."""

import click

from headgraph.analysis.commands.pictures.ablation import ablation
from headgraph.analysis.commands.pictures.behaviour import behaviour
from headgraph.analysis.commands.pictures.causality import causality
from headgraph.analysis.commands.pictures.detection import detection
from headgraph.analysis.commands.pictures.heatmap import heatmap
from headgraph.analysis.commands.pictures.hubs import hubs
from headgraph.analysis.commands.pictures.identity import identity
from headgraph.analysis.commands.pictures.informativeness import informativeness
from headgraph.analysis.commands.pictures.nulls import nulls
from headgraph.analysis.commands.pictures.robustness import robustness
from headgraph.analysis.commands.pictures.scatter import scatter
from headgraph.analysis.commands.pictures.training import training
from headgraph.analysis.commands.pictures.wiring import wiring


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

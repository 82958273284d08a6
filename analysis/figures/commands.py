"""The command `headgraph figure`, a group with a command for each figure."""

import click

from headgraph.analysis.ablation.commands import draw_ablation
from headgraph.analysis.behaviour.commands import draw_behaviour
from headgraph.analysis.detection.commands import draw_detection
from headgraph.analysis.difference.commands import draw_difference
from headgraph.analysis.heatmap.commands import draw_heatmap
from headgraph.analysis.hubs.commands import draw_copying, draw_hubs, draw_identity
from headgraph.analysis.informativeness.commands import draw_informativeness
from headgraph.analysis.nulls.commands import draw_nulls
from headgraph.analysis.patching.commands import draw_causality
from headgraph.analysis.robustness.commands import draw_robustness
from headgraph.analysis.scatter.commands import draw_scatter
from headgraph.analysis.training.commands import draw_training
from headgraph.analysis.wiring.commands import draw_wiring


@click.group()
def figure() -> None:
    """Draw a figure of a table or a model as SVG, PNG or PDF.

    Example: headgraph figure wiring gpt2-small -o wiring.svg
    """


for _picture in (
    draw_wiring,
    draw_heatmap,
    draw_hubs,
    draw_copying,
    draw_scatter,
    draw_informativeness,
    draw_nulls,
    draw_robustness,
    draw_causality,
    draw_ablation,
    draw_behaviour,
    draw_training,
    draw_detection,
    draw_identity,
    draw_difference,
):
    figure.add_command(_picture)

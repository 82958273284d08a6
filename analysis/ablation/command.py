"""The command `headgraph ablate`."""

from typing import TYPE_CHECKING, Any

import click

from headgraph.analysis.running.options import prompt_options
from headgraph.pk_engine.options import refuse_together

if TYPE_CHECKING:
    from pandas import DataFrame


@click.command()
@click.argument("model")
@click.option(
    "--role", metavar="ROLE|all", multiple=True, help="Heads of this role; may be given again."
)
@click.option("--hubs", metavar="N", type=int, help="The N greatest hubs.")
@click.option("--heads", metavar="LIST", help="These heads, such as L0H1,L1H5.")
@click.option("--labels", metavar="FILE|none", help="Who has which role; default: those known.")
@click.option(
    "--top-percent",
    metavar="P",
    type=float,
    default=3,
    show_default=True,
    help="Strongest pairs of each pairing that make hubs.",
)
@click.option(
    "--samples",
    metavar="N",
    type=int,
    default=200,
    show_default=True,
    help="Random sets of as many heads to compare with.",
)
@click.option("--match-layers", is_flag=True, help="Random sets have as many heads in each layer.")
@prompt_options
def ablate(model: str, role: tuple[str, ...], **options: Any) -> "DataFrame":
    """Print the loss of MODEL without some heads, beside the loss without as many random ones.

    An ablated head writes its mean over the prompts at each position. delta is the loss that this
    adds, in nats per token; low to high is where 95 % of the random sets lie.

    Example: headgraph ablate induction-2l --role induction --hubs 3
    """
    from headgraph.analysis.ablation import ablate as without

    refuse_together(prompts=options["prompts"], text_file=options["text_file"])
    rows: DataFrame = without(model, role=list(role) or None, **options)
    return rows

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
    "--role",
    metavar="ROLE|all",
    multiple=True,
    help="Ablate the heads of this role; repeat for more roles.",
)
@click.option("--hubs", metavar="N", type=int, help="Ablate the N greatest hubs.")
@click.option("--heads", metavar="LIST", help="Ablate these heads, such as L0H1,L1H5.")
@click.option("--labels", metavar="FILE|none", help="Head roles.  [default: the bundled labels]")
@click.option(
    "--top-percent",
    metavar="P",
    type=float,
    default=3,
    show_default=True,
    help="Percentage of each pairing's strongest pairs that count for hubs.",
)
@click.option(
    "--samples",
    metavar="N",
    type=int,
    default=200,
    show_default=True,
    help="Random sets of equally many heads to compare with.",
)
@click.option(
    "--match-layers", is_flag=True, help="Draw random sets with as many heads in each layer."
)
@prompt_options
def ablate(model: str, role: tuple[str, ...], **options: Any) -> "DataFrame":
    """Measure the loss of MODEL without some heads, and without equally many random heads.

    An ablated head writes its mean over the prompts at each position. delta is the added loss in
    nats per token. 95 % of the random sets lie between low and high.

    Example: headgraph ablate induction-2l --role induction --hubs 3
    """
    from headgraph.analysis.ablation import ablate as without

    refuse_together(prompts=options["prompts"], text_file=options["text_file"])
    rows: DataFrame = without(model, role=list(role) or None, **options)
    return rows

"""The commands `headgraph ablate` and `headgraph figure ablation`."""

from typing import TYPE_CHECKING, Any

import click

from headgraph.analysis.options import labels_option, picture_options, prompt_options, write_picture
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
@labels_option()
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
    from headgraph.analysis.ablation import ablate as run

    refuse_together(prompts=options["prompts"], text_file=options["text_file"])
    rows: DataFrame = run(model, role=list(role) or None, **options)
    return rows


@click.command("ablation")
@click.argument("files", nargs=-1, required=True)
@picture_options
def draw_ablation(files: tuple[str, ...], output: str, dark: bool, force: bool) -> str:
    """Draw the loss without heads beside the loss without equally many random heads.

    FILES are the output of headgraph ablate --format csv. Each model has a panel.

    Example: headgraph figure ablation rows.csv -o ablation.svg
    """
    from headgraph.analysis.ablation.figure import ablation_figure

    return write_picture(lambda: ablation_figure(files, dark=dark), output, force=force)

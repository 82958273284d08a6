"""The command `headgraph figure wiring`."""

from typing import Any

import click

from headgraph.analysis.options import labels_option, picture_options, write_picture


@click.command("wiring")
@click.argument("table", default="gpt2-small")
@picture_options
@click.option(
    "--per-pairing",
    metavar="N",
    type=int,
    help="Draw the N strongest pairs of OQ, OK and OV.  [default: 20, or a third of the heads if "
    "fewer]",
)
@labels_option()
@click.option(
    "--metric",
    metavar="pk|cs",
    default="pk",
    show_default=True,
    help="Metric that ranks the pairs.",
)
@click.option(
    "--tokens",
    metavar="MODEL",
    help="The table's model; list the nearest tokens in each box.",
)
@click.option("--panels", is_flag=True, help="Draw a panel for each pairing, on one scale.")
@click.option(
    "--behaviour", metavar="FILE", help="With --panels, shade heads by the scores in this CSV file."
)
def draw_wiring(
    table: str,
    output: str,
    per_pairing: int | None,
    labels: str | None,
    metric: str,
    tokens: str | None,
    panels: bool,
    behaviour: str | None,
    dark: bool,
    force: bool,
) -> str:
    """Draw the strongest pairs of TABLE as lines between its heads.

    TABLE is a file that compute wrote, or a model; the default is the bundled gpt2-small. Layers go
    up, head indices to the right. A line enters a head on the left as query, in the middle as key,
    on the right as value. At most 500 lines are drawn. With --panels, each pairing has its own
    panel. This suits a model of two layers, for which all pairs are drawn.

    Example: headgraph figure wiring t.parquet -o wiring.svg --per-pairing 10
    """
    from headgraph.analysis.wiring.diagram import wiring as draw

    if panels and tokens is not None:
        raise click.UsageError(
            "--panels and --tokens exclude each other: a panel has no room for tokens"
        )
    if behaviour is not None and not panels:
        raise click.UsageError("--behaviour requires --panels, whose heads it shades")

    def picture() -> Any:
        return draw(
            table,
            per_pairing=per_pairing,
            labels=labels,
            metric=metric,
            tokens=tokens,
            panels=panels,
            behaviour=behaviour,
            dark=dark,
        )

    return write_picture(picture, output, force=force)

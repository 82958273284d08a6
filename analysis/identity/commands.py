"""The command `headgraph figure identity`."""

import click

from headgraph.analysis.options import labels_option, picture_options, write_picture


@click.command("identity")
@click.argument("model", default="gpt2-small")
@click.option(
    "--kind",
    metavar="NAME",
    default="identity",
    show_default=True,
    help="Role or behaviour of the heads.",
)
@labels_option("FILE")
@click.option("--behaviour", metavar="FILE", help="Scores that headgraph behaviour -o wrote.")
@click.option(
    "--threshold",
    type=float,
    default=0.5,
    show_default=True,
    help="Lowest behaviour score that counts.",
)
@picture_options
def draw_identity(
    model: str,
    kind: str,
    labels: str | None,
    behaviour: str | None,
    threshold: float,
    output: str,
    dark: bool,
    force: bool,
) -> str:
    """Draw the hub scores of one kind of heads among all heads of MODEL.

    MODEL is a table of all pairs, or what compute takes.

    Example: headgraph figure identity gpt2-small -o identity.svg
    """
    from headgraph.analysis.identity.figure import identity as draw

    return write_picture(
        lambda: draw(
            model, kind=kind, labels=labels, behaviour=behaviour, threshold=threshold, dark=dark
        ),
        output,
        force=force,
    )

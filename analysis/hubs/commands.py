"""The commands `headgraph figure hubs`, `figure copying` and `figure identity`."""

import click

from headgraph.analysis.options import labels_option, picture_options, write_picture
from headgraph.pk_engine.options import pairings_option


@click.command("hubs")
@click.argument("model", default="gpt2-small")
@picture_options
@pairings_option("Pairings whose edges count.")
@click.option(
    "--top-percent", metavar="P", type=float, default=3.0, show_default=True,
    help="Percentage of each pairing's strongest pairs that count; 100 is all.",
)  # fmt: skip
@labels_option()
def draw_hubs(
    model: str,
    output: str,
    pairings: str,
    top_percent: float,
    labels: str | None,
    dark: bool,
    force: bool,
) -> str:
    """Draw the inlet score of each head against its outlet score.

    MODEL is a model or a table, selected or with all pairs. Inlet and outlet are sums of z over a
    head's edges. Colours show roles, and the greatest hubs are named.

    Example: headgraph figure hubs gpt2-small -o hubs.svg
    """
    from headgraph.analysis.hubs.figure import hubs as draw

    return write_picture(
        lambda: draw(model, pairings=pairings, top_percent=top_percent, labels=labels, dark=dark),
        output,
        force=force,
    )


@click.command("copying")
@click.argument("model", default="gpt2-small")
@picture_options
@labels_option()
def draw_copying(model: str, output: str, labels: str | None, dark: bool, force: bool) -> str:
    """Draw which heads write what they read, and which its negative.

    MODEL is a model or a table. Copying is 1 where a head writes what it reads and -1 where it
    writes the negative. Self-overlap is the share of what it writes that lies in what it reads.
    Hubs are ringed; erasers and copiers, derived from the weights, are named.

    Example: headgraph figure copying gpt2-small -o copying.svg
    """
    from headgraph.analysis.hubs.copying import copying_figure as draw

    return write_picture(lambda: draw(model, labels=labels, dark=dark), output, force=force)


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
    from headgraph.analysis.hubs.kinds_figure import identity as draw

    return write_picture(
        lambda: draw(
            model, kind=kind, labels=labels, behaviour=behaviour, threshold=threshold, dark=dark
        ),
        output,
        force=force,
    )

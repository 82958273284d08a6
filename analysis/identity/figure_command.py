"""`headgraph figure identity`."""

import click

from headgraph.analysis.figures.options import picture_options, write_picture


@click.command()
@click.argument("model", default="gpt2-small")
@click.option(
    "--kind", metavar="NAME", default="identity", show_default=True, help="A role or behaviour."
)
@click.option("--labels", metavar="FILE", help="Head roles; default: those known.")
@click.option("--behaviour", metavar="FILE", help="Scores of headgraph behaviour -o.")
@click.option(
    "--threshold", type=float, default=0.5, show_default=True, help="The least that counts."
)
@picture_options
def identity(
    model: str,
    kind: str,
    labels: str | None,
    behaviour: str | None,
    threshold: float,
    output: str,
    dark: bool,
    force: bool,
) -> str:
    """Draw heads of one kind among all heads of MODEL, by how much of a hub they are.

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

"""`headgraph figure causality`."""

import click

from headgraph.analysis.figures.options import picture_options, write_picture


@click.command()
@click.argument("files", nargs=-1, required=True)
@click.option(
    "--measure",
    metavar="effect|local|gain",
    default="effect",
    show_default=True,
    help="Measure to draw against PK.",
)
@picture_options
def causality(files: tuple[str, ...], measure: str, output: str, dark: bool, force: bool) -> str:
    """Draw PK against the effect of patching, from rows of verify-edge.

    FILES are the output of headgraph verify-edge --format csv. Each model has a row of panels, each
    pairing a column.

    Example: headgraph figure causality edges.csv -o causality.svg
    """
    from headgraph.analysis.patching.figure import causality as draw

    return write_picture(lambda: draw(files, measure=measure, dark=dark), output, force=force)

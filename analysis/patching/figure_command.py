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
    help="What is drawn against PK.",
)
@picture_options
def causality(files: tuple[str, ...], measure: str, output: str, dark: bool, force: bool) -> str:
    """Draw PK against what patching does, from rows of verify-edge.

    FILES are what verify-edge printed with --format csv; each model gets a row of panels, each
    pairing a column.

    Example: headgraph figure causality edges.csv -o causality.svg
    """
    from headgraph.analysis.patching.figure import causality as draw

    return write_picture(lambda: draw(files, measure=measure, dark=dark), output, force=force)

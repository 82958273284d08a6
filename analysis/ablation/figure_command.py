"""`headgraph figure ablation`."""

import click

from headgraph.analysis.figures.options import picture_options, write_picture


@click.command()
@click.argument("files", nargs=-1, required=True)
@picture_options
def ablation(files: tuple[str, ...], output: str, dark: bool, force: bool) -> str:
    """Draw what ablating heads costs beside as many random heads, from rows of ablate.

    FILES are what ablate printed with --format csv; each model gets a panel.

    Example: headgraph figure ablation rows.csv -o ablation.svg
    """
    from headgraph.analysis.ablation.figure import ablation_figure

    return write_picture(lambda: ablation_figure(files, dark=dark), output, force=force)

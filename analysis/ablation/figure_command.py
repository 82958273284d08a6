"""`headgraph figure ablation`."""

import click

from headgraph.analysis.figures.options import picture_options, write_picture


@click.command()
@click.argument("files", nargs=-1, required=True)
@picture_options
def ablation(files: tuple[str, ...], output: str, dark: bool, force: bool) -> str:
    """Draw the loss without heads beside the loss without equally many random heads.

    FILES are the output of headgraph ablate --format csv. Each model has a panel.

    Example: headgraph figure ablation rows.csv -o ablation.svg
    """
    from headgraph.analysis.ablation.figure import ablation_figure

    return write_picture(lambda: ablation_figure(files, dark=dark), output, force=force)

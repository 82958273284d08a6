"""`headgraph figure informativeness`."""

import click

from headgraph.analysis.figures.options import picture_options, write_picture


@click.command()
@click.argument("model")
@picture_options
def informativeness(model: str, output: str, dark: bool, force: bool) -> str:
    """Draw how far the 16 pairings of MODEL lie from random subspaces.

    The divergences as a map of source weight by target weight, and the scores of the pairing with
    the highest and the lowest beside the random reference. MODEL as for informativeness.

    Example: headgraph figure informativeness induction-2l -o informativeness.svg
    """
    from headgraph.analysis.informativeness.figure import informativeness_figure

    return write_picture(lambda: informativeness_figure(model, dark=dark), output, force=force)

"""`headgraph figure informativeness`."""

import click

from headgraph.analysis.figures.options import picture_options, write_picture


@click.command()
@click.argument("model")
@picture_options
def informativeness(model: str, output: str, dark: bool, force: bool) -> str:
    """Draw how far the 16 pairings of MODEL lie from random subspaces.

    A map shows the divergences by source and target role. Beside it are the scores of the pairings
    with the highest and the lowest divergence, with the random reference. MODEL is as for headgraph
    informativeness.

    Example: headgraph figure informativeness induction-2l -o informativeness.svg
    """
    from headgraph.analysis.informativeness.figure import informativeness_figure

    return write_picture(lambda: informativeness_figure(model, dark=dark), output, force=force)

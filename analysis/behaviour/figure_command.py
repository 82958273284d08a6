"""`headgraph figure behaviour`."""

import click

from headgraph.analysis.figures.options import picture_options, write_picture


@click.command()
@click.argument("model")
@click.option(
    "--score",
    metavar="NAME",
    default="identity",
    show_default=True,
    help="Behaviour to draw: previous_token, duplicate_token, induction or identity.",
)
@click.option(
    "--text", metavar="TEXT", help="Draw the pattern on this text instead of random tokens."
)
@click.option(
    "--seed",
    metavar="N",
    type=int,
    default=0,
    show_default=True,
    help="Random seed for the tokens.",
)
@picture_options
def behaviour(
    model: str, score: str, text: str | None, seed: int, output: str, dark: bool, force: bool
) -> str:
    """Draw a behaviour score of the heads of MODEL, and the pattern of the highest head.

    Each head is a cell: layers go up, head indices to the right. Beside them is the attention
    pattern of the head with the highest score on one prompt. MODEL is as for headgraph behaviour.

    Example: headgraph figure behaviour induction-2l --score induction -o induction.svg
    """
    from headgraph.analysis.behaviour.figure import behaviour_figure

    return write_picture(
        lambda: behaviour_figure(model, score=score, text=text, seed=seed, dark=dark),
        output,
        force=force,
    )

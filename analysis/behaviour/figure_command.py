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
    help="previous_token, duplicate_token, induction or identity.",
)
@click.option("--text", metavar="TEXT", help="Text whose pattern is drawn; random tokens without.")
@click.option("--seed", metavar="N", type=int, default=0, show_default=True, help="Of the tokens.")
@picture_options
def behaviour(
    model: str, score: str, text: str | None, seed: int, output: str, dark: bool, force: bool
) -> str:
    """Draw what the heads of MODEL were measured to do, and the pattern of the best one.

    A cell for each head, layer up and head to the right; beside it the attention pattern of the
    head with the highest score, on one prompt. MODEL as for headgraph behaviour.

    Example: headgraph figure behaviour induction-2l --score induction -o induction.svg
    """
    from headgraph.analysis.behaviour.figure import behaviour_figure

    return write_picture(
        lambda: behaviour_figure(model, score=score, text=text, seed=seed, dark=dark),
        output,
        force=force,
    )

"""The command `headgraph tokens`."""

from typing import TYPE_CHECKING

import click

from headgraph.pk_engine.options import revision_option

if TYPE_CHECKING:
    import pandas as pd


@click.command()
@click.argument("model")
@click.argument("head", required=False)
@click.option("--role", default="Q,K,V,O", show_default=True, help="What the head reads or writes.")
@click.option("--top", metavar="N", type=int, default=10, show_default=True, help="Tokens of each.")
@click.option("--unembed", is_flag=True, help="Rows of the unembedding in place of the embedding.")
@click.option("--no-center", is_flag=True, help="Leave the mean over the vocabulary in.")
@click.option(
    "--order",
    type=click.Choice(["center-first", "normalize-first"]),
    default="center-first",
    show_default=True,
    help="Take the mean away before or after scaling to unit length.",
)
@revision_option
def tokens(
    model: str,
    head: str | None,
    role: str,
    top: int,
    unembed: bool,
    no_center: bool,
    order: str,
    revision: str | None,
) -> "pd.DataFrame":
    """List the tokens that lie most in a head's subspaces, the most first.

    MODEL is a folder with its embedding, a hub id, or the bundled induction-2l; HEAD such as L1H2,
    all heads without it. A score is the squared cosine between a token and the subspace.

    Example: headgraph tokens induction-2l L1H2 --role V,O --top 5
    """
    from headgraph.analysis.tokens.projection import tokens as find

    return find(
        model,
        head,
        role=role,
        top=top,
        unembed=unembed,
        center=not no_center,
        order=order,
        revision=revision,
    )

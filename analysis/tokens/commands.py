"""The command `headgraph tokens`."""

from typing import TYPE_CHECKING

import click

from headgraph.pk_engine.options import revision_option

if TYPE_CHECKING:
    import pandas as pd


@click.command()
@click.argument("model")
@click.argument("head", required=False)
@click.option(
    "--role",
    default="Q,K,V,O",
    show_default=True,
    help="Matrices of the head whose subspaces are used.",
)
@click.option(
    "--top",
    metavar="N",
    type=int,
    default=10,
    show_default=True,
    help="Number of tokens for each subspace.",
)
@click.option("--unembed", is_flag=True, help="Use the unembedding instead of the embedding.")
@click.option("--no-center", is_flag=True, help="Do not subtract the mean over the vocabulary.")
@click.option(
    "--order",
    type=click.Choice(["center-first", "normalize-first"]),
    default="center-first",
    show_default=True,
    help="Subtract the mean before or after scaling to unit length.",
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
    """List the tokens that lie most in a head's subspaces, highest score first.

    MODEL is a folder with its embedding, a hub id, or the bundled induction-2l. HEAD is a head such
    as L1H2; without it, all heads are listed. A score is the squared cosine between a token and the
    subspace.

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

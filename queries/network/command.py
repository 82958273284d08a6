"""`headgraph communities` and `headgraph motifs`."""

from typing import TYPE_CHECKING

import click

from headgraph.base.terminal import say
from headgraph.graphdb.options import connection_options
from headgraph.pk_engine.options import pairings_option
from headgraph.queries.options import run_option

if TYPE_CHECKING:
    import pandas as pd

    from headgraph.graphdb.connection.graph import Graph

_SEED = click.option(
    "--seed",
    type=click.IntRange(min=0),
    metavar="N",
    default=0,
    show_default=True,
    help="Random seed.",
)


@click.command()
@run_option
@pairings_option("Pairings whose edges count.")
@click.option(
    "--resolution",
    type=float,
    default=1.0,
    show_default=True,
    help="Resolution of Louvain; above 1, groups are smaller and more numerous.",
)
@_SEED
@click.option("--write", is_flag=True, help="Write `community` on the run's heads.")
@connection_options
def communities(
    run: str | None, pairings: str, resolution: float, seed: int, write: bool, graph: "Graph"
) -> "pd.DataFrame":
    """Find groups of heads with more strong edges inside than outside (Louvain).

    Louvain finds groups in random graphs too: compare the modularity with that of shuffled edges.
    A higher one is no sign of function: GPT-2's backward pairs, which carry nothing, have one too.
    With --write, the stored query `communities` and Neo4j Browser can use them.

    Example: headgraph communities --run gpt2-small --write
    """
    from headgraph.queries.network.communities import communities as find

    frame: pd.DataFrame = find(
        graph, run=run, pairings=pairings, resolution=resolution, seed=seed, write=write
    )
    say(
        f"modularity {frame.attrs['modularity']:.3f}, seed {seed}; "
        f"{frame.attrs['modularity_shuffled']:.3f} with edges shuffled within each pair of layers; "
        "overlap alone makes groups too"
    )
    return frame


@click.command()
@run_option
@click.option(
    "--samples", type=int, default=100, show_default=True, help="Number of random graphs."
)
@click.option(
    "--swaps",
    type=int,
    default=10,
    show_default=True,
    help="Random swaps of edges to try, for each edge.",
)
@click.option(
    "--strongest",
    type=int,
    default=1000,
    show_default=True,
    help="Number of strongest edges of each pairing to count motifs in.",
)
@_SEED
@connection_options
def motifs(
    run: str | None, samples: int, swaps: int, strongest: int, seed: int, graph: "Graph"
) -> "pd.DataFrame":
    """Compare motif counts with those of random graphs with the same degrees.

    p is not corrected for the number of motifs: of 30 rows, 1 or 2 are below .05 by chance.
    A low p is no sign of function: GPT-2's backward pairs, which carry nothing, form as many.

    Example: headgraph motifs --run gpt2-small --samples 200
    """
    from headgraph.queries.network.motifs import motifs as count

    frame: pd.DataFrame = count(
        graph, run=run, samples=samples, swaps=swaps, strongest=strongest, seed=seed
    )
    say(
        "overlap alone makes motifs: GPT-2's backward pairs, which carry nothing, form as many, so "
        "a low p is no sign of function"
    )
    return frame

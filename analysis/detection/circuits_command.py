"""The command `headgraph circuits`."""

from typing import TYPE_CHECKING

import click

from headgraph.pk_engine.options import revision_option

if TYPE_CHECKING:
    import pandas as pd


@click.command()
@click.argument("model")
@click.option(
    "--labels",
    metavar="FILE",
    help="Label file with a column circuit.  [default: the bundled labels]",
)
@click.option("--samples", metavar="N", type=int, default=10_000, show_default=True,
              help="Number of random sets of heads.")  # fmt: skip
@click.option(
    "--seed", metavar="N", type=int, default=0, show_default=True, help="Random seed for the sets."
)
@revision_option
def circuits(
    model: str, labels: str | None, samples: int, seed: int, revision: str | None
) -> "pd.DataFrame":
    """Test whether the labelled circuits of MODEL are denser in PK than chance.

    Compare the mean z among a circuit's heads with that of random sets with as many heads in the
    same layers. MODEL is what compute takes, or a table of compute --all.

    Example: headgraph circuits gpt2-small
    """
    from headgraph.analysis.detection.circuits import circuits as run

    return run(model, labels=labels, samples=samples, seed=seed, revision=revision)

"""The command `headgraph behaviour`."""

from typing import TYPE_CHECKING

import click

from headgraph.base.terminal import say
from headgraph.pk_engine.options import refuse_together, revision_option

if TYPE_CHECKING:
    import pandas as pd


@click.command()
@click.argument("model")
@click.option("--text", metavar="TEXT", help="A text to run on, in place of random tokens.")
@click.option("--prompts", metavar="FILE", help="Prompts, one a line: text or token numbers.")
@click.option(
    "--n-prompts", metavar="N", type=int, default=32, show_default=True, help="Random sequences."
)
@click.option("--length", metavar="N", type=int, help="Of the sequence that is repeated.")
@click.option("--seed", metavar="N", type=int, default=0, show_default=True, help="Of the tokens.")
@click.option("-o", "--output", metavar="FILE", help="CSV file to write the scores to as well.")
@click.option("--labels-out", metavar="FILE", help="Label file to write: heads above --threshold.")
@click.option(
    "--threshold", metavar="X", type=float, default=0.5, show_default=True, help="For --labels-out."
)
@revision_option
@click.option("--force", is_flag=True, help="Replace files that exist.")
def behaviour(
    model: str,
    text: str | None,
    prompts: str | None,
    n_prompts: int,
    length: int | None,
    seed: int,
    output: str | None,
    labels_out: str | None,
    threshold: float,
    revision: str | None,
    force: bool,
) -> "pd.DataFrame":
    """Measure what the heads of MODEL attend to when it runs.

    MODEL is a folder with all its weights, a hub id, or the bundled induction-2l; it is run on
    random tokens that repeat, or on prompts of your own. `headgraph annotate` puts the scores on
    the heads of a run, `--labels-out` makes them roles.

    Example: headgraph behaviour induction-2l -o behaviour.csv
    """
    from headgraph.analysis._files import csv_path, write_csv
    from headgraph.analysis.behaviour import behaviour as run
    from headgraph.analysis.behaviour import labels_of

    refuse_together(text=text, prompts=prompts)
    for path in filter(None, (output, labels_out)):
        csv_path(path, force=force)  # before the work, not after it
    scores: pd.DataFrame = run(
        model,
        text=text,
        prompts=prompts,
        n_prompts=n_prompts,
        length=length,
        seed=seed,
        revision=revision,
    )
    if output:
        say(write_csv(scores, output, force=force))
    if labels_out:
        labels = labels_of(scores, threshold)
        say(f"{write_csv(labels, labels_out, force=force)}: {len(labels)} roles")
    return scores

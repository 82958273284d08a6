"""The commands `headgraph behaviour` and `headgraph figure behaviour`."""

from typing import TYPE_CHECKING

import click

from headgraph.analysis.options import (
    picture_options,
    random_prompts_option,
    seed_option,
    write_picture,
)
from headgraph.base.terminal import say
from headgraph.pk_engine.options import refuse_together, revision_option

if TYPE_CHECKING:
    import pandas as pd


@click.command()
@click.argument("model")
@click.option("--text", metavar="TEXT", help="Run on this text instead of random tokens.")
@click.option(
    "--prompts", metavar="FILE", help="File of prompts, one a line, as text or token numbers."
)
@random_prompts_option
@click.option("--length", metavar="N", type=int, help="Length of the repeated sequence.")
@seed_option("the tokens")
@click.option("-o", "--output", metavar="FILE", help="Also write the scores to this CSV file.")
@click.option(
    "--labels-out", metavar="FILE", help="Write heads above --threshold to this label file."
)
@click.option(
    "--threshold",
    metavar="X",
    type=float,
    default=0.5,
    show_default=True,
    help="Lowest score that makes a label for --labels-out.",
)
@revision_option
@click.option("--force", is_flag=True, help="Replace existing files.")
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

    MODEL is a folder with all its weights, a hub id, or the bundled induction-2l. It runs on
    repeated random tokens, or on prompts of your own. Compare a score with its chance level, which
    uniform attention has on the same tokens. `headgraph annotate` writes the scores on the
    heads of a run; `--labels-out` turns them into roles.

    Example: headgraph behaviour induction-2l -o behaviour.csv
    """
    from headgraph.analysis._files import csv_path, write_csv
    from headgraph.analysis.behaviour import behaviour as run
    from headgraph.analysis.behaviour import chance_in_words, labels_of

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
    say(chance_in_words(scores))
    if output:
        say(write_csv(scores, output, force=force))
    if labels_out:
        labels = labels_of(scores, threshold)
        say(f"{write_csv(labels, labels_out, force=force)}: {len(labels)} roles")
    return scores


@click.command("behaviour")
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
@seed_option("the tokens")
@picture_options
def draw_behaviour(
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

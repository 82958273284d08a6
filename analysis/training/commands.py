"""The commands `headgraph trajectory` and `headgraph figure training`."""

from typing import TYPE_CHECKING

import click

from headgraph.analysis.options import (
    picture_options,
    random_prompts_option,
    seed_option,
    write_picture,
)
from headgraph.base.progress import bar_on_terminal
from headgraph.base.terminal import say
from headgraph.pk_engine.options import pairings_option, refuse_together
from headgraph.pk_engine.scoring.cluster.options import cluster_client, scheduler_options
from headgraph.pk_engine.scoring.progress import noting

if TYPE_CHECKING:
    import pandas as pd


_pairs_option = click.option(
    "--pairs", metavar="LIST", help="Pairs to follow, such as L0H7>L1H2:OK, separated by commas."
)
_top_option = click.option(
    "--top",
    metavar="N",
    type=int,
    help="Follow the N strongest pairs of each pairing at the last step.  [default: 1]",
)


@click.command()
@click.argument("run")
@_pairs_option
@_top_option
@pairings_option("Pairings for --top and for hub scores.")
@click.option(
    "--behaviour/--no-behaviour",
    default=True,
    show_default=True,
    help="Also run the model and measure behaviour.",
)
@random_prompts_option
@seed_option("the tokens")
@click.option("--steps", metavar="LIST", help="Only these steps, separated by commas.")
@click.option("--tables", metavar="FOLDER", help="Write each checkpoint's table to this folder.")
@click.option(
    "--resume", is_flag=True, help="Score only checkpoints whose table is missing in --tables."
)
@click.option(
    "--remove-fetched",
    is_flag=True,
    help="Delete each checkpoint's fetched files once it is done.",
)
@scheduler_options
@click.option("-o", "--output", metavar="FILE", help="Also write the rows to this CSV file.")
@click.option("--force", is_flag=True, help="Replace existing files.")
def trajectory(
    run: str,
    pairs: str | None,
    top: int | None,
    pairings: str,
    behaviour: bool,
    n_prompts: int,
    seed: int,
    steps: str | None,
    tables: str | None,
    resume: bool,
    remove_fetched: bool,
    scheduler: str | None,
    scheduler_file: str | None,
    output: str | None,
    force: bool,
) -> "pd.DataFrame":
    """Follow pairs of heads over the checkpoints of a training RUN.

    RUN is induction-2l, whose checkpoints ship with headgraph, a folder with a model folder step-N
    for each checkpoint, or a hub id with a branch stepN for each. An optional losses.csv with the
    columns step and loss gives the loss. Rows have PK, hub scores and behaviour at each step. Load
    the tables of --tables with headgraph load --series FOLDER, which names each run by its step.

    Example: headgraph trajectory induction-2l --pairs 'L0H7>L1H2:OK' -o trajectory.csv
    """
    from headgraph.analysis._files import csv_path, write_csv
    from headgraph.analysis.training import trajectory as follow

    refuse_together(pairs=pairs, top=top)
    if output:
        csv_path(output, force=force)  # before the work, not after it
    with cluster_client(scheduler, scheduler_file) as client, bar_on_terminal() as bar:
        rows: pd.DataFrame = follow(
            run,
            pairs=pairs,
            top=top,
            pairings=pairings,
            behaviour=behaviour,
            n_prompts=n_prompts,
            seed=seed,
            steps=steps,
            tables=tables,
            resume=resume,
            remove_fetched=remove_fetched,
            force=force,
            progress=noting(bar),
            client=client,
        )
    if output:
        say(write_csv(rows, output, force=force))
    return rows


@click.command("training")
@click.argument("run")
@_pairs_option
@_top_option
@pairings_option("Pairings for --top.")
@seed_option("the tokens")
@picture_options
def draw_training(
    run: str,
    pairs: str | None,
    top: int | None,
    pairings: str,
    seed: int,
    output: str,
    dark: bool,
    force: bool,
) -> str:
    """Draw loss, PK and behaviour over the checkpoints of a RUN.

    RUN is as for headgraph trajectory, or a CSV file that it wrote.

    Example: headgraph figure training induction-2l -o training.svg
    """
    from headgraph.analysis.training.figure import training_figure

    refuse_together(pairs=pairs, top=top)
    return write_picture(
        lambda: training_figure(run, pairs=pairs, top=top, pairings=pairings, seed=seed, dark=dark),
        output,
        force=force,
    )

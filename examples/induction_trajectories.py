"""PK of the edge, head scores and the loss over training: one CSV for each seed.

python examples/induction_trajectories.py --first 0 --seeds 5 --out out/trajectories

Trains by the recipe of `train_induction.py`, but for the same number of steps with every seed,
looks every 25 steps, and keeps figures, not weights.
The edge is the OK pair that scores highest at the end, followed back to the start.
"""

import csv
import io
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
from induction_model import AttentionOnly, save_folder, write
from induction_task import INDUCTION, PREVIOUS
from train_induction import Moment, Settings, log_spaced, prepare, train

from headgraph import pk_engine

Pairs = dict[tuple[int, int], float]  # head of layer 0, head of layer 1: PK under OK


def ok_pairs(model: AttentionOnly) -> Pairs:
    """PK of every head of layer 0 with every head of layer 1 under OK."""
    with TemporaryDirectory() as folder:
        save_folder(model, Path(folder))
        frame = pk_engine.compute(folder, pairings="OK", selection=pk_engine.Selection()).frame
    between = frame[(frame.source_layer == 0) & (frame.target_layer == 1)]
    ends = zip(between.source_head, between.target_head, strict=True)
    return {(int(s), int(t)): float(pk) for (s, t), pk in zip(ends, between.pk, strict=True)}


def rows(seen: list[tuple[Moment, Pairs]]) -> list[dict[str, Any]]:
    """One row per checkpoint; only the last one shows which pair is the edge."""
    final = seen[-1][1]
    source, target = max(final, key=lambda pair: final[pair])
    return [
        {
            "step": moment.step,
            "training_loss": moment.training_loss,
            "loss": moment.measured.loss_second_copy,
            "source": f"L0H{source}",
            "target": f"L1H{target}",
            "pk": pairs[source, target],
            "pk_mean": sum(pairs.values()) / len(pairs),
            "pk_max": max(pairs.values()),
            "pk_rank": 1 + sum(pk > pairs[source, target] for pk in pairs.values()),
            "previous_token": float(moment.measured.scores[PREVIOUS][0][source]),
            "induction": float(moment.measured.scores[INDUCTION][1][target]),
            "best_previous_token": moment.measured.best(PREVIOUS, 0),
            "best_induction": moment.measured.best(INDUCTION, 1),
        }
        for moment, pairs in seen
    ]


@click.command()
@click.option(
    "--first", type=click.IntRange(min=0), default=0, show_default=True, help="First seed."
)
@click.option(
    "--seeds", type=click.IntRange(min=1), default=5, show_default=True, help="Number of seeds."
)
@click.option(
    "--every",
    type=click.IntRange(min=1),
    default=25,
    show_default=True,
    help="Steps between checkpoints.",
)
@click.option("--steps", type=click.IntRange(min=0), default=800, show_default=True)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True)
def main(first: int, seeds: int, every: int, steps: int, out: Path) -> None:
    """Train with several seeds and write the measurements of each to seed-N.csv."""
    out.mkdir(parents=True, exist_ok=True)
    for seed in range(first, first + seeds):
        # every seed trains for the same number of steps, even if its heads score high enough
        settings = Settings(seed=seed, steps=steps, steps_above_thresholds=steps)
        model = prepare(settings)
        looks = log_spaced(steps) | set(range(0, steps + 1, every))
        lines = rows([(moment, ok_pairs(model)) for moment in train(model, settings, looks)])
        text = io.StringIO()
        writer = csv.DictWriter(text, lines[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(
            {name: round(x, 6) if isinstance(x, float) else x for name, x in line.items()}
            for line in lines
        )
        write(out / f"seed-{seed}.csv", text.getvalue())
        click.echo(out / f"seed-{seed}.csv")


if __name__ == "__main__":
    main()

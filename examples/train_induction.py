"""Train a two-layer attention-only transformer until it has induction heads.

    python examples/train_induction.py --seed 0 --out out/induction-2l

The folder that comes out is a Hugging Face GPT-2 folder that headgraph reads and transformers runs.
Its training.json says what was done and what came of it.
"""

import hashlib
import math
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
import torch
from induction_model import AttentionOnly, Shape, save_folder, to_json, write
from induction_task import INDUCTION, PREVIOUS, Measured, Task, measure, training_batch
from torch.nn import functional as F

from headgraph import pk_engine
from headgraph.base import names


@dataclass(frozen=True)
class Settings:
    """All settings of the result; the same settings and threads give the same bytes."""

    seed: int = 0
    steps: int = 3000  # at most
    batch: int = 64
    learning_rate: float = 2e-3
    weight_decay: float = 0.01
    betas: tuple[float, float] = (0.9, 0.98)
    measure_every: int = 50
    previous_token_threshold: float = 0.9  # best head of layer 0
    induction_threshold: float = 0.9  # best head of layer 1
    steps_above_thresholds: int = 600  # then training stops
    threads: int = 1  # sums are split by thread; on busy cores two took longer than one
    shape: Shape = field(default_factory=Shape)
    task: Task = field(default_factory=Task)


@dataclass(frozen=True)
class Moment:
    """The state of training after `step` steps; `last` at its end."""

    step: int
    training_loss: float | None  # mean over the last steps, None at step 0
    measured: Measured
    last: bool


def train(model: AttentionOnly, settings: Settings, stops: set[int]) -> Iterator[Moment]:
    """Train the model in place; pause at each measurement, at each of `stops`, and at the end."""
    data = torch.Generator().manual_seed(settings.seed)
    optimizer = torch.optim.AdamW(
        model.parameters(),
        lr=settings.learning_rate,
        betas=settings.betas,
        weight_decay=settings.weight_decay,
    )
    losses: deque[float] = deque(maxlen=settings.measure_every)
    above_since: int | None = None
    for step in range(settings.steps + 1):
        due = step % settings.measure_every == 0 or step == settings.steps
        if due or step in stops:
            measured = measure(model, settings.task)
            last = step == settings.steps
            if due:
                good = above_thresholds(measured, settings)
                above_since = (step if above_since is None else above_since) if good else None
                if above_since is not None:
                    last = last or step - above_since >= settings.steps_above_thresholds
            loss_so_far = math.fsum(losses) / len(losses) if losses else None
            yield Moment(step, loss_so_far, measured, last)
            if last:
                return
        tokens, known = training_batch(settings.task, settings.batch, data)
        logits, _ = model(tokens)  # batch pos vocab
        # only predictable tokens are trained on: the others are noise and slow training down
        loss = F.cross_entropy(logits[:, :-1][known], tokens[:, 1:][known])
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # untyped in torch
        optimizer.step()
        losses.append(loss.item())


def above_thresholds(measured: Measured, settings: Settings) -> bool:
    """Whether there is a previous-token head in layer 0 and an induction head in layer 1.

    The Projection Kernel has no say in it: what it shows of the trained model is a finding.
    """
    return (
        measured.best(PREVIOUS, 0) >= settings.previous_token_threshold
        and measured.best(INDUCTION, 1) >= settings.induction_threshold
    )


def record(moment: Moment, settings: Settings, folder: Path) -> dict[str, Any]:
    """The content of training.json, without the place and time of training."""
    measured = moment.measured
    return {
        "step": moment.step,
        "above_thresholds": above_thresholds(measured, settings),
        "loss": {
            "training": moment.training_loss,
            "first_copy": measured.loss_first_copy,
            "second_copy": measured.loss_second_copy,
            "guessing": math.log(settings.task.vocab_size),
        },
        "scores": {name: scores.tolist() for name, scores in measured.scores.items()},
        "strongest_ok": strongest_ok(folder),
        "sha256": hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest(),
        "settings": asdict(settings),
        "versions": {name: version(name) for name in ("torch", "safetensors", "numpy")},
    }


def strongest_ok(folder: Path) -> dict[str, Any]:
    """The pair of heads with the highest PK under OK, and the mean of random subspaces."""
    table = pk_engine.compute(folder, pairings="OK", selection=pk_engine.Selection(top=1))
    row = table.frame.iloc[0]
    return {
        "source": names.head_name(row.source_layer, row.source_head),
        "target": names.head_name(row.target_layer, row.target_head),
        "pk": float(row.pk),
        "random_mean": table.meta.moments["OK"]["mean"],
    }


def prepare(settings: Settings) -> AttentionOnly:
    """A new model, with torch set to deterministic algorithms."""
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(settings.threads)
    torch.manual_seed(settings.seed)
    return AttentionOnly(settings.shape)


def log_spaced(steps: int) -> set[int]:
    """0, and the powers of two up to `steps`: training changes fast at first, then slowly."""
    return {0} | {2**k for k in range(steps.bit_length()) if 2**k <= steps}


def steps_to_keep(named: str | None, steps: int) -> set[int]:
    """The steps of a list such as `0,300,400`, or the default steps."""
    if named is None:
        return log_spaced(steps)
    if not all(word.strip().isdigit() for word in named.split(",")):
        raise click.BadParameter(f"{named!r}: expected steps such as 0,300,400")
    return {int(word) for word in named.split(",")}


@click.command()
@click.option(
    "--seed", default=Settings.seed, show_default=True, help="Random seed for weights and data."
)
@click.option(
    "--steps",
    type=click.IntRange(min=0),
    default=Settings.steps,
    show_default=True,
    help="Most steps to train.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Folder to write the model to.",
)
@click.option(
    "--checkpoints",
    type=click.Path(path_type=Path, file_okay=False),
    help="Also keep the model after the steps of --keep, in float16, each in a folder of its own "
    "in this one.",
)
@click.option(
    "--keep",
    metavar="LIST",
    help="Steps to keep, such as 0,300,400.  [default: 0, 1, 2, 4, ... and the last]",
)
def main(seed: int, steps: int, out: Path, checkpoints: Path | None, keep: str | None) -> None:
    """Train a two-layer attention-only transformer until it has induction heads."""
    settings = Settings(seed=seed, steps=steps)
    model, started = prepare(settings), time.monotonic()
    kept = steps_to_keep(keep, steps) if checkpoints else set()
    for moment in train(model, settings, kept):
        if checkpoints and (moment.step in kept or (moment.last and keep is None)):
            folder = checkpoints / f"step-{moment.step:05}"
            save_folder(model, folder, torch.float16)
            write(folder / "training.json", to_json(record(moment, settings, folder)))
        click.echo(
            f"step {moment.step:5}  loss of second copy {moment.measured.loss_second_copy:.3f}  "
            f"previous token {moment.measured.best(PREVIOUS, 0):.3f}  "
            f"induction {moment.measured.best(INDUCTION, 1):.3f}",
            err=True,
        )
        if moment.last:
            save_folder(model, out)
            said = record(moment, settings, out) | {
                "command": f"python examples/train_induction.py --seed {seed} --steps {steps} "
                f"--out {out}",
                "date": datetime.now(UTC).date().isoformat(),
                "seconds": round(time.monotonic() - started, 1),
            }
            write(out / "training.json", to_json(said))
    click.echo(out)


if __name__ == "__main__":
    main()

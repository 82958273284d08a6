"""The checkpoints of a training run: model folders by step, or branches of a repository."""

import math
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from headgraph.analysis._tables import full_table
from headgraph.analysis.errors import TrainingError
from headgraph.base.files.documents import expanded, read_json, reason, shown
from headgraph.base.files.rows import check_numbers, read_csv
from headgraph.base.names import GRAPH_PAIRINGS
from headgraph.base.progress import Progress
from headgraph.base.text import listed
from headgraph.pk_engine.bundled import MODELS, checkpoints_path, model_path
from headgraph.pk_engine.table.affinity import AffinityTable

LOSSES = "losses.csv"
_STEP = re.compile(r"step-?([0-9]+)")
_ON_HUB = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")


@dataclass(frozen=True)
class Checkpoint:
    """A model after `step` steps of a training run.

    Attributes:
        series: the run.
        step: how many steps it was trained for.
        path: the model's folder; on the hub, its id as a path.
        loss: NaN where unknown.
        commit: of a model on the hub, else None.
    """

    series: str
    step: int
    path: Path
    loss: float
    commit: str | None = None

    @property
    def model(self) -> str:
        """The model as its table names it: the hub id, or the series."""
        return self.series if self.commit is None else self.path.as_posix()

    @contextmanager
    def folder(self, *, remove: bool = False) -> Iterator[Path]:
        """The folder with the weights, for the block, which fetches what is on the hub.

        Args:
            remove: afterwards remove what the block fetched (`hub.revisions.fetched_weights`).

        Raises:
            ModelError: it cannot be fetched.
        """
        if self.commit is None:
            yield self.path
            return
        from headgraph.pk_engine.models.hub.revisions import fetched_weights

        with fetched_weights(self.model, self.commit, remove=remove) as found:
            yield found.folder


def checkpoints(run: str | os.PathLike[str]) -> list[Checkpoint]:
    """The checkpoints of a run, first step first.

    `run` is `induction-2l`, whose checkpoints ship with headgraph and end with the bundled model;
    a folder with a model folder `step-N` for each checkpoint; or a hub id whose repository has a
    branch `stepN` for each, as Pythia has. Losses come from `losses.csv` in the folder (columns
    `step` and `loss`), else from `loss.second_copy` in the `training.json` that
    `examples/train_induction.py` writes beside each model, else they are NaN.

    Raises:
        TrainingError: no such folder, fewer than two checkpoints, two of the same step, or losses
            that cannot be read.
        ModelError: the hub does not answer, or has no such repository.
    """
    if str(run) in MODELS and not Path(run).exists():
        found = _in_folder(checkpoints_path(str(run)), str(run))
        final = model_path(str(run))
        return [*found, Checkpoint(str(run), _trained(final), final, _own_loss(final))]
    folder = expanded(run, problem=TrainingError)
    if not _is_folder(folder):
        if _ON_HUB.fullmatch(os.fspath(run)):
            return _on_hub(os.fspath(run))
        raise TrainingError(
            f"no folder {shown(run)}: expected one with a model folder step-N for each "
            f"checkpoint, {', '.join(MODELS)}, whose checkpoints ship with headgraph, or a hub id "
            "OWNER/NAME"
        )
    found = _in_folder(folder, folder.resolve().name)
    if len(found) < 2:
        raise TrainingError(
            f"{shown(run)} has {len(found)} checkpoint{'s' * (len(found) != 1)}: expected two or "
            "more model folders named step-N, such as step-0 and step-1000"
        )
    return found


def checkpoint_table(
    checkpoint: Checkpoint,
    pairings: Sequence[str] | str = GRAPH_PAIRINGS,
    *,
    remove_fetched: bool = False,
    progress: Progress | None = None,
) -> AffinityTable:
    """Scores of all pairs of a checkpoint; the metadata names its run and step.

    `headgraph load` names a run after them: `induction-2l-step300`. Nothing but the arguments
    matters, so checkpoints may be scored in any order, and on several machines.

    Args:
        checkpoint: one of `checkpoints`.
        pairings: those to score.
        remove_fetched: remove what was fetched from the hub for it when it is scored.
        progress: as for `pk_engine.compute`.

    Raises:
        EngineError: as `pk_engine.compute`.
    """
    with checkpoint.folder(remove=remove_fetched) as folder:
        table = full_table(folder, pairings, progress=progress)
    meta = replace(
        table.meta,
        model=checkpoint.model,
        revision=checkpoint.commit,
        series=checkpoint.series,
        step=float(checkpoint.step),
    )
    return AffinityTable(table.columns, meta)


def is_table_of(table: AffinityTable, checkpoint: Checkpoint, pairings: Sequence[str]) -> bool:
    """Whether a table is what `checkpoint_table` would make; a folder's weights are not read."""
    meta = table.meta
    whole = len(table) == sum(meta.scored.values()) and set(pairings) <= set(meta.pairings)
    own = (meta.model, meta.revision, meta.series, meta.step)
    return whole and own == (
        checkpoint.model, checkpoint.commit, checkpoint.series, float(checkpoint.step)
    )  # fmt: skip


def _on_hub(model: str) -> list[Checkpoint]:
    """The branches `stepN` of a repository."""
    from headgraph.pk_engine.models.hub.revisions import branches

    named = ((_STEP.fullmatch(name), commit) for name, commit in branches(model).items())
    steps = {int(match[1]): commit for match, commit in named if match and len(match[1]) <= 15}
    if len(steps) < 2:
        raise TrainingError(
            f"{shown(model)} has {len(steps)} branch{'es' * (len(steps) != 1)} named stepN on the "
            "hub: expected two or more checkpoints, such as step0 and step1000"
        )
    series = model.rpartition("/")[2]
    return [Checkpoint(series, step, Path(model), math.nan, steps[step]) for step in sorted(steps)]


def _in_folder(folder: Path, series: str) -> list[Checkpoint]:
    losses = _losses(folder / LOSSES)
    try:
        inside = sorted(folder.iterdir())
    except OSError as error:
        raise TrainingError(f"{shown(folder)} cannot be read: {reason(error)}") from error
    named = ((_STEP.fullmatch(path.name), path) for path in inside if path.is_dir())
    found: dict[int, Checkpoint] = {}
    for match, path in named:
        if match is None:
            continue
        step = int(match[1])
        if step >= 10**15:  # a double cannot represent larger steps exactly
            raise TrainingError(f"{shown(path)} is named after a step of more than 15 digits")
        if step in found:
            raise TrainingError(
                f"{found[step].path.name} and {path.name} in {shown(folder)} are both step {step}: "
                "expected one model folder a step"
            )
        loss = losses.get(step, math.nan) if losses else _own_loss(path)
        found[step] = Checkpoint(series, step, path, loss)
    return [found[step] for step in sorted(found)]


def _losses(path: Path) -> dict[int, float]:
    """Loss by step from a CSV file; empty where there is none."""
    if not os.path.lexists(path):
        return {}
    rows, name = read_csv(path, problem=TrainingError, pipes=False), shown(path)
    if not {"step", "loss"} <= set(rows):
        raise TrainingError(
            f"{name} has the columns {listed(rows.columns)}: expected step and loss"
        )
    rows = check_numbers(rows, ["step"], source=name, problem=TrainingError, whole=True)
    rows = check_numbers(rows, ["loss"], source=name, problem=TrainingError)
    if rows["loss"].isna().any():
        raise TrainingError(f"{name} lacks the loss of a step: expected a number in every row")
    return dict(zip(rows["step"].tolist(), rows["loss"].tolist(), strict=True))


def _training(folder: Path) -> dict[str, object]:
    path = folder / "training.json"
    if not os.path.lexists(path):
        return {}
    said: dict[str, object] = read_json(path, problem=TrainingError)
    return said


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError as error:  # a name too long, a folder above that may not be entered
        raise TrainingError(f"{shown(path)} cannot be read: {reason(error)}") from error


def _own_loss(folder: Path) -> float:
    losses = _training(folder).get("loss")
    loss = losses.get("second_copy") if isinstance(losses, dict) else None
    try:
        return float(loss) if isinstance(loss, int | float) else math.nan
    except OverflowError:  # JSON allows integers of any length
        return math.nan


def _trained(folder: Path) -> int:
    return int(str(_training(folder)["step"]))

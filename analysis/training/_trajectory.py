"""Follow pairs of heads over the checkpoints of a training run."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from headgraph.analysis.errors import TrainingError
from headgraph.analysis.hubs.scores import hub_scores
from headgraph.analysis.training.checkpoints import (
    Checkpoint,
    checkpoints,
    is_table_of,
)
from headgraph.analysis.training.tasks import Task, done_here, done_on
from headgraph.base.files.documents import reason, shown
from headgraph.base.files.output import folder_of_files
from headgraph.base.names import (
    GRAPH_PAIRINGS,
    PAIRINGS,
    canonical_head,
    head_name,
    parse_pairings,
)
from headgraph.base.progress import Progress
from headgraph.base.seeds import check_seed
from headgraph.base.spelling import argument
from headgraph.base.text import listed, quoted
from headgraph.pk_engine.table.affinity import AffinityTable

if TYPE_CHECKING:
    from distributed import Client

TOP = 1
BEHAVED = ("previous_token", "induction")
COLUMNS = (
    "series", "step", "loss", "pairing", "source", "target", "pk", "z", "pk_rank", "source_outlet",
    "target_inlet", *(f"{end}_{name}" for end in ("source", "target") for name in BEHAVED), "seed",
)  # fmt: skip

Pair = tuple[str, str, str]  # pairing, source, target
_PAIR = re.compile(r"\s*([\w.]+)\s*>\s*([\w.]+)\s*:\s*(\w+)\s*")


def trajectory(
    run: str | os.PathLike[str],
    *,
    pairs: Sequence[str] | str | None = None,
    top: int | None = None,
    pairings: Sequence[str] | str = GRAPH_PAIRINGS,
    behaviour: bool = True,
    n_prompts: int = 32,
    seed: int = 0,
    steps: Sequence[int] | str | None = None,
    tables: str | os.PathLike[str] | None = None,
    resume: bool = False,
    remove_fetched: bool = False,
    force: bool = False,
    progress: Progress | None = None,
    client: Client | None = None,
) -> pd.DataFrame:
    """PK of pairs, hub scores and behaviour of their heads, and the loss, at each checkpoint.

    Where users go wrong: the strongest pairs are chosen at the last checkpoint and followed back.
    That choice alone makes them rise from the random mean; `pk_rank` gives their rank among all
    pairs at each step.

    Args:
        run: `induction-2l`, a folder with a model folder `step-N` for each checkpoint and a
            `losses.csv`, or a hub id whose repository has a branch `stepN` for each
            (`analysis.training.checkpoints`). Each is fetched when its turn comes.
        pairs: pairs to follow, such as `L0H7>L1H2:OK`, separated by commas.
        top: follow this many of the strongest pairs of each pairing at the last checkpoint; 1 by
            default. Excludes `pairs`.
        pairings: pairings of the top pairs, and of the edges that hub scores sum over.
        behaviour: also run the model at each checkpoint; needs `headgraph[lens]`.
        n_prompts: number of random sequences.
        seed: random seed for their tokens.
        steps: the checkpoints to follow, such as `0,512,143000`; all by default.
        tables: folder for the table of each checkpoint, `SERIES-stepN.parquet`, written when it is
            scored.
        resume: read the tables that `tables` has of this run, and score only the others. A table
            must name the series, the step and, on the hub, the commit.
        remove_fetched: remove from the cache of models what was fetched for a checkpoint when it
            is done. What was there before stays.
        force: replace tables that exist.
        progress: called with what is being done, how much is done, and how much there is.
        client: a `distributed.Client`: each of its workers fetches, scores and runs one checkpoint
            at a time. It reads folders at the same path.

    Returns:
        A row for each checkpoint and pair: `series`, `step`, `loss` (NaN where unknown),
        `pairing`, `source`, `target`, `pk`, `z`, `pk_rank`; `source_outlet` and `target_inlet` of
        `headgraph.hub_scores` over all pairs of `pairings`, so that every checkpoint has the same
        number of edges; `source_previous_token`, `source_induction`, `target_previous_token`,
        `target_induction` of `analysis.behaviour` (NaN without it); `seed`.

    Raises:
        UnknownHead: a pair with a head that the model does not have.
        TrainingError: no checkpoints, a pair that is not scored, both `pairs` and `top`, or a table
            that is not of this run.
        OutputExists: a table exists, with neither `resume` nor `force`.
        EngineError, RunningError: a model that cannot be read, or run.
    """
    if pairs is not None and top is not None:
        raise TrainingError(
            f"{argument('pairs')} and {argument('top')} exclude each other: give one of them"
        )
    if top is not None and top < 1:
        raise TrainingError(f"{argument('top', top)}: expected 1 or more")
    seed = check_seed(seed, TrainingError)
    if resume and tables is None:
        raise TrainingError(
            f"{argument('resume')} reads the tables in {argument('tables')}: give the folder"
        )
    if resume and force:
        raise TrainingError(
            f"{argument('resume')} and {argument('force')} exclude each other: give one of them"
        )
    found = _chosen(checkpoints(run), steps)
    named = None if pairs is None else _parsed(pairs)
    wanted = parse_pairings(pairings)
    scored = [name for name in PAIRINGS if name in {*wanted, *(pair[0] for pair in named or ())}]
    files = _files(found, tables, replaces=force or resume)
    prompts = (n_prompts, seed) if behaviour else None
    order = [found[-1], *found[:-1]]  # the last first: its strongest pairs are followed back
    there = {step for step, file in files.items() if resume and file.exists()}
    tasks = [
        Task(one, tuple(scored), one.step not in there, prompts, remove_fetched) for one in order
    ]

    def keep(number: int, table: AffinityTable) -> None:
        if file := files.get(order[number].step):
            table.write(file, force=force)

    followed: list[Pair] = named or []
    parts: dict[int, pd.DataFrame] = {}
    waiting: list[tuple[Checkpoint, AffinityTable, pd.DataFrame | None]] = []
    results = done_here(tasks, keep) if client is None else done_on(client, tasks, keep, progress)
    with closing(results):
        for count, (number, result) in enumerate(results, start=1):
            one = order[number]
            table = result.table or _read(files[one.step], one, scored)
            waiting.append((one, table, result.behaviour))
            if not followed and number == 0:
                followed = _strongest(table, wanted, top or TOP)
            while followed and waiting:
                checkpoint, table, behaved = waiting.pop()
                part = _rows(checkpoint, table, followed, wanted)
                parts[checkpoint.step] = part.join(_behaved(behaved, part))
            if progress:
                progress("checkpoints", count, len(found))
    rows = pd.concat([parts[one.step] for one in found], ignore_index=True)
    return rows.assign(seed=seed)[list(COLUMNS)]


def _chosen(found: list[Checkpoint], steps: Sequence[int] | str | None) -> list[Checkpoint]:
    """The checkpoints of these steps, first step first."""
    if steps is None:
        return found
    there = {one.step: one for one in found}
    given = steps.split(",") if isinstance(steps, str) else list(steps)
    try:
        numbers = [int(step) for step in given]
    except (TypeError, ValueError):
        numbers = []
    if not numbers:
        raise TrainingError(
            f"{argument('steps', steps)}: expected steps separated by commas, such as 0,512,143000"
        )
    if missing := [step for step in numbers if step not in there]:
        raise TrainingError(
            f"{found[0].series} has no checkpoint of step {missing[0]}: expected some of "
            f"{listed([str(step) for step in there], 12)}"
        )
    return [there[step] for step in sorted(set(numbers))]


def _read(file: Path, checkpoint: Checkpoint, pairings: Sequence[str]) -> AffinityTable:
    """The table of a checkpoint from an earlier call."""
    table = AffinityTable.read(file)
    if not is_table_of(table, checkpoint, pairings):
        raise TrainingError(
            f"{shown(file)} is not the whole table of {checkpoint.series} at step "
            f"{checkpoint.step} with {','.join(pairings)}, as it is now: remove it, or give "
            "another folder"
        )
    return table


def _parsed(pairs: Sequence[str] | str) -> list[Pair]:
    """Pairs as (pairing, source, target), each once, in the order given."""
    texts = pairs.split(",") if isinstance(pairs, str) else list(pairs)
    if not texts:
        raise TrainingError(
            f"{argument('pairs', [])}: expected at least one pair, such as L0H7>L1H2:OK"
        )
    found = []
    for text in texts:
        match = _PAIR.fullmatch(text)
        if match is None:
            raise TrainingError(
                f"{quoted(text)} is not a pair: expected a source, a target and a pairing such as "
                "L0H7>L1H2:OK"
            )
        source, target = (canonical_head(match[place]) for place in (1, 2))
        found.append((parse_pairings(match[3])[0], source, target))
    return list(dict.fromkeys(found))


def _named_edges(table: AffinityTable) -> pd.DataFrame:
    edges = table.edges()
    ends = {
        end: [
            table.meta.head_name(layer, head)
            for layer, head in edges[[f"{end}_layer", f"{end}_head"]].to_numpy(int).tolist()
        ]
        for end in ("source", "target")
    }
    return edges.assign(**ends)


def _strongest(table: AffinityTable, pairings: Sequence[str], top: int) -> list[Pair]:
    edges = _named_edges(table)
    best = edges[edges["pairing"].isin(pairings) & (edges["pk_rank"] <= top)]
    # an arrow for each query head that shares a key/value head: keep the first
    best = best.drop_duplicates(["pairing", "pk_rank"])
    columns = zip(best["pairing"], best["source"], best["target"], strict=True)
    return [(str(pairing), str(source), str(target)) for pairing, source, target in columns]


def _rows(
    checkpoint: Checkpoint, table: AffinityTable, pairs: Sequence[Pair], pairings: Sequence[str]
) -> pd.DataFrame:
    """The pairs' scores at one checkpoint, and the hub scores of their heads."""
    edges = _named_edges(table).set_index(["pairing", "source", "target"])
    for pairing, source, target in pairs:
        for head in (source, target):
            table.meta.shape.place_of(head, checkpoint.series)
        if (pairing, source, target) not in edges.index:
            raise TrainingError(
                f"{checkpoint.series} has no pair {source}>{target}:{pairing}: expected a head and "
                f"one of a later layer, {table.meta.n_layers} layers of {table.meta.n_heads} heads"
            )
    chosen = pd.MultiIndex.from_tuples(list(pairs), names=["pairing", "source", "target"])
    rows = edges[["pk", "z", "pk_rank"]].reindex(chosen).reset_index()
    hubs = hub_scores(table, pairings).set_index("name")
    return rows.assign(
        pk=rows["pk"].astype(float),
        z=rows["z"].astype(float),
        series=checkpoint.series,
        step=checkpoint.step,
        loss=checkpoint.loss,
        source_outlet=hubs["outlet"].reindex(rows["source"]).to_numpy(),
        target_inlet=hubs["inlet"].reindex(rows["target"]).to_numpy(),
    )


def _behaved(scores: pd.DataFrame | None, rows: pd.DataFrame) -> pd.DataFrame:
    """Behaviour scores of both ends of each row; NaN without scores."""
    columns = [(end, name) for end in ("source", "target") for name in BEHAVED]
    if scores is None:
        return pd.DataFrame({f"{e}_{n}": np.full(len(rows), np.nan) for e, n in columns})
    heads = zip(scores["layer"], scores["head"], strict=True)
    names = pd.Index([head_name(int(layer), int(head)) for layer, head in heads])
    named = scores.set_index(names)
    return pd.DataFrame({f"{e}_{n}": named[n].reindex(rows[e]).to_numpy() for e, n in columns})


def _files(
    found: Sequence[Checkpoint], folder: str | os.PathLike[str] | None, *, replaces: bool
) -> dict[int, Path]:
    """The path of each checkpoint's table by step, checked before the work."""
    if folder is None:
        return {}
    names = [f"{one.series}-step{one.step}.parquet" for one in found]
    paths = folder_of_files(folder, names, force=replaces, parents=True, problem=TrainingError)
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TrainingError(f"cannot make the folder {shown(folder)}: {reason(error)}") from error
    return {one.step: path for one, path in zip(found, paths, strict=True)}

"""The work of one table: the scores of all groups of layers are merged, and rows are selected."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial as bound
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from headgraph.base.files.documents import shown
from headgraph.base.files.output import writable
from headgraph.base.names import ROLES
from headgraph.base.progress import Progress
from headgraph.base.spelling import argument
from headgraph.base.version import VERSION, version_of
from headgraph.pk_engine.errors import EngineError
from headgraph.pk_engine.linalg.backends import Backend
from headgraph.pk_engine.metrics.decoys import APART, DecoyCounts
from headgraph.pk_engine.metrics.layer_order import Group
from headgraph.pk_engine.models.shape import ModelShape
from headgraph.pk_engine.scoring.cluster.agreement import Agreement, AllDiffer, EarlierWrong
from headgraph.pk_engine.scoring.finishing import exists_beside
from headgraph.pk_engine.scoring.group import Factors, GroupScores, score_group
from headgraph.pk_engine.scoring.layers import (
    all_head_scores,
    fingerprint,
    rounded,
)
from headgraph.pk_engine.scoring.progress import COMPARING, DAMAGED, RESUMED
from headgraph.pk_engine.scoring.resume import Partial, State, job_key
from headgraph.pk_engine.scoring.rows import heads_counted
from headgraph.pk_engine.scoring.spec import Spec
from headgraph.pk_engine.scoring.top_k import Keeper
from headgraph.pk_engine.table.columns import Columns, joined, taken
from headgraph.pk_engine.table.selection import Selection

if TYPE_CHECKING:
    from distributed import Client

Judge = Callable[[GroupScores, str], str]
"""Scores and their worker -> why the worker is refused, or an empty text."""


@dataclass(frozen=True)
class Job:
    """A spec with the place where it runs; the attributes are arguments of `pk_engine.compute`."""

    spec: Spec
    progress: Progress | None = None
    output: Path | None = None
    partial: Path | None = None
    force: bool = False
    client: Client | None = None

    @contextmanager
    def scored(self) -> Iterator[tuple[State, str, str]]:
        """The state after all groups of layers, the fingerprint of the weights, and the job's key.

        The key is empty for a job without a file for the state.

        Groups of an interrupted run are not scored again. The file for the state is removed once
        the block has used it and has written the output: if the block fails, as on a full disk,
        nothing is lost.

        Raises:
            OutputExists: the output is there, `force` is false, and the file for the state is not
                that of the killed job which has just written it.
        """
        spec, groups = self.spec, self.spec.groups()
        most = {pairing: spec.pair_bound(pairing) for pairing in spec.pairings}
        with new_state(spec.selection, most, spec.decoy_pairings) as state:
            partial = self._partial(groups)
            if self.output and self.output.exists() and not self.force:
                done = partial.groups_done()
                if partial.path and 0 < done < len(groups):
                    raise exists_beside(partial.path, self.output)
                writable(self.output, force=done == len(groups), problem=EngineError)
            yield state, self._fill(state, groups, partial), partial.key
            partial.clear()

    def _fill(self, state: State, groups: list[Group], partial: Partial) -> str:
        """Score all groups into the state; returns the fingerprint."""
        spec = self.spec
        damaged = partial.restore(state)
        if self.progress and damaged:
            self.progress(DAMAGED, 0, 0)
        if self.progress and state.done:
            self.progress(RESUMED, len(state.done), len(groups))
        here = spec.backend if self.client is None else _on_processor(spec.backend)
        judge = bound(self._objection, Agreement(spec.weights, state.digests), partial)
        with here.workers() as threads:
            with closing(self._scored(groups, state, threads, judge)) as parts:
                for number, found, _ in parts:
                    state.add(number, found)
                    partial.save(state)
            whole = fingerprint(spec.weights, state.digests)
            state.head_scores = all_head_scores(
                spec.weights, state.head_scores, here, threads, spec.targets
            )
        return whole

    def _scored(
        self, groups: list[Group], state: State, threads: Executor, judge: Judge
    ) -> Generator[tuple[int, GroupScores, str]]:
        """The number and scores of each group, and the worker that they come from."""
        left = {n: group for n, group in enumerate(groups) if n not in state.done}
        if self.client is not None:
            yield from self._scored_on(self.client, left, len(groups), judge)
            return
        factors = Factors()
        for number, group in left.items():
            self._report(number, len(groups))
            found = score_group(
                self.spec, group, factors=factors, threads=threads, progress=self.progress
            )
            if judge(found, "this machine"):
                raise EngineError(
                    f"the files of {self.spec.weights.name} changed while they were read: start "
                    "again with whole files"
                )
            yield number, found, ""

    def _scored_on(
        self, client: Client, left: dict[int, Group], of: int, judge: Judge
    ) -> Generator[tuple[int, GroupScores, str]]:
        from headgraph.pk_engine.scoring.cluster.client import parts_on

        done = of - len(left)
        self._report(done, of)
        scored = parts_on(client, self.spec, left, score_group, self.progress, judge)
        with closing(scored):
            for it in scored:
                yield it
                done += 1
                self._report(done, of)

    def _report(self, done: int, of: int) -> None:
        if self.progress and of > 1:
            self.progress(COMPARING, done, of)

    def _objection(
        self, agreement: Agreement, partial: Partial, found: GroupScores, worker: str
    ) -> str:
        """Why the worker of a group cannot take part, by its weights; empty if it can.

        Raises:
            EngineError: the groups before are of other weights than those of this machine. If its
                files agree with the new scores, the file for the state is removed.
        """
        try:
            return agreement.objection(found.digests, worker)
        except AllDiffer as error:
            if self.client is None:  # the files change all the time
                return str(error)
            raise
        except EarlierWrong as error:
            partial.clear()
            if self.client is None:
                raise EngineError(
                    f"the files of {self.spec.weights.name} have changed since scores were taken "
                    "from them: those are removed; start again"
                ) from error
            raise EngineError(
                f"{error.message.marked}: the scores so far are removed; give all workers the same "
                "files and start again"
            ) from error

    def _partial(self, groups: list[Group]) -> Partial:
        """The file for the state; a job of one group has none."""
        spec = self.spec
        if self.partial and self.output and self.partial.resolve() == self.output.resolve():
            raise EngineError(
                f"the output and {argument('partial')} are both {shown(self.partial)}: expected "
                "two files"
            )
        folder = getattr(spec.weights, "folder", None)  # a model in memory has none
        if self.partial is None or folder is None or len(groups) == 1:
            return Partial(None, "")
        writable(self.partial, force=True, problem=EngineError)  # refuse it before the work
        options = {
            name: repr(getattr(spec, name))  # str leaves out the precision of a backend
            for name in (
                "pairings",
                "metrics",
                "selection",
                "kv",
                "layer_order",
                "backend",
                "decoys",
            )
        }
        folds = [spec.weights.fold_ln, spec.weights.center_writing]
        options |= {"groups": str(spec.whole_groups), "folds": str(folds)}
        options |= {"target_layers": str(spec.targets), "state": "6"}  # version of the file
        readers = {"transformer-lens": ("transformer-lens", "transformers")}
        options["family"] = family = spec.weights.family.name
        options["origin"] = repr(spec.weights.origin)  # a variant or an adapter
        # one folder may hold two transformers
        options["tower"] = getattr(spec.weights, "tower", None) or ""
        options["headgraph"] = VERSION  # other versions may read weights differently
        options |= {package: version_of(package) for package in readers.get(family, ())}
        key = job_key(folder, options)
        return Partial(self.partial, key, options, self.force)


def _on_processor(backend: Backend) -> Backend:
    """The backend for the little that the client itself computes."""
    return backend if backend.device == "cpu" else Backend(dtype=backend.dtype)


@contextmanager
def new_state(
    selection: Selection, most: Mapping[str, int], decoys: tuple[str, ...]
) -> Iterator[State]:
    """An empty state, whose temporary files are removed at the end.

    Args:
        selection: the rules.
        most: pairing -> an upper bound of the number of its pairs.
        decoys: the pairings whose backward pairs are counted.
    """
    keepers = {pairing: Keeper(selection, bound) for pairing, bound in most.items()}
    try:
        yield State(keepers, decoys={pairing: DecoyCounts() for pairing in decoys})
    finally:
        for keeper in keepers.values():
            keeper.close()


def facts(state: State, shape: ModelShape) -> dict[str, Any]:
    """The fields of `TableMeta` that follow from the scores.

    `scored` are the pairs scored per pairing, `deficient` the matrices of less than full rank,
    `heads` the `copying` and `self_overlap` of the heads, `decoys` the counts of backward pairs.
    """
    order = sorted(state.deficient, key=lambda at: (ROLES.index(at[0]), *at[1:]))
    return {
        "scored": {pairing: keeper.scored for pairing, keeper in state.keepers.items()},
        "deficient": [state.deficient[at] for at in order],
        "heads": rounded(state.head_scores, shape),
        "decoys": {
            pairing: {"scored": counts.scored, "share": None}
            | dict.fromkeys(APART)
            | {"steps": counts.steps()}
            for pairing, counts in state.decoys.items()
        },
    }


def rows(state: State, shape: ModelShape, kv: str, selection: Selection) -> Columns:
    """The rows that the rules keep, pairing by pairing, as columns of a table.

    Rules on ranks are applied; the others are left to `Selection.keep`.
    """
    return joined([_of_pairing(it, state, shape, kv, selection) for it in state.keepers])


def _of_pairing(
    pairing: str, state: State, shape: ModelShape, kv: str, selection: Selection
) -> Columns:
    keeper = state.keepers[pairing]
    rows = keeper.finish()
    columns: Columns = {"pairing": np.full(len(rows["pk"]), pairing)}
    numbers = np.array([layer.index for layer in shape.layers])
    for end, role in zip(("source", "target"), pairing, strict=True):
        heads = heads_counted(shape, role, kv)
        layers = numbers[rows[end] // heads]
        columns |= {f"{end}_layer": layers, f"{end}_head": rows[end] % heads}
    columns |= {name: rows[name] for name in rows if name not in ("source", "target")}
    if kv == "expand" and shape.grouped:
        groups = np.ones(shape.n_layers, np.int64)
        groups[numbers] = [layer.group_size for layer in shape.layers]
        columns["target_kv_head"] = columns["target_head"] // groups[columns["target_layer"]]
    if state.decoys:
        counts, pk = state.decoys.get(pairing), columns["pk"]
        columns["decoys"] = np.full(len(pk), -1) if counts is None else counts.stronger(pk)
        columns["decoy_q"] = np.full(len(pk), np.nan) if counts is None else counts.decoy_q(pk)
    return taken(columns, rows["pk_rank"] <= selection.limit(keeper.scored))

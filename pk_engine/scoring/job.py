"""The work of one table: the scores of all groups of layers are merged, and rows are selected."""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import Executor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from headgraph.base.files.output import writable
from headgraph.base.names import ROLES
from headgraph.base.progress import Progress
from headgraph.base.text import quoted
from headgraph.base.version import VERSION, version_of
from headgraph.pk_engine.errors import EngineError
from headgraph.pk_engine.linalg.backends import Backend
from headgraph.pk_engine.metrics.decoys import DecoyCounts
from headgraph.pk_engine.metrics.layer_order import Group
from headgraph.pk_engine.scoring.group import Factors, GroupScores, score_group
from headgraph.pk_engine.scoring.layers import all_head_scores, fingerprint, layer_digest
from headgraph.pk_engine.scoring.progress import COMPARING, RESUMED
from headgraph.pk_engine.scoring.resume import Partial, State, job_key
from headgraph.pk_engine.scoring.rows import heads_counted
from headgraph.pk_engine.scoring.spec import Spec
from headgraph.pk_engine.scoring.top_k import Keeper
from headgraph.pk_engine.table.columns import Columns, joined, taken

if TYPE_CHECKING:
    from distributed import Client


@dataclass(frozen=True)
class JobResult:
    """The result of a job.

    Attributes:
        rows: the rows of all pairings, in their order.
        scored: pairs scored per pairing.
        deficient: matrices of less than full rank.
        fingerprint: sha256 of the model's raw weights.
        head_scores: `copying` and `self_overlap`, layers x query heads.
        decoys: pairing -> `scored` and `steps` of its backward pairs, as in the metadata.
    """

    rows: Columns
    scored: dict[str, int]
    deficient: list[dict[str, Any]]
    fingerprint: str
    head_scores: dict[str, list[list[float | None]]]
    decoys: dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Job:
    """A spec with the place where it runs; the attributes are arguments of `pk_engine.compute`."""

    spec: Spec
    progress: Progress | None = None
    partial: Path | None = None
    force: bool = False
    client: Client | None = None

    def run(self) -> JobResult:
        """Score all groups of layers, after those of an interrupted run."""
        spec = self.spec
        keepers = {p: Keeper(spec.selection, spec.pair_bound(p)) for p in spec.pairings}
        try:
            return self._run(State(keepers, decoys={p: DecoyCounts() for p in spec.decoy_pairings}))
        finally:
            for keeper in keepers.values():
                keeper.close()

    def _run(self, state: State) -> JobResult:
        spec, groups = self.spec, self.spec.groups()
        partial = self._partial(groups)
        partial.restore(state)
        if state.done and self.progress:
            self.progress(RESUMED, len(state.done), len(groups))
        here = spec.backend if self.client is None else _on_processor(spec.backend)
        with here.workers() as threads:
            with closing(self._scored(groups, state, threads)) as parts:
                for number, found, worker in parts:
                    self._check_digests(state, found, worker, partial)
                    state.add(number, found)
                    partial.save(state)
            whole = fingerprint(spec.weights, state.digests)
            head_scores = all_head_scores(spec.weights, state.head_scores, here, threads)
        partial.clear()
        rows = joined([self._rows(pairing, state) for pairing in state.keepers])
        scored = {pairing: keeper.scored for pairing, keeper in state.keepers.items()}
        order = sorted(state.deficient, key=lambda at: (ROLES.index(at[0]), *at[1:]))
        deficient = [state.deficient[at] for at in order]
        decoys = {
            pairing: {"scored": counts.scored, "share": None, "steps": counts.steps()}
            for pairing, counts in state.decoys.items()
        }
        return JobResult(rows, scored, deficient, whole, head_scores, decoys)

    def _scored(
        self, groups: list[Group], state: State, threads: Executor
    ) -> Generator[tuple[int, GroupScores, str]]:
        """The number and scores of each group, and the worker that they come from."""
        left = {n: group for n, group in enumerate(groups) if n not in state.done}
        if self.client is not None:
            yield from self._scored_on(self.client, left, len(groups))
            return
        factors = Factors()
        for number, group in left.items():
            self._report(number, len(groups))
            found = score_group(
                self.spec, group, factors=factors, threads=threads, progress=self.progress
            )
            yield number, found, ""

    def _scored_on(
        self, client: Client, left: dict[int, Group], of: int
    ) -> Generator[tuple[int, GroupScores, str]]:
        from headgraph.pk_engine.scoring.cluster.client import scored_on

        done = of - len(left)
        self._report(done, of)
        with closing(scored_on(client, self.spec, left, self.progress)) as scored:
            for it in scored:
                yield it
                done += 1
                self._report(done, of)

    def _report(self, done: int, of: int) -> None:
        if self.progress and of > 1:
            self.progress(COMPARING, done, of)

    def _check_digests(
        self, state: State, found: GroupScores, worker: str, partial: Partial
    ) -> None:
        """Check that the weights of a group are those of the groups before.

        Raises:
            EngineError: a layer differs. If this machine's files agree with the new scores, the
                earlier ones are wrong, and the file for the state is removed.
        """
        for layer, digest in found.digests.items():
            if state.digests.get(layer, digest) == digest:
                continue
            name = self.spec.weights.shape.by_index[layer].name
            if layer_digest(self.spec.weights.raw_layer(layer)) == digest:
                partial.clear()
                raise EngineError(
                    f"a worker before {quoted(worker)} read other weights of layer {name}: the "
                    "scores so far are removed; give all workers the same files and start again"
                )
            raise EngineError(
                f"the worker {quoted(worker)} read other weights of layer {name} than the workers "
                "before: give all workers the same files"
            )

    def _partial(self, groups: list[Group]) -> Partial:
        """The file for the state; a job of one group has none."""
        spec = self.spec
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
        options |= {"groups": str(groups), "folds": str(folds), "state": "5"}  # version of the file
        readers = {"transformer-lens": ("transformer-lens", "transformers")}
        options["family"] = family = spec.weights.family.name
        options["origin"] = repr(spec.weights.origin)  # a variant or an adapter
        # one folder may hold two transformers
        options["tower"] = getattr(spec.weights, "tower", None) or ""
        options["headgraph"] = VERSION  # other versions may read weights differently
        options |= {package: version_of(package) for package in readers.get(family, ())}
        key = job_key(folder, self.partial, options)
        return Partial(self.partial, key, options, self.force)

    def _rows(self, pairing: str, state: State) -> Columns:
        keeper = state.keepers[pairing]
        rows, spec, shape = keeper.finish(), self.spec, self.spec.weights.shape
        columns: Columns = {"pairing": np.full(len(rows["pk"]), pairing)}
        numbers = np.array([layer.index for layer in shape.layers])
        for end, role in zip(("source", "target"), pairing, strict=True):
            heads = heads_counted(shape, role, spec.kv)
            layers = numbers[rows[end] // heads]
            columns |= {f"{end}_layer": layers, f"{end}_head": rows[end] % heads}
        columns |= {name: rows[name] for name in rows if name not in ("source", "target")}
        if spec.kv == "expand" and shape.grouped:
            groups = np.ones(shape.n_layers, np.int64)
            groups[numbers] = [layer.group_size for layer in shape.layers]
            columns["target_kv_head"] = columns["target_head"] // groups[columns["target_layer"]]
        if state.decoys:
            counts, pk = state.decoys.get(pairing), columns["pk"]
            columns["decoys"] = np.full(len(pk), -1) if counts is None else counts.stronger(pk)
            columns["decoy_q"] = np.full(len(pk), np.nan) if counts is None else counts.decoy_q(pk)
        return taken(columns, rows["pk_rank"] <= spec.selection.limit(keeper.scored))


def _on_processor(backend: Backend) -> Backend:
    """The backend for the little that the client itself computes."""
    return backend if backend.device == "cpu" else Backend(dtype=backend.dtype)

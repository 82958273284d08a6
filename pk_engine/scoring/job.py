"""The work of one table: groups of layers are read and compared, and rows are selected, in turn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from headgraph.base.files.output import writable
from headgraph.base.names import ROLES
from headgraph.base.progress import Progress
from headgraph.base.version import VERSION, version_of
from headgraph.pk_engine.errors import EngineError
from headgraph.pk_engine.linalg.backends import Backend
from headgraph.pk_engine.linalg.progress_executor import ProgressExecutor
from headgraph.pk_engine.metrics.decoys import DIRECTED, DecoyCounts
from headgraph.pk_engine.metrics.layer_order import (
    Group,
    count_pairs,
    count_unequal,
    layer_groups,
)
from headgraph.pk_engine.metrics.registry import METRICS, by_source, score
from headgraph.pk_engine.metrics.stacks import HeadStacks
from headgraph.pk_engine.models.interface import Weights
from headgraph.pk_engine.scoring.layers import all_head_scores, collect, fingerprint
from headgraph.pk_engine.scoring.resume import Partial, State, job_key
from headgraph.pk_engine.scoring.rows import backward_pk, block_columns, heads_counted
from headgraph.pk_engine.scoring.top_k import Keeper
from headgraph.pk_engine.table.columns import Columns, joined, taken
from headgraph.pk_engine.table.selection import Selection


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
    """What to score, and how; the attributes are arguments of `pk_engine.compute`."""

    weights: Weights
    pairings: Sequence[str]
    metrics: Sequence[str]
    selection: Selection
    kv: str
    layer_order: str
    backend: Backend
    memory: float
    progress: Progress | None = None
    partial: Path | None = None
    decoys: bool = True

    @property
    def decoy_pairings(self) -> tuple[str, ...]:
        """The pairings whose backward pairs are scored too."""
        if not self.decoys or self.layer_order != "forward":
            return ()
        return tuple(pairing for pairing in self.pairings if pairing in DIRECTED)

    def run(self) -> JobResult:
        """Score all groups of layers, after those of an interrupted run."""
        keepers = {p: Keeper(self.selection, self.pair_bound(p)) for p in self.pairings}
        try:
            return self._run(State(keepers, decoys={p: DecoyCounts() for p in self.decoy_pairings}))
        finally:
            for keeper in keepers.values():
                keeper.close()

    def _run(self, state: State) -> JobResult:
        groups = self.groups()
        partial = self._partial(groups)
        partial.restore(state)
        with self.backend.workers() as threads:
            for sources, targets in self._stacks(groups[state.done :], len(groups), threads):
                for stacks in (sources, targets):
                    state.digests |= stacks.digests
                    found = stacks.deficient()
                    state.deficient |= {(d["role"], d["layer"], d["head"]): d for d in found}
                    state.head_scores |= stacks.head_scores
                self._offer(state, sources, targets, self.backend.computing(threads))
                state.done += 1
                partial.save(state)
                del stacks, sources, targets  # free them before the next ones are read
            whole = fingerprint(self.weights, state.digests)
            head_scores = all_head_scores(self.weights, state.head_scores, self.backend, threads)
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

    def _partial(self, groups: list[Group]) -> Partial:
        """The file for the state; a job of one group has none."""
        folder = getattr(self.weights, "folder", None)  # a model in memory has none
        if self.partial is None or folder is None or len(groups) == 1:
            return Partial(None, "")
        writable(self.partial, force=True, problem=EngineError)  # refuse it before the work
        options = {
            name: repr(getattr(self, name))  # str leaves out the precision of a backend
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
        folds = [self.weights.fold_ln, self.weights.center_writing]
        options |= {"groups": str(groups), "folds": str(folds), "state": "5"}  # version of the file
        readers = {"transformer-lens": ("transformer-lens", "transformers")}
        options["family"] = family = self.weights.family.name
        options["origin"] = repr(self.weights.origin)  # a variant or an adapter
        if tower := getattr(self.weights, "tower", None):  # one folder may hold two transformers
            options["tower"] = tower
        options["headgraph"] = VERSION  # other versions may read weights differently
        options |= {package: version_of(package) for package in readers.get(family, ())}
        return Partial(self.partial, job_key(folder, self.partial, options))

    def _stacks(
        self, groups: list[Group], of: int, threads: Executor | None
    ) -> Iterator[tuple[HeadStacks, HeadStacks]]:
        """Stacks of sources and targets of each group; one stack for both if they are equal."""
        targets: HeadStacks | None = None
        for done, group in enumerate(groups, start=of - len(groups)):
            if self.progress and of > 1:
                self.progress("Comparing groups of layers", done, of)
            if group.sources == group.targets:
                yield (self._collect(group.sources, "".join(self.pairings), threads),) * 2
                continue
            if targets is None or targets.layers != group.targets:
                targets = None  # free the stack of the group before
                roles = "".join(pairing[1] for pairing in self.pairings)
                targets = self._collect(group.targets, roles, threads)
            roles = "".join(pairing[0] for pairing in self.pairings)
            yield self._collect(group.sources, roles, threads), targets

    def groups(self) -> list[Group]:
        """The groups of layers that are in memory together."""
        kinds = {METRICS[name].factors for name in self.metrics} | {"basis"}
        return layer_groups(
            self.weights.shape,
            "".join(sorted({pairing[0] for pairing in self.pairings})),
            "".join(sorted({pairing[1] for pairing in self.pairings})),
            "apart" if self.decoy_pairings else self.layer_order,
            bytes_per_value=np.dtype(self.backend.dtype).itemsize * len(kinds),
            memory=self.memory,
        )

    def _collect(self, layers: range, roles: str, threads: Executor | None) -> HeadStacks:
        return collect(
            self.weights,
            roles,
            layers=layers,
            factors=[METRICS[name].factors for name in self.metrics],
            backend=self.backend,
            progress=self.progress,
            executor=threads,
        )

    def _offer(
        self,
        state: State,
        sources: HeadStacks,
        targets: HeadStacks,
        threads: Executor | None,
    ) -> None:
        if self.progress:
            comparisons = len(self.metrics) * len(by_source(self.pairings))
            threads = ProgressExecutor(threads, self.progress, comparisons)
        scores = {
            name: score(
                METRICS[name],
                sources,
                targets,
                self.pairings,
                self.layer_order,
                threads,
                apart=self.apart(name),
            )
            for name in self.metrics
        }
        for pairing, keeper in state.keepers.items():
            values = {name: found[pairing] for name, found in scores.items()}
            rows = block_columns(sources, targets, pairing, values, self.kv, self.layer_order)
            keeper.offer(rows)
            if counts := state.decoys.get(pairing):
                backward = backward_pk(sources, targets, pairing, values["pk"], self.kv)
                counts.add(rows["pk"], *backward)

    def apart(self, metric: str) -> str:
        """The source roles that a metric compares with every other layer, not later ones alone."""
        return "".join(by_source(self.decoy_pairings)) if metric == "pk" else ""

    def pair_bound(self, pairing: str) -> int:
        """The number of pairs of a pairing if no matrix is zero."""
        shape, same = self.weights.shape, pairing[0] == pairing[1]
        if shape.unequal:
            return count_unequal(shape.layers, pairing, self.layer_order, self.kv)
        sources, targets = (heads_counted(shape, role, self.kv) for role in pairing)
        return count_pairs(shape.n_layers, sources, targets, self.layer_order, same_role=same)

    def _rows(self, pairing: str, state: State) -> Columns:
        keeper = state.keepers[pairing]
        rows, shape = keeper.finish(), self.weights.shape
        columns: Columns = {"pairing": np.full(len(rows["pk"]), pairing)}
        numbers = np.array([layer.index for layer in shape.layers])
        for end, role in zip(("source", "target"), pairing, strict=True):
            heads = heads_counted(shape, role, self.kv)
            layers = numbers[rows[end] // heads]
            columns |= {f"{end}_layer": layers, f"{end}_head": rows[end] % heads}
        columns |= {name: rows[name] for name in rows if name not in ("source", "target")}
        if self.kv == "expand" and shape.grouped:
            groups = np.ones(shape.n_layers, np.int64)
            groups[numbers] = [layer.group_size for layer in shape.layers]
            columns["target_kv_head"] = columns["target_head"] // groups[columns["target_layer"]]
        if state.decoys:
            counts, pk = state.decoys.get(pairing), columns["pk"]
            columns["decoys"] = np.full(len(pk), -1) if counts is None else counts.stronger(pk)
            columns["decoy_q"] = np.full(len(pk), np.nan) if counts is None else counts.decoy_q(pk)
        return taken(columns, rows["pk_rank"] <= self.selection.limit(keeper.scored))

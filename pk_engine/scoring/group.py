"""The unit of work of a job: the scores of one group of source layers and target layers."""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from headgraph.base.progress import Progress
from headgraph.pk_engine.linalg.progress_executor import ProgressExecutor
from headgraph.pk_engine.metrics.decoys import DecoyCounts
from headgraph.pk_engine.metrics.layer_order import Group
from headgraph.pk_engine.metrics.registry import METRICS, by_source, score
from headgraph.pk_engine.metrics.stacks import HeadStacks
from headgraph.pk_engine.scoring.layers import collect
from headgraph.pk_engine.scoring.rows import backward_pk, block_columns
from headgraph.pk_engine.scoring.spec import Spec
from headgraph.pk_engine.scoring.top_k import Sieve, Sifted


@dataclass(frozen=True)
class GroupScores:
    """The scores of a group; `resume.State.add` merges them, in any order.

    Attributes:
        parts: pairing -> the rows that the selection can still keep, and what else it needs.
        decoys: pairing -> counts of forward and backward pairs.
        digests: layer -> sha256 of its raw matrices.
        deficient: matrices of less than full rank.
        head_scores: layer -> `copying` and `self_overlap` of its query heads.
    """

    parts: dict[str, Sifted]
    decoys: dict[str, DecoyCounts]
    digests: dict[int, bytes]
    deficient: list[dict[str, Any]]
    head_scores: dict[int, NDArray[np.float64]]


class Factors:
    """Factors of a job's layers. Those of the last group are kept, as the next often needs them.

    So there are never more than one group needs, whose size `memory` limits.
    """

    def __init__(self) -> None:
        self._kept: dict[tuple[range, str], HeadStacks] = {}

    def of(
        self, spec: Spec, group: Group, threads: Executor | None, progress: Progress | None
    ) -> tuple[HeadStacks, HeadStacks]:
        """Stacks of sources and targets; one stack for both if their layers are the same."""
        reading, writing = ("".join(p[end] for p in spec.pairings) for end in (1, 0))
        needed = [(group.targets, reading), (group.sources, writing)]
        if group.sources == group.targets:
            needed = [(group.targets, writing + reading)]
        # free the others before layers are read
        self._kept = {it: stacks for it, stacks in self._kept.items() if it in needed}
        for layers, roles in needed:
            if (layers, roles) not in self._kept:
                self._kept[layers, roles] = collect(
                    spec.weights,
                    roles,
                    layers=layers,
                    factors=[METRICS[name].factors for name in spec.metrics],
                    backend=spec.backend,
                    progress=progress,
                    executor=threads,
                )
        return self._kept[needed[-1]], self._kept[needed[0]]


T_co = TypeVar("T_co", covariant=True)


class Part(Protocol[T_co]):
    """A function of a spec and a group of layers, such as `score_group`, without shared state."""

    def __call__(
        self,
        spec: Spec,
        group: Group,
        *,
        factors: Factors,
        threads: Executor | None,
        progress: Progress,
    ) -> T_co:
        """What it makes of the group; arguments as for `score_group`."""
        ...


def score_group(
    spec: Spec,
    group: Group,
    *,
    factors: Factors | None = None,
    threads: Executor | None = None,
    progress: Progress | None = None,
) -> GroupScores:
    """Score the pairs of a group of layers: the same arguments, the same bits.

    Args:
        spec: what to score and how.
        group: the source layers and target layers.
        factors: those of the group before; they save reading, and change no result.
        threads: where layers are read and compared; by default those of the spec's backend.
        progress: as for `compute`.
    """
    if threads is None:
        with spec.backend.workers() as threads:
            return score_group(spec, group, factors=factors, threads=threads, progress=progress)
    sources, targets = (factors or Factors()).of(spec, group, threads, progress)
    scores = _scores(spec, sources, targets, threads, progress)
    parts, decoys = {}, {}
    for pairing in spec.pairings:
        values = {name: found[pairing] for name, found in scores.items()}
        rows = block_columns(sources, targets, pairing, values, spec.kv, spec.layer_order)
        parts[pairing] = Sieve(spec.selection, spec.pair_bound(pairing)).sift(rows)
        if pairing in spec.decoy_pairings:
            backward = backward_pk(sources, targets, pairing, values["pk"], spec.kv)
            decoys[pairing] = DecoyCounts()
            decoys[pairing].add(rows["pk"], *backward)
    return GroupScores(
        parts,
        decoys,
        sources.digests | targets.digests,
        sources.deficient() + targets.deficient(),
        sources.head_scores | targets.head_scores,
    )


def _scores(
    spec: Spec,
    sources: HeadStacks,
    targets: HeadStacks,
    threads: Executor,
    progress: Progress | None,
) -> dict[str, Any]:
    """Metric -> pairing -> sources x targets."""
    executor = spec.backend.computing(threads)
    if progress:
        comparisons = len(spec.metrics) * len(by_source(spec.pairings))
        executor = ProgressExecutor(executor, progress, comparisons)
    return {
        name: score(
            METRICS[name],
            sources,
            targets,
            spec.pairings,
            spec.layer_order,
            executor,
            apart=spec.apart(name),
        )
        for name in spec.metrics
    }

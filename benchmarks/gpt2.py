"""GPT-2 small from role matrices in memory to scores, beside the other ways: `make bench`.

Everything runs in one process, warm and in turn, except peaks of memory, for which each way has a
process of its own. Writes into docs/project/performance.md.
"""

import argparse
import csv
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import partial
from statistics import median
from typing import Any

import numpy as np
from scipy.linalg import subspace_angles

from benchmarks.common import (
    DOCS,
    GPT2,
    in_turn,
    machine,
    processor,
    ratio,
    spread,
    table,
    watched,
    write,
)
from headgraph.base.names import GRAPH_PAIRINGS
from headgraph.pk_engine.linalg.backends import Backend
from headgraph.pk_engine.linalg.bases import one_thread
from headgraph.pk_engine.metrics.layer_order import pairs_of
from headgraph.pk_engine.metrics.registry import METRICS, Scores, score
from headgraph.pk_engine.metrics.stacks import HeadStacks
from headgraph.pk_engine.models.interface import Layer
from headgraph.pk_engine.models.weights import ModelWeights
from headgraph.pk_engine.planning._plan import plan
from headgraph.pk_engine.scoring.layers import allocate, fill

ROUNDS = 9
SQUARE = 3072
SAMPLE = 60
"""Pairs that the loop is timed on; what all of them would take is this many times as much."""
LAYERS = range(12)
MINE = "headgraph, NumPy"
RUNS = DOCS / "data" / "gpt2-runs.csv"
BACKENDS = {MINE: Backend("numpy"), "headgraph, torch": Backend("torch")}


def stacks(layers: list[Layer], factors: str, backend: Backend) -> HeadStacks:
    """Factors of all heads, from matrices in memory."""
    found = allocate(ModelWeights(GPT2).shape, "QKVO", LAYERS, [factors], backend)
    with backend.workers() as threads:
        list(threads.map(lambda layer: fill(found, layer, layers[layer]), LAYERS))
    return found


def scores(found: HeadStacks, metric: str) -> Scores:
    """OQ, OK and OV from factors."""
    with found.backend.workers() as threads:
        executor = found.backend.computing(threads)
        return score(METRICS[metric], found, found, GRAPH_PAIRINGS, "forward", executor)


def ours(layers: list[Layer], metric: str, backend: Backend) -> Scores:
    """One metric of OQ, OK and OV, as `compute` goes about it."""
    return scores(stacks(layers, METRICS[metric].factors, backend), metric)


def loop(layers: list[Layer]) -> list[float]:
    """PK of a sample of pairs, a pair at a time: what people write."""
    rng = np.random.default_rng(0)
    found = []
    with one_thread():  # which makes it several times faster on a machine that is not idle
        for _ in range(SAMPLE):
            first, last = sorted(rng.choice(LAYERS, 2, replace=False))
            source, target = rng.integers(12, size=2)
            role = "QKV"[rng.integers(3)]
            angles = subspace_angles(layers[first]["O"][source], layers[last][role][target])
            found.append(float(np.square(np.cos(angles)).sum()))
    return found


def check(own: Scores, other: dict[str, Any]) -> float:
    """Largest difference between two ways to the same scores, over the pairs that count."""
    mask = pairs_of(LAYERS, LAYERS, 12, 12, "forward")
    return max(
        float(np.abs(own[pairing] - other[pairing].numpy().reshape(mask.shape))[mask].max())
        for pairing in GRAPH_PAIRINGS
    )


def square(product: Callable[[Any, Any], Any], make: Callable[..., Any]) -> Callable[[], Any]:
    """A square matrix product, for the rate that this machine reaches."""
    a, b = make((SQUARE, SQUARE)), make((SQUARE, SQUARE))
    return partial(product, a, b)


def lines(times: Mapping[str, list[float]], digits: int, *bases: str) -> Iterator[list[str]]:
    """Rows of a table: median, range, and how many times what each of `bases` takes."""
    for name, own in times.items():
        relative = [f"{ratio(own, times[base]):.{digits}f}" for base in bases]
        yield [name, f"{median(own):.2f}", spread(own), *relative]


def projection_kernel(layers: list[Layer], model: Any) -> None:
    """Time and compare the ways to PK."""
    from benchmarks import lens

    works: dict[str, Callable[[], Any]] = {
        name: partial(ours, layers, "pk", backend) for name, backend in BACKENDS.items()
    }
    works["TransformerLens"] = partial(lens.projection_kernel, model)
    theirs = works["TransformerLens"]()
    differences = [check(works[name](), theirs) for name in BACKENDS]
    pairwise = f"`scipy.linalg.subspace_angles` for each pair ({SAMPLE} pairs, extrapolated)"
    product = square(np.matmul, partial(np.ones, dtype=np.float32))
    times = in_turn({**works, pairwise: partial(loop, layers), "square": product}, ROUNDS)
    record(times["TransformerLens"], [times[name] for name in BACKENDS], times.pop("square"))
    pairs = sum(plan(GPT2, calibrate=False).pairs.values())
    times[pairwise] = [took * pairs / SAMPLE for took in times[pairwise]]
    head = [
        f"OQ, OK and OV of GPT-2 small, {pairs:,} pairs",
        "median s",
        "range s",
        "times headgraph's on NumPy",
        "on torch",
    ]
    write(
        "projection kernel",
        f"{machine('scipy', 'torch', 'transformer-lens', rounds=ROUNDS)} TransformerLens's scores "
        f"differ by at most {max(differences):.0e}.\n\n{table(head, lines(times, 1, *BACKENDS))}",
    )


def record(theirs: list[float], own: list[list[float]], square: list[float]) -> None:
    """Add this run to those that there are, and show them all: they differ with the hour."""
    RUNS.parent.mkdir(exist_ok=True)
    new = not RUNS.exists()
    with RUNS.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        if new:
            writer.writerow(["taken", "processor", "square product GFLOP/s", *BACKENDS])
        rate = 2 * SQUARE**3 / median(square) / 1e9
        times = [f"{ratio(theirs, one):.1f}" for one in own]
        writer.writerow([f"{datetime.now():%Y-%m-%d %H:%M}", processor(), f"{rate:.0f}", *times])
    with RUNS.open(newline="", encoding="utf-8") as file:
        head, *rows = csv.reader(file)
    write("runs", table(head, rows))


def rates(layers: list[Layer]) -> None:
    """What share of the machine's square matrix product rate the kernel reaches."""
    import torch

    ones = partial(np.ones, dtype=np.float32)
    works: dict[str, Callable[[], Any]] = {
        "NumPy": square(np.matmul, ones),
        "torch": square(torch.matmul, torch.ones),
    }
    for name, backend in BACKENDS.items():
        works[name] = partial(scores, stacks(layers, "basis", backend), "pk")
    times = in_turn(works, ROUNDS)
    squares = [2 * SQUARE**3 / min(one) for one in zip(times["NumPy"], times["torch"], strict=True)]
    rows = [
        [f"{SQUARE} x {SQUARE} product, {name}", f"{2 * SQUARE**3 / 1e9:.1f}",
         f"{median(times[name]):.3f}", f"{2 * SQUARE**3 / median(times[name]) / 1e9:.0f}", ""]
        for name in ("NumPy", "torch")
    ]  # fmt: skip
    operations = sum(plan(GPT2, calibrate=False).operations)
    for name in BACKENDS:
        own = times[name]
        share = median(operations / k / s for k, s in zip(own, squares, strict=True))
        rows.append([f"the kernel alone, bases given: {name}", f"{operations / 1e9:.1f}",
                     f"{median(own):.3f}", f"{operations / median(own) / 1e9:.0f}",
                     f"{share:.0%}"])  # fmt: skip
    head = ["float32", "GFLOP", "median s", "GFLOP/s", "share of the faster square product"]
    write("rates", f"{machine('torch', rounds=ROUNDS)}\n\n{table(head, rows)}")


def composition(layers: list[Layer], model: Any) -> None:
    """Time and compare composition scores; their peaks are taken in processes of their own."""
    from benchmarks import lens

    works = {
        MINE: partial(ours, layers, "cs", BACKENDS[MINE]),
        "TransformerLens": partial(lens.composition, model),
    }
    mine, theirs = works.values()
    difference, rounds = check(mine(), theirs()), 3
    times = in_turn(works, rounds, warm=True)
    peaks = {
        name: [watched([sys.executable, "-m", "benchmarks.gpt2", "--only", f"{which}-{what}"])[1]
               for what in ("cs", "nothing")]
        for name, which in ((MINE, "ours"), ("TransformerLens", "lens"))
    }  # fmt: skip
    rows = [[*row, *(f"{peak:,.0f}" for peak in peaks[row[0]])] for row in lines(times, 0, MINE)]
    head = ["composition scores of the same pairs", "median s", "range s", "times headgraph's",
            "peak MB of a process", "without the scores"]  # fmt: skip
    write(
        "composition scores",
        f"{machine('torch', 'transformer-lens', rounds=rounds)} Largest difference: "
        f"{difference:.0e}.\n\n{table(head, rows)}",
    )


PARTS = {"pk": projection_kernel, "cs": composition}


def main() -> None:
    """All of it, a part, or one thing for a process whose peak is watched."""
    parser = argparse.ArgumentParser(description=__doc__)
    peaks = [f"{whose}-{what}" for whose in ("ours", "lens") for what in ("cs", "nothing")]
    parser.add_argument("--only", choices=[*PARTS, "rates", *peaks])
    only = parser.parse_args().only
    whose, _, what = (only or "").partition("-")
    layers = [] if whose == "lens" else list(ModelWeights(GPT2).layers())
    if only in (None, "rates"):
        rates(layers)
    if only == "rates" or whose == "ours":
        model = None
    else:
        from benchmarks import lens

        model = lens.bridge()
    for name, part in PARTS.items():
        if only in (None, name):
            part(layers, model)
    if what == "cs":
        lens.composition(model) if model else ours(layers, "cs", BACKENDS[MINE])


if __name__ == "__main__":
    main()

"""GPT-2 small from role matrices in memory to scores, beside the other ways: `make bench`.

Everything runs in one process, warm and in turn, except peaks of memory, for which each way has a
process of its own. Writes into docs/performance.md.
"""

import argparse
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from statistics import median
from typing import Any

import numpy as np
from scipy.linalg import subspace_angles

from benchmarks.common import GPT2, in_turn, machine, ratio, spread, table, watched, write
from pk_engine import costs
from pk_engine.bases import one_thread
from pk_engine.metrics import METRICS, Scores, score
from pk_engine.names import GRAPH_PAIRINGS
from pk_engine.pairs import pairs_of
from pk_engine.scores import usable_cpus
from pk_engine.stacks import HeadStacks, allocate, fill
from pk_engine.weights import Layer, ModelWeights

ROUNDS = 9
SQUARE = 3072
SAMPLE = 60
"""Pairs that the loop is timed on; what all of them would take is this many times as much."""
ROLES = "QKVO"


def stacks(layers: list[Layer], factors: str, executor: ThreadPoolExecutor) -> HeadStacks:
    """Factors of all heads, from matrices in memory."""
    found = allocate(ModelWeights(GPT2).shape, ROLES, [factors])
    list(executor.map(lambda layer: fill(found, layer, layers[layer]), range(len(layers))))
    return found


def ours(layers: list[Layer], metric: str) -> Scores:
    """One metric of OQ, OK and OV, as `compute` goes about it."""
    with one_thread(), ThreadPoolExecutor(usable_cpus()) as executor:
        found = stacks(layers, METRICS[metric].factors, executor)
        return score(METRICS[metric], found, GRAPH_PAIRINGS, "forward", executor)


def kernel_alone(found: HeadStacks) -> Scores:
    """The projection kernel from bases that are there already."""
    with one_thread(), ThreadPoolExecutor(usable_cpus()) as executor:
        return score(METRICS["pk"], found, GRAPH_PAIRINGS, "forward", executor)


def loop(layers: list[Layer]) -> list[float]:
    """PK of a sample of pairs, a pair at a time: what people write."""
    rng = np.random.default_rng(0)
    found = []
    for _ in range(SAMPLE):
        first, last = sorted(rng.choice(len(layers), 2, replace=False))
        source, target = rng.integers(12, size=2)
        role = "QKV"[rng.integers(3)]
        angles = subspace_angles(layers[first]["O"][source], layers[last][role][target])
        found.append(float(np.square(np.cos(angles)).sum()))
    return found


def check(own: Scores, other: dict[str, Any]) -> float:
    """Largest difference between two ways to the same scores, over the pairs that count."""
    mask = pairs_of(12, 12, 12, "forward")
    return max(
        float(np.abs(own[pairing] - other[pairing].numpy().reshape(mask.shape))[mask].max())
        for pairing in GRAPH_PAIRINGS
    )


def square(product: Callable[[Any, Any], Any], make: Callable[..., Any]) -> Callable[[], Any]:
    """A square matrix product, for the rate that this machine reaches."""
    a, b = make((SQUARE, SQUARE)), make((SQUARE, SQUARE))
    return partial(product, a, b)


def projection_kernel(layers: list[Layer], model: Any) -> None:
    """Time and compare the ways to PK."""
    import torch

    from benchmarks import lens

    shape = ModelWeights(GPT2).shape
    with one_thread(), ThreadPoolExecutor(usable_cpus()) as executor:
        found = stacks(layers, "basis", executor)
    ones = partial(np.ones, dtype=np.float32)
    mine, theirs, alone, pairwise = "headgraph, NumPy", "TransformerLens", "kernel", "loop"
    works = {
        mine: partial(ours, layers, "pk"),
        theirs: partial(lens.projection_kernel, model),
        pairwise: partial(loop, layers),
        alone: partial(kernel_alone, found),
        "NumPy": square(np.matmul, ones),
        "torch": square(torch.matmul, torch.ones),
    }
    difference = check(works[mine](), works[theirs]())
    times = in_turn(works, ROUNDS)
    pairs = sum(costs.pairs(shape, pairing, "forward", expand=False) for pairing in GRAPH_PAIRINGS)
    scaled = [took * pairs / SAMPLE for took in times[pairwise]]
    rows = [
        [name, f"{median(own):.2f}", spread(own), f"{ratio(own, times[mine]):.1f}"]
        for name, own in ((mine, times[mine]), (theirs, times[theirs]))
    ]
    rows.append(
        [
            f"`scipy.linalg.subspace_angles` for each pair ({SAMPLE} pairs, extrapolated)",
            f"{median(scaled):.0f}",
            f"{min(scaled):.0f} to {max(scaled):.0f}",
            f"{ratio(scaled, times[mine]):.0f}",
        ]
    )
    head = [
        "OQ, OK and OV of GPT-2 small, 28,512 pairs",
        "median s",
        "range s",
        "times headgraph's",
    ]
    write(
        "projection kernel",
        f"{machine('scipy', 'torch', 'transformer-lens', rounds=ROUNDS)} Largest difference of "
        f"the first two: {difference:.0e}.\n\n{table(head, rows)}\n\n"
        + rates(times[alone], {name: times[name] for name in ("NumPy", "torch")}),
    )


def rates(kernel: list[float], squares: dict[str, list[float]]) -> str:
    """What share of the machine's matrix product rate the kernel reaches."""
    shape = ModelWeights(GPT2).shape
    made = costs.calls(METRICS["pk"], shape, GRAPH_PAIRINGS, "forward")
    operations = sum(costs.kernel_operations(made))
    rows = [["kernel alone, bases given", f"{operations / 1e9:.1f}", f"{median(kernel):.3f}",
             f"{operations / median(kernel) / 1e9:.0f}", ""]]  # fmt: skip
    done = 2 * SQUARE**3
    for name, own in squares.items():
        share = median(operations / k / (done / s) for k, s in zip(kernel, own, strict=True))
        rows.append([f"{SQUARE} x {SQUARE} product, {name}", f"{done / 1e9:.1f}",
                     f"{median(own):.3f}", f"{done / median(own) / 1e9:.0f}",
                     f"{share:.0%}"])  # fmt: skip
    head = ["float32", "GFLOP", "median s", "GFLOP/s", "share of it the kernel reaches"]
    return table(head, rows)


def composition(layers: list[Layer], model: Any) -> None:
    """Time and compare composition scores; their peaks are taken in processes of their own."""
    from benchmarks import lens

    works = {
        "headgraph, NumPy": partial(ours, layers, "cs"),
        "TransformerLens": partial(lens.composition, model),
    }
    mine, theirs = works.values()
    difference, rounds = check(mine(), theirs()), 3
    times = in_turn(works, rounds)
    base = times["headgraph, NumPy"]
    peaks = {
        name: [watched([sys.executable, "-m", "benchmarks.gpt2", "--only", f"{which}-{what}"])[1]
               for what in ("cs", "nothing")]
        for name, which in (("headgraph, NumPy", "ours"), ("TransformerLens", "lens"))
    }  # fmt: skip
    rows = [
        [name, f"{median(own):.2f}", spread(own), f"{ratio(own, base):.0f}",
         *(f"{peak:,.0f}" for peak in peaks[name])]
        for name, own in times.items()
    ]  # fmt: skip
    head = ["composition scores of the same pairs", "median s", "range s", "times headgraph's",
            "peak MB of a process", "without the scores"]  # fmt: skip
    write(
        "composition scores",
        f"{machine('torch', 'transformer-lens', rounds=rounds)} Largest difference: "
        f"{difference:.0e}.\n\n{table(head, rows)}",
    )


def main() -> None:
    """All of it, or one thing for a process whose peak is watched."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=["ours-cs", "ours-nothing", "lens-cs", "lens-nothing"])
    only = parser.parse_args().only or ""
    layers = [] if only.startswith("lens") else list(ModelWeights(GPT2).layers())
    model = None
    if not only.startswith("ours"):
        from benchmarks import lens

        model = lens.bridge()
    if only == "ours-cs":
        ours(layers, "cs")
    elif only == "lens-cs":
        lens.composition(model)
    elif not only:
        projection_kernel(layers, model)
        composition(layers, model)


if __name__ == "__main__":
    main()

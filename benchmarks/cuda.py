"""On a CUDA device: its tests, GPT-2 small, and a model shaped like Llama 7B, in some minutes.

    python -m benchmarks.cuda                  # writes into project/performance.md
    python -m benchmarks.cuda --json FILE      # on a machine that has no clone to write into
    python -m benchmarks.cuda --from FILE      # writes that file's figures into the page

The kernel beside the device's own square matrix products, the whole way from role matrices to
scores beside TransformerLens's function on the same device, and the whole of `compute` from shards
on disk.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from benchmarks.common import GPT2, in_turn, machine, ratio, seconds, spread, table, write
from benchmarks.gpt2 import check, ours, scores, stacks
from benchmarks.llama7b import HEADS, Weights, save
from benchmarks.llama7b import transformer_lens as theirs_at
from headgraph.pk_engine import compute, plan
from headgraph.pk_engine.linalg.backends import Backend
from headgraph.pk_engine.metrics.stacks import HeadStacks
from headgraph.pk_engine.models.interface import Layer
from headgraph.pk_engine.models.weights import ModelWeights
from headgraph.pk_engine.planning._plan import Plan
from headgraph.pk_engine.scoring.layers import allocate
from headgraph.pk_engine.table.selection import Selection

ROUNDS = 7
GPU = Backend("torch", "cuda")
SQUARES = (3072, 8192)
"""Sizes of the square products; a device reaches its rate at the larger one, if at any."""
GOAL = 0.5
"""The share of the device's product rate that the kernel should reach."""


def done(work: Callable[[], Any]) -> Callable[[], Any]:
    """The same, and wait until the device is done."""

    def run() -> Any:
        result = work()
        torch.cuda.synchronize()
        return result

    return run


def on_device(layers: list[Layer]) -> Weights:
    """What TransformerLens's function asks of a model: its weights, on the device."""

    def block(layer: Layer) -> SimpleNamespace:
        held = {f"W_{role}": torch.from_numpy(layer[role]).cuda() for role in "QKV"}
        held["W_O"] = torch.from_numpy(np.ascontiguousarray(layer["O"].mT)).cuda()
        return SimpleNamespace(attn=SimpleNamespace(**held))

    return Weights(SimpleNamespace(device="cuda"), [(i, block(x)) for i, x in enumerate(layers)])


def lens_scores(model: Weights) -> dict[str, Any]:
    """OQ, OK and OV by TransformerLens's function, left on the device."""
    from transformer_lens.tools.analysis import attention_head_subspace_affinity

    with torch.inference_mode():
        return {
            f"O{role}": attention_head_subspace_affinity(model, target_role=role).scores
            for role in "QKV"
        }


def factored(found: HeadStacks, held: list[Any]) -> None:
    """Bases of all layers, from matrices on the device into stacks there."""
    for layer, here in enumerate(held):
        found.backend.factored(here, here, found.basis.rows[layer])


def products() -> dict[str, Callable[[], Any]]:
    """Square matrix products in true float32."""
    torch.set_float32_matmul_precision("highest")
    found = {}
    for size in SQUARES:
        a, b = (torch.ones((size, size), device=GPU.device) for _ in range(2))
        found[f"{size} x {size} product, float32, no TF32"] = done(partial(torch.matmul, a, b))
    return found


def kernel_operations(expected: Plan) -> float:
    """Operations of the kernel, as `plan` counts them."""
    return float(sum(expected.operations))


def shares(times: dict[str, list[float]], operations: dict[str, float]) -> dict[str, str]:
    """The rate of each work whose operations are known, and its share of the fastest product's."""
    rates = {name: operations[name] / median(times[name]) for name in operations}
    most = max(rate for name, rate in rates.items() if "product" in name)
    return {name: f"{rate / 1e12:.1f} ({rate / most:.0%})" for name, rate in rates.items()}


def gpt2(folder: Path) -> str:
    """From role matrices in main memory, or on the device, to scores."""
    layers = list(ModelWeights(folder).layers())
    model = on_device(layers)
    cpu, gpu = "headgraph, NumPy, all processors", "headgraph, torch on CUDA"
    lens = "TransformerLens's function on CUDA, weights there"
    works: dict[str, Callable[[], Any]] = {
        cpu: partial(ours, layers, "pk", Backend("numpy")),
        gpu: done(partial(ours, layers, "pk", GPU)),
        lens: done(partial(lens_scores, model)),
    }
    other = {name: value.cpu() for name, value in works[lens]().items()}
    apart = check(works[gpu](), other)
    found, squares = stacks(layers, "basis", GPU), products()
    held = [GPU.uploaded([layer[role] for role in "QKVO"]) for layer in layers]
    kernel = "headgraph, the kernel alone, bases on the device"
    works["headgraph, torch on CUDA, matrices there"] = done(
        lambda: (factored(found, held), scores(found, "pk"))
    )
    works["headgraph, the bases alone, matrices there"] = done(partial(factored, found, held))
    works[kernel] = done(partial(scores, found, "pk"))
    times = in_turn(works | squares, ROUNDS)
    counted = {kernel: kernel_operations(plan(folder, calibrate=False))}
    rates = shares(times, counted | square_operations(squares))
    rows = [
        [name, f"{median(own) * 1e3:.1f}", spread([1e3 * t for t in own]),
         f"{ratio(own, times[gpu]):.2f}", rates.get(name, "")]
        for name, own in times.items()
    ]  # fmt: skip
    head = ["OQ, OK and OV of GPT-2 small", "median ms", "range ms", "beside ours on CUDA",
            "TFLOP/s (of the fastest product)"]  # fmt: skip
    return f"{table(head, rows)}\n\nTransformerLens's scores differ by at most {apart:.0e}."


def square_operations(squares: dict[str, Any]) -> dict[str, float]:
    """Operations of the square products."""
    return {name: 2.0 * size**3 for name, size in zip(squares, SQUARES, strict=True)}


def llama(layers: int) -> str:
    """`compute` from shards on disk, its peak on the device, and TransformerLens's function."""
    with tempfile.TemporaryDirectory(prefix="headgraph-bench-") as name:
        folder = save(Path(name), layers, HEADS)
        options: dict[str, Any] = {"device": GPU.device, "selection": Selection(top_percent=3)}
        compute(folder, **options)  # files into the system's cache, libraries into memory
        torch.cuda.reset_peak_memory_stats()
        expected = plan(folder, device=GPU.device)
        took = seconds(partial(compute, folder, **options))
        peak = torch.cuda.max_memory_allocated() / 1e9
        rate = kernel_rate(ModelWeights(folder), kernel_operations(expected))
    pairs = sum(expected.pairs.values())
    torch.cuda.empty_cache()
    rows = [["headgraph, shards on disk to table", f"{pairs:,}", f"{took:.1f}", f"{peak:.1f}"]]
    torch.cuda.reset_peak_memory_stats()
    try:
        lens = f"{theirs_at(layers, GPU.device):.1f}"
    except torch.cuda.OutOfMemoryError:
        lens = "out of memory"
    peak = torch.cuda.max_memory_allocated() / 1e9
    rows.append(["TransformerLens's function, weights there", f"{pairs:,}", lens, f"{peak:.1f}"])
    head = [f"{layers} layers, {HEADS} heads of 128", "pairs", "s", "peak GB on the device"]
    planned = sum(expected.seconds.values())
    return f"{table(head, rows)}\n\n`headgraph plan` expected {planned:.1f} s. {rate}"


def kernel_rate(weights: ModelWeights, operations: float) -> str:
    """A sentence: how fast the kernel is at a model's sizes, of numbers that do not matter."""
    places = range(len(weights.shape.layers))
    found = allocate(weights.shape, "QKVO", places, ["basis"], GPU)
    found.basis.rows.fill_(0.01)
    squares, name = products(), "kernel"
    times = in_turn({name: done(partial(scores, found, "pk"))} | squares, ROUNDS)
    rates = shares(times, {name: operations} | square_operations(squares))
    return (
        f"The kernel alone takes {median(times[name]):.2f} s: TFLOP/s (share of the fastest square "
        f"product) {rates[name]}; the goal is {GOAL:.0%}."
    )


def tests() -> str:
    """A sentence on the tests that need a CUDA device."""
    command = [sys.executable, "-m", "pytest", "-q", "-m", "gpu", "-p", "no:cacheprovider",
               "tests/pk_engine/linalg"]  # fmt: skip
    said = subprocess.run(command, capture_output=True, text=True)
    if said.returncode:
        raise SystemExit(f"{' '.join(command)}\n{said.stdout}{said.stderr}")
    return f"The tests that need a CUDA device: {said.stdout.splitlines()[-1].strip()}."


def main() -> None:
    """Take the figures and write them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--model", type=Path, default=GPT2)
    parser.add_argument("--layers", type=int, nargs="*", default=[8, 32])
    parser.add_argument("--json", type=Path, help="write the figures there and not into docs/")
    parser.add_argument("--from", type=Path, dest="stored", help="a file that --json wrote")
    asked = parser.parse_args()
    if asked.stored:
        write("cuda", json.loads(asked.stored.read_text("utf-8")))
        return
    if not torch.cuda.is_available():
        raise SystemExit("torch finds no CUDA device here: these figures need one")
    about = machine("torch", "transformer-lens", rounds=ROUNDS)
    parts = [f"{about} The device: {torch.cuda.get_device_name()}. {tests()}", gpt2(asked.model)]
    parts += map(llama, asked.layers)
    text = "\n\n".join(parts)
    if asked.json:
        print(text)
        asked.json.write_text(json.dumps(text), "utf-8")
    else:
        write("cuda", text)


if __name__ == "__main__":
    main()

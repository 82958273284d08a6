"""On a CUDA device: GPT-2 small and a model shaped like Llama 7B. `python -m benchmarks.cuda`.

The kernel beside the device's own square matrix product, the whole way from role matrices to
scores beside TransformerLens's function on the same device, and the whole of `compute` from shards
on disk. Writes into project/performance.md; `--json FILE` keeps the text instead, for a machine
that has no clone to write into.
"""

import argparse
import json
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
from benchmarks.gpt2 import SQUARE, check, ours, scores, stacks
from benchmarks.llama7b import HEADS, Weights, save
from benchmarks.llama7b import transformer_lens as theirs_at
from headgraph.pk_engine import compute, plan
from headgraph.pk_engine.linalg.backends import Backend
from headgraph.pk_engine.models.interface import Layer
from headgraph.pk_engine.models.weights import ModelWeights
from headgraph.pk_engine.table.selection import Selection

ROUNDS = 7
GPU = Backend("torch", "cuda")


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


def gpt2(folder: Path) -> str:
    """From role matrices in main memory to scores there."""
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
    bases = stacks(layers, "basis", GPU)
    kernel = "the kernel alone, bases on the device"
    works[kernel] = done(partial(scores, bases, "pk"))
    a, b = (torch.ones((SQUARE, SQUARE), device="cuda") for _ in range(2))
    product = f"{SQUARE} x {SQUARE} product, float32, no TF32"
    works[product] = done(partial(torch.matmul, a, b))
    times = in_turn(works, ROUNDS)
    operations = {kernel: sum(plan(folder, calibrate=False).operations), product: 2 * SQUARE**3}
    rows = [
        [name, f"{median(own) * 1e3:.1f}", spread([1e3 * t for t in own]),
         f"{ratio(own, times[gpu]):.2f}",
         f"{operations[name] / median(own) / 1e12:.1f}" if name in operations else ""]
        for name, own in times.items()
    ]  # fmt: skip
    head = ["OQ, OK and OV of GPT-2 small", "median ms", "range ms", "beside ours on CUDA",
            "TFLOP/s"]  # fmt: skip
    return f"{table(head, rows)}\n\nTransformerLens's scores differ by at most {apart:.0e}."


def llama(layers: int) -> str:
    """`compute` from shards on disk, its peak on the device, and TransformerLens's function."""
    with tempfile.TemporaryDirectory(prefix="headgraph-bench-") as name:
        folder = save(Path(name), layers, HEADS)
        options: dict[str, Any] = {"device": "cuda", "selection": Selection(top_percent=3)}
        compute(folder, **options)  # files into the system's cache, libraries into memory
        torch.cuda.reset_peak_memory_stats()
        expected = plan(folder, device="cuda")
        took = seconds(partial(compute, folder, **options))
        peak = torch.cuda.max_memory_allocated() / 1e9
    pairs = sum(expected.pairs.values())
    torch.cuda.empty_cache()
    rows = [["headgraph, shards on disk to table", f"{pairs:,}", f"{took:.1f}", f"{peak:.1f}"]]
    torch.cuda.reset_peak_memory_stats()
    try:
        lens = f"{theirs_at(layers, 'cuda'):.1f}"
    except torch.cuda.OutOfMemoryError:
        lens = "out of memory"
    peak = torch.cuda.max_memory_allocated() / 1e9
    rows.append(["TransformerLens's function, weights there", f"{pairs:,}", lens, f"{peak:.1f}"])
    head = [f"{layers} layers, {HEADS} heads of 128", "pairs", "s", "peak GB on the device"]
    planned = sum(expected.seconds.values())
    return f"{table(head, rows)}\n\n`headgraph plan` expected {planned:.1f} s."


def main() -> None:
    """Take the figures and write them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=GPT2)
    parser.add_argument("--layers", type=int, nargs="*", default=[8, 32])
    parser.add_argument("--json", type=Path, help="write the text there and not into docs/")
    asked = parser.parse_args()
    if not torch.cuda.is_available():
        raise SystemExit("torch finds no CUDA device here: these figures need one")
    parts = [f"{machine('torch', 'transformer-lens', rounds=ROUNDS)} "
             f"The device: {torch.cuda.get_device_name()}.", gpt2(asked.model)]  # fmt: skip
    parts += map(llama, asked.layers)
    text = "\n\n".join(parts)
    if asked.json:
        print(text)
        asked.json.write_text(json.dumps(text), "utf-8")
    else:
        write("cuda", text)


if __name__ == "__main__":
    main()

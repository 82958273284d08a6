"""A model shaped like Llama 7B, random, from shards on disk: `make bench-large`.

The whole command as layers grow, its time and its peak of memory; the same with eight key/value
heads; and the products X^T Y of all pairs, as TransformerLens takes them, for comparison. Writes
into docs/performance.md. `--layers 4` for a look that takes a minute.
"""

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
from safetensors.numpy import save_file

from benchmarks.common import machine, seconds, table, watched, write
from pk_engine import plan
from pk_engine.names import GRAPH_PAIRINGS
from pk_engine.pairs import layer_blocks
from pk_engine.planning import Plan

HEADS, D_MODEL, D_HEAD = 32, 4096, 128


def config(layers: int, kv_heads: int) -> dict[str, Any]:
    """What a Llama of this size has in config.json."""
    return {
        "model_type": "llama",
        "num_hidden_layers": layers,
        "num_attention_heads": HEADS,
        "num_key_value_heads": kv_heads,
        "hidden_size": D_MODEL,
        "dtype": "bfloat16",
    }


def save(folder: Path, layers: int, kv_heads: int) -> Path:
    """Random attention weights, a shard per layer, written one after another."""
    (folder / "config.json").write_text(json.dumps(config(layers, kv_heads)))
    wanted = plan(folder, calibrate=False).bytes_read
    free = shutil.disk_usage(folder).free
    if free < 2 * wanted:
        raise SystemExit(
            f"{folder} has {free / 1e9:.1f} GB free: wanted {2 * wanted / 1e9:.1f}, twice what "
            "the weights take; TMPDIR names another place"
        )
    rng, where = np.random.default_rng(0), {}
    for layer in range(layers):
        shard = f"model-{layer + 1:05}-of-{layers:05}.safetensors"
        tensors = {}
        for role in "qkvo":
            rows = (kv_heads if role in "kv" else HEADS) * D_HEAD
            name = f"model.layers.{layer}.self_attn.{role}_proj.weight"
            weights = rng.standard_normal((rows, D_MODEL), np.float32)
            tensors[name], where[name] = weights.astype(ml_dtypes.bfloat16), shard
        save_file(tensors, folder / shard)
    index = {"weight_map": where}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return folder


def measure(layers: int, kv_heads: int) -> list[str]:
    """A row of the table: one run of the command, what was expected of it, and its peak."""
    with tempfile.TemporaryDirectory(prefix="headgraph-bench-") as name:
        folder = save(Path(name), layers, kv_heads)
        expected = plan(folder)
        output = str(folder / "t.parquet")
        command = [sys.executable, "-m", "headgraph", "compute", str(folder), "-o", output]
        took, peak = watched(command)
    return row(layers, kv_heads, expected, took, peak)


def row(layers: int, kv_heads: int, expected: Plan, took: float, peak: float) -> list[str]:
    """One line: sizes, seconds and megabytes, expected and measured."""
    pairs = sum(expected.pairs.values())
    return [
        str(layers),
        str(kv_heads),
        f"{pairs:,}",
        expected.backend,
        str(expected.groups),
        f"{took:.0f}",
        f"{took / pairs * 1e6:.0f}",
        f"{sum(expected.seconds.values()):.0f}",
        f"{peak:,.0f}",
        f"{expected.peak_memory / 1e6:,.0f}",
    ]


def direct(layers: int, layer_order: str) -> float:
    """Seconds of X^T Y of all three pairings, 64 MB of products at a time, on torch.

    This is TransformerLens's way once it has its bases, which are random here. It takes `all`
    layer orders and sets those that are not forward to 0.
    """
    import torch

    bases = torch.randn((layers * HEADS, D_MODEL, D_HEAD))
    at_once = (64 << 20) // (4 * D_HEAD**2)
    blocks = layer_blocks(range(layers), range(layers), HEADS, HEADS, layer_order)

    def products() -> None:
        for _ in GRAPH_PAIRINGS:
            for sources, targets in blocks:
                x, y = bases[sources], bases[targets]
                step = max(1, at_once // len(y))
                for start in range(0, len(x), step):
                    part = torch.einsum("adr,bds->abrs", x[start : start + step], y)
                    part.square().sum((-2, -1))

    return seconds(products)


def main() -> None:
    """Run what was asked for and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--layers", type=int, nargs="+", default=[8, 16, 32])
    parser.add_argument("--yardstick", type=int, default=8, help="layers of direct products")
    parser.add_argument("--dry", action="store_true", help="print, and leave docs/ as they are")
    asked = parser.parse_args()
    rows = [measure(layers, HEADS) for layers in asked.layers]
    rows += [measure(layers, 8) for layers in asked.layers[:1]]
    head = ["layers", "key/value heads", "pairs", "backend", "groups", "s",
            "microseconds a pair", "planned s", "peak MB", "planned MB"]  # fmt: skip
    text = f"{machine('torch', rounds=1)}\n\n{table(head, rows)}"
    if asked.yardstick in asked.layers:
        over = [f"{direct(asked.yardstick, order):.0f} s" for order in ("forward", "all")]
        text += (
            f"\n\nDirect products alone, on torch, {asked.yardstick} layers: {over[0]} over the "
            f"forward pairs, {over[1]} over all, which is what TransformerLens takes."
        )
    print(text) if asked.dry else write("large models", text)


if __name__ == "__main__":
    main()

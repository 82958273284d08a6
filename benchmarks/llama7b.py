"""A model shaped like Llama 7B, random, from shards on disk: `make bench-large`.

The whole command as layers grow, its time and its peak of memory; the same with eight key/value
heads; and TransformerLens's function on as many random weights, for comparison. Writes into
docs/project/performance.md. `--layers 4` for a look that takes a minute.
"""

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import ml_dtypes
import numpy as np
from safetensors.numpy import save_file

from benchmarks.common import machine, seconds, table, watched, write
from headgraph.pk_engine import plan
from headgraph.pk_engine.planning._plan import Plan

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
            f"{folder} has {free / 1e9:.1f} GB free: expected {2 * wanted / 1e9:.1f}, twice what "
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


def measure(layers: int, kv_heads: int) -> tuple[float, list[str]]:
    """Seconds, and a row of the table: a run of the command, what was expected, and its peak."""
    with tempfile.TemporaryDirectory(prefix="headgraph-bench-") as name:
        folder = save(Path(name), layers, kv_heads)
        expected = plan(folder)
        output = str(folder / "t.parquet")
        command = [sys.executable, "-m", "headgraph", "compute", str(folder), "-o", output]
        took, peak = watched(command)
    return took, row(layers, kv_heads, expected, took, peak)


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


class Weights(NamedTuple):
    """The part of a TransformerBridge that its function asks for: weights of each layer, random."""

    cfg: SimpleNamespace
    layers: list[tuple[int, SimpleNamespace]]

    def blocks_with(self, _: str) -> list[tuple[int, SimpleNamespace]]:
        """Each layer's number and block."""
        return self.layers


def transformer_lens(layers: int, device: str = "cpu") -> float:
    """Seconds of TransformerLens's own function for the three pairings, weights on the device."""
    import torch
    from transformer_lens.tools.analysis import attention_head_subspace_affinity

    torch.manual_seed(0)

    def block() -> SimpleNamespace:
        shapes = {"Q": (D_MODEL, D_HEAD), "K": (D_MODEL, D_HEAD), "V": (D_MODEL, D_HEAD)}
        shapes["O"] = (D_HEAD, D_MODEL)
        weights = {
            f"W_{r}": torch.randn((HEADS, *s), device=device).bfloat16() for r, s in shapes.items()
        }
        return SimpleNamespace(attn=SimpleNamespace(**weights))

    model = Weights(SimpleNamespace(device=device), [(i, block()) for i in range(layers)])

    def pairings() -> None:
        for role in "QKV":
            # what is left on a device has to come from there before it is done
            attention_head_subspace_affinity(model, target_role=role).scores.cpu()

    with torch.inference_mode():
        return seconds(pairings)


def main() -> None:
    """Run what was asked for and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--layers", type=int, nargs="+", default=[8, 16, 32])
    parser.add_argument("--yardstick", type=int, default=8, help="layers for TransformerLens")
    parser.add_argument("--dry", action="store_true", help="print, and leave docs/ as they are")
    asked = parser.parse_args()
    sizes = [*((layers, HEADS) for layers in asked.layers), (asked.layers[0], 8)]
    times, rows = zip(*(measure(*size) for size in sizes), strict=True)
    head = ["layers", "key/value heads", "pairs", "backend", "groups", "s",
            "microseconds a pair", "planned s", "peak MB", "planned MB"]  # fmt: skip
    text = f"{machine('torch', rounds=1)}\n\n{table(head, rows)}"
    if asked.yardstick in asked.layers:
        took = transformer_lens(asked.yardstick)
        own = times[asked.layers.index(asked.yardstick)]
        text += (
            f"\n\nTransformerLens's `attention_head_subspace_affinity` at {asked.yardstick} "
            f"layers, once for each pairing, weights in memory: {took:.0f} s, {took / own:.1f} "
            "times the whole command."
        )
    print(text) if asked.dry else write("large models", text)


if __name__ == "__main__":
    main()

"""One and two Dask workers of one thread beside this process on one processor.

`python -m benchmarks.cluster` (needs the extra cluster) writes into docs/project/performance.md.
The clusters run before the first round, so their start is not counted. `costs` is for
docs/guides/cluster.md: what `plan` expects of large models, which is the same on every machine.
"""

import json
import os
import tempfile
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from benchmarks.common import in_turn, machine, ratio, spread, table, write
from headgraph.pk_engine import AffinityTable, compute, plan
from headgraph.pk_engine.linalg.backends import Backend
from headgraph.pk_engine.planning._plan import Plan
from headgraph.pk_engine.planning.machine import Machine

ROUNDS = 5
LAYERS, HEADS, D_HEAD = 8, 16, 64
HOW: dict[str, Any] = {"backend": "numpy", "memory": 0.04}
MODELS = {
    "7B": (32, 32, 32, 4096),
    "70B": (80, 64, 8, 8192),
    "405B": (126, 128, 8, 16384),
}
"""Layers, heads, key/value heads and d_model of Llama models."""
SERVER = Machine.by_hand(Backend(), 1000.0, 100.0, 128)
SERVER_MEMORY = 256 * 10**9
H100 = Machine.by_hand(Backend("torch", "cuda"), 2800.0, 100.0, 128)


def config(layers: int, heads: int, kv_heads: int, d_model: int) -> dict[str, Any]:
    """What a Llama of this size has in config.json."""
    return {
        "model_type": "llama",
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "hidden_size": d_model,
        "dtype": "bfloat16",
    }


def save(folder: Path) -> Path:
    """A model of random weights."""
    d_model = HEADS * D_HEAD
    (folder / "config.json").write_text(json.dumps(config(LAYERS, HEADS, HEADS, d_model)))
    rng = np.random.default_rng(0)
    tensors = {
        f"model.layers.{layer}.self_attn.{role}_proj.weight": rng.standard_normal(
            (d_model, d_model), np.float32
        )
        for layer in range(LAYERS)
        for role in "qkvo"
    }
    save_file(tensors, folder / "model.safetensors")
    return folder


def here(model: Path) -> AffinityTable:
    """`compute` in this process on one processor."""
    all_of_them = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(all_of_them)})  # threads that begin now inherit it
    try:
        return compute(model, **HOW)
    finally:
        os.sched_setaffinity(0, all_of_them)


def main() -> None:
    """Measure the ways in turn, and write the table."""
    from distributed import Client, LocalCluster

    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        model = save(Path(name))
        clients = []
        for workers in (1, 2):
            started = LocalCluster(
                n_workers=workers, threads_per_worker=1, dashboard_address=":0", memory_limit=0
            )
            cluster = stack.enter_context(started)
            clients.append(stack.enter_context(Client(cluster, set_as_default=False)))
        works = {
            "this process": lambda: here(model),
            "one worker": lambda: compute(model, client=clients[0], **HOW),
            "two workers": lambda: compute(model, client=clients[1], **HOW),
        }
        if len({work().sha256 for work in works.values()}) != 1:
            raise SystemExit("the tables differ: expected the same bits from each way")
        groups = plan(model, calibrate=False, **HOW).groups
        times = in_turn(works, ROUNDS, warm=True)
    base = times["this process"]
    rows = [
        [way, f"{median(took):.2f}", spread(took), f"{ratio(took, base):.2f}",
         f"{ratio(base, took):.2f}"]
        for way, took in times.items()
    ]  # fmt: skip
    head = [
        f"{LAYERS} layers, {HEADS} heads of {D_HEAD}, {groups} groups; one thread each",
        "median s",
        "range s",
        "times this process's",
        "speed-up",
    ]
    about = machine("distributed", rounds=ROUNDS)
    write("cluster", f"{about} The tables are equal.\n\n{table(head, rows)}")


def costs() -> str:
    """Markdown table of what `plan` expects of models, for docs/guides/cluster.md."""
    rows = [_costs(name, *sizes) for name, sizes in MODELS.items()]
    head = ["shape of", "pairs", "one server", "16 servers", "one H100", "8 H100"]
    return table(head, rows)


def _costs(name: str, *sizes: int) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "config.json").write_text(json.dumps(config(*sizes)))
        server = replace(SERVER, memory=SERVER_MEMORY, threads=16)
        found = [
            plan(folder, machine=kind, workers=workers)
            for kind, workers in ((server, 1), (server, 16), (H100, 1), (H100, 8))
        ]
    return [name, f"{sum(found[0].pairs.values()):,}", *map(_best, found)]


def _best(found: Plan) -> str:
    """The time with the best memory, and that memory."""
    assert found.best is not None
    return f"{_spoken(found.best.seconds)}, `--memory {found.best.memory:g}`"


def _spoken(seconds: float) -> str:
    """Two digits of a time, in the unit that suits it."""
    for unit, size in (("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * size:
            return f"{float(f'{seconds / size:.2g}'):g} {unit}"
    return f"{float(f'{seconds:.2g}'):g} s"


if __name__ == "__main__":
    main()

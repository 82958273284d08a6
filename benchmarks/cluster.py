"""`compute` on one and two Dask workers, beside this process; each of them has one thread.

`python -m benchmarks.cluster` (needs the extra cluster; three minutes) writes into
docs/project/performance.md. The model has the shape of GPT-2 medium, in groups of layers. What is
timed is a call of `compute`, from opening the model to the finished table. The clusters run and
have scored the model before, so starting and connecting do not count. The ways take turns, and
ratios are taken within a round.

Two cores are rarely twice as fast as one, because they share memory and the clock falls. So two
plain processes each compute the whole table at the same time, without Dask: what they do together,
compared with one, is the most that two workers can reach here. Processor time is that of the
processes that score; Dask's scheduler runs in this process. What a worker adds for a model of two
small layers is constant. Dask's own work in a worker (heartbeats, watching its memory) goes on
while it waits.

`costs` is for docs/guides/cluster.md: what `plan` expects of large models, which is the same on
every machine.
"""

import json
import resource
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

import numpy as np
from safetensors.numpy import save_file

from benchmarks.common import in_turn, machine, ratio, spread, table, write
from headgraph.pk_engine import compute, plan
from headgraph.pk_engine.linalg import backends
from headgraph.pk_engine.linalg.backends import Backend
from headgraph.pk_engine.planning._plan import Plan
from headgraph.pk_engine.planning.machine import Machine

ROUNDS = 3
LAYERS, HEADS, D_HEAD = 24, 16, 64
HOW: dict[str, Any] = {"backend": "numpy", "memory": 0.15}
HERE, ONE, TWO = "this process", "one worker", "two workers"
BOTH = "two processes, each the whole table"
SMALL, SMALL_ROUNDS = "induction-2l", 9
IDLE = 5
"""Seconds in which a worker waits."""
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


def here(model: Path | str) -> str:
    """The hash of the table, computed in this process on one thread."""
    with patch.object(backends, "usable_cpus", lambda: 1):
        return compute(model, **HOW).sha256


def processor_seconds() -> float:
    """Processor time of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Measure the ways in turn, and write the table."""
    from distributed import Client, LocalCluster

    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        model = save(Path(name))
        clients = []
        for workers in (1, 2):
            started = LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                dashboard_address=":0",
                memory_limit=0,
                silence_logs=50,
            )
            cluster = stack.enter_context(started)
            clients.append(stack.enter_context(Client(cluster, set_as_default=False)))
        plain = stack.enter_context(ProcessPoolExecutor(2, mp_context=get_context("spawn")))
        used: dict[str, list[float]] = {}

        def on(client: Any, way: str) -> set[str]:
            before = client.run(processor_seconds)
            found = {compute(model, client=client, **HOW).sha256}
            after = client.run(processor_seconds)
            used.setdefault(way, []).append(sum(after.values()) - sum(before.values()))
            return found

        def plainly(way: str) -> set[str]:
            before = processor_seconds()
            found = {here(model)}
            used.setdefault(way, []).append(processor_seconds() - before)
            return found

        works: dict[str, Callable[[], set[str]]] = {
            HERE: lambda: plainly(HERE),
            ONE: lambda: on(clients[0], ONE),
            TWO: lambda: on(clients[1], TWO),
            BOTH: lambda: set(plain.map(here, [model, model])),
        }
        if len(set().union(*(work() for work in works.values()))) != 1:
            raise SystemExit("the tables differ: expected the same bits from each way")
        used.clear()
        groups = plan(model, calibrate=False, **HOW).groups
        times = in_turn(works, ROUNDS, warm=True)
        small = in_turn(
            {HERE: lambda: here(SMALL), ONE: lambda: compute(SMALL, client=clients[0])},
            SMALL_ROUNDS,
        )
        idle = clients[0].run(processor_seconds)
        time.sleep(IDLE)
        idle_share = (sum(clients[0].run(processor_seconds).values()) - sum(idle.values())) / IDLE
    base, most = times[HERE], times.pop(BOTH)
    rows = [
        [way, f"{median(took):.2f}", spread(took), f"{median(used[way]):.2f}",
         f"{ratio(took, base):.2f}", f"{ratio(base, took):.2f}"]
        for way, took in times.items()
    ]  # fmt: skip
    together = 2 * ratio(base, most)
    rows.append([BOTH, f"{median(most):.2f}", spread(most), "", "", f"{together:.2f} together"])
    head = [
        f"{LAYERS} layers, {HEADS} heads of {D_HEAD}, {groups} groups; one thread each",
        "median s",
        "range s",
        "processor s",
        "times this process's",
        "speed-up",
    ]
    about = machine("distributed", rounds=ROUNDS)
    constant = median(b - a for a, b in zip(small[HERE], small[ONE], strict=True))
    share = ratio(base, times[TWO]) / together
    write(
        "cluster",
        f"{about} The tables are equal. Two workers reach {share:.0%} of what two processes can "
        f"do here. For {SMALL}, one worker takes {constant:.2f} s longer than this process; so "
        f"much is constant. A worker that waits takes {idle_share:.1%} of a processor, for Dask."
        f"\n\n{table(head, rows)}",
    )


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

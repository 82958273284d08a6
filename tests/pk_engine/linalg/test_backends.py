"""Every backend that is there gives the same numbers; those that are not say so."""

import subprocess
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from headgraph.pk_engine import AffinityTable, Selection, compute
from headgraph.pk_engine.errors import EngineError
from headgraph.pk_engine.linalg import backends
from headgraph.pk_engine.linalg.backends import MEMORY, WORTH_TORCH, Backend, choose
from headgraph.pk_engine.linalg.kernel import kernel
from headgraph.pk_engine.metrics.registry import METRICS
from tests.pk_engine import oracle
from tests.shared import GPT2, MODELS, needs_shared

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)]
KEYS = ["pairing", "source_layer", "source_head", "target_layer", "target_head"]


def by_pair(table: AffinityTable) -> np.ndarray:
    frame = table.frame.sort_values(KEYS)
    return frame[[name for name in METRICS if name in frame]].to_numpy(np.float64)


@needs_shared
@pytest.mark.parametrize("model", ["slm-4096", "stories260K"])
@pytest.mark.parametrize("device", DEVICES)
def test_torch_agrees_with_numpy_on_every_metric(model: str, device: str) -> None:
    options = {"metrics": list(METRICS), "selection": Selection()}
    numpy = compute(MODELS / model, backend="numpy", **options)
    torch = compute(MODELS / model, backend="torch", device=device, **options)
    assert torch.meta.backend == ("torch" if device == "cpu" else f"torch on {device}")
    assert np.abs(by_pair(numpy) - by_pair(torch)).max() < 1e-4


@needs_shared
@pytest.mark.parametrize(
    ("backend", "device"),
    [("numpy", None), ("torch", "cpu"), pytest.param("torch", "cuda", marks=pytest.mark.gpu)],
)
def test_float64_agrees_with_the_definition_to_its_own_precision(
    backend: str, device: str | None
) -> None:
    table = compute(
        MODELS / "slm-4096", backend=backend, device=device, dtype="float64", selection=Selection()
    )
    assert table.meta.dtype == "float64"
    heads = oracle.gpt2_heads(MODELS / "slm-4096")
    for row in table.frame.head(40).itertuples():
        wanted = oracle.pk(
            heads["O"][row.source_layer, row.source_head],
            heads[row.pairing[1]][row.target_layer, row.target_head],
        )
        # what is computed in float64 is stored in float32
        assert row.pk == pytest.approx(wanted, rel=1e-7)


@needs_shared
@pytest.mark.parametrize("device", DEVICES)
def test_gpt2_on_torch_is_within_the_stated_error(device: str) -> None:
    table = compute(
        GPT2, pairings="OK", backend="torch", device=device, selection=Selection(), decoys=False
    )
    heads, rows = oracle.gpt2_heads(GPT2), table.frame
    assert len(rows) == 9504
    chosen = (0, 4, 9)
    rows = rows[rows.source_layer.isin(chosen)]
    wanted = oracle.forward_pk(heads["O"], heads["K"], chosen)[
        rows.source_layer * 12 + rows.source_head, rows.target_layer * 12 + rows.target_head
    ]
    assert np.abs(rows.pk - wanted).max(skipna=False) < 1e-4


def test_torch_takes_both_ways_and_views(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    rng = np.random.default_rng(0)
    x, y = (np.linalg.qr(rng.standard_normal((3, n, 70, 8)))[0] for n in (2, 3))
    blocks = [(slice(0, 4), slice(3, 9))]
    wanted = np.zeros((6, 9))
    cosines = np.einsum("idm,jdk->ijmk", x.reshape(6, 70, 8), y.reshape(9, 70, 8))
    wanted[0:4, 3:9] = np.square(cosines).sum((2, 3))[0:4, 3:9]
    for projectors in (True, False):
        monkeypatch.setattr(
            "headgraph.pk_engine.linalg.kernel.cheaper_by_projectors", lambda *a, p=projectors: p
        )
        found = kernel(torch.tensor(x), torch.tensor(y), blocks)
        assert np.abs(found - wanted).max() < 1e-12


def test_a_users_torch_settings_come_back() -> None:
    import torch

    before = torch.get_num_threads(), torch.get_float32_matmul_precision()
    torch.set_num_threads(2)  # other tests may have left one
    torch.set_float32_matmul_precision("high")
    try:
        with Backend("torch").workers():
            assert torch.get_float32_matmul_precision() == "highest"
            assert torch.get_num_threads() == 1
        assert torch.get_float32_matmul_precision() == "high"
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before[0])
        torch.set_float32_matmul_precision(before[1])


def test_auto_takes_numpy_for_little_and_torch_for_much() -> None:
    script = (
        "from headgraph.pk_engine.linalg.backends import choose; import sys;"
        f"print(choose().name, choose(operations={2 * WORTH_TORCH}).name);"
        "import torch; print(choose().name)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.split() == ["numpy", "torch", "torch"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"backend": "jax"}, "unknown backend 'jax': expected auto, numpy or torch"),
        ({"dtype": "bfloat16"}, "unknown dtype 'bfloat16': expected float32 or float64"),
        ({"backend": "numpy", "device": "cuda"}, "NumPy has no device 'cuda'"),
        ({"device": 5}, "unknown device 5: expected a text such as cpu or cuda:0"),
        ({"backend": "torch", "device": "cpu:0"}, "torch has no device 'cpu:0' on this machine"),
        ({"device": "tpu"}, "torch has no device 'tpu' on this machine: it has .*cpu"),
    ],
)
def test_unknown_backends_types_and_devices(options: dict[str, Any], message: str) -> None:
    with pytest.raises(EngineError, match=message):
        choose(**options)


def test_torch_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(EngineError, match=r"torch is not installed: pip install 'headgraph\[torch"):
        choose("torch")
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    assert choose(operations=2 * WORTH_TORCH).name == "numpy"


def test_only_existing_cuda_devices_are_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert [choose(device=name).device for name in ("cuda", "cuda:0", "cuda:1")] == [
        "cuda",
        "cuda:0",
        "cuda:1",
    ]
    for name in ("cuda:2", "cuda:-1", "cuda:x", "cuda:", "cuda:01"):
        with pytest.raises(EngineError, match=f"torch has no device '{name}' on this machine"):
            choose(device=name)


def test_torchs_blas_has_one_thread_in_each_of_ours() -> None:
    import torch

    with Backend("torch").workers() as threads:
        counts = list(threads.map(lambda _: torch.get_num_threads(), range(8)))
    assert counts == [1] * 8


def test_factors_may_take_half_of_a_devices_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    asked: list[str] = []

    def mem_get_info(device: str) -> tuple[int, int]:
        asked.append(device)
        return 7_000_000_000, 80_000_000_000  # free, all

    monkeypatch.setattr(torch.cuda, "mem_get_info", mem_get_info)
    assert Backend("torch", "cuda:1").memory() == 40.0
    assert asked == ["cuda:1"]
    assert Backend("torch", "cpu").memory() == Backend().memory() == MEMORY


@pytest.mark.parametrize(("given", "wanted"), [(None, MEMORY), (0.5, 0.5)])
def test_nulls_stay_in_main_memory_whatever_a_device_has(
    monkeypatch: pytest.MonkeyPatch, given: float | None, wanted: float
) -> None:
    taken: list[float] = []

    def add_nulls(table: AffinityTable, *_: object, memory: float, **__: object) -> AffinityTable:
        taken.append(memory)
        raise EngineError("seen")

    monkeypatch.setattr("headgraph.pk_engine.scoring._compute.add_nulls", add_nulls)
    monkeypatch.setattr(Backend, "memory", lambda self: 40.0)
    rules = Selection(fdr=0.05, null="covariance")
    with pytest.raises(EngineError, match="seen"):
        compute("induction-2l", selection=rules, memory=given)
    assert taken == [wanted]


def test_what_a_worker_did_before_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    imported = ModuleType("torch")
    imported.__spec__ = ModuleSpec("torch", None)
    monkeypatch.setitem(sys.modules, "torch", imported)
    with backends.as_worker(1):
        assert backends.usable_cpus() == 1
        assert backends.choose("auto").name == "numpy"
    assert backends._wants_torch(None, 0, None)

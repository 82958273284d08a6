"""Layers on their way to a GPU: the same bits in any order of threads, and copies that are safe."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from headgraph.pk_engine import Selection, compute
from headgraph.pk_engine.linalg import backends
from headgraph.pk_engine.linalg.backends import STREAMS, Backend
from headgraph.pk_engine.linalg.buffers import PinnedBuffers
from headgraph.pk_engine.metrics.stacks import HeadStacks
from headgraph.pk_engine.models.weights import ModelWeights
from headgraph.pk_engine.scoring import layers as module
from headgraph.pk_engine.scoring.layers import collect
from tests.pk_engine.checkpoints import LLAMA_CONFIG, llama_tensors, save
from tests.pk_engine.device import Launches, as_on_a_device
from tests.shared import MODELS, needs_shared

TORCH = Backend("torch")
SMALL = ["slm-4096", "stories260K"]
pytestmark = needs_shared


def bits(stacks: HeadStacks) -> list[bytes]:
    rows = [stacks.basis.rows, *([] if stacks.raw is None else [stacks.raw.rows])]
    scores = [stacks.head_scores[layer].tobytes() for layer in sorted(stacks.head_scores)]
    ranks = [rank.tobytes() for rank in stacks.rank.values()]
    return [*(it.numpy().tobytes() for it in rows), *scores, *ranks]


@pytest.mark.parametrize("model", SMALL)
def test_layers_ahead_change_no_bit(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = ModelWeights(MODELS / model)
    wanted = collect(weights, "QKVO", factors=["raw"])
    as_on_a_device(monkeypatch)
    alone = collect(weights, "QKVO", factors=["raw"], backend=TORCH)
    with ThreadPoolExecutor(4) as threads:
        ahead = collect(weights, "QKVO", factors=["raw"], backend=TORCH, executor=threads)
    assert bits(ahead) == bits(alone)
    assert ahead.digests == wanted.digests
    for layer, scores in wanted.head_scores.items():
        np.testing.assert_allclose(ahead.head_scores[layer], scores, atol=2e-5)
    for role, rank in wanted.rank.items():
        assert rank.tolist() == ahead.rank[role].tolist()


@pytest.mark.parametrize("metrics", [["pk"], ["pk", "cs", "cka"]])
def test_a_table_by_a_devices_way_is_that_of_numpy(
    metrics: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    options: dict[str, Any] = {"selection": Selection(), "metrics": metrics}
    wanted = compute(MODELS / "stories260K", backend="numpy", **options)
    as_on_a_device(monkeypatch)
    found = compute(MODELS / "stories260K", backend="torch", device="cpu", **options)
    keys = ["pairing", "source_layer", "source_head", "target_layer", "target_head"]
    ours, theirs = (table.frame.sort_values(keys)[metrics] for table in (found, wanted))
    assert np.abs(ours.to_numpy(float) - theirs.to_numpy(float)).max() < 1e-4


def test_head_scores_of_extreme_weights_come_from_float64_or_scaled_matrices(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    weights = ModelWeights(MODELS / "stories260K")
    read = weights.raw_layer

    def changed(layer: int, buffers: Any = None) -> Any:
        raw = read(layer, buffers)
        raw["V"] *= np.float32([1e-24, 1e24][layer % 2])
        raw["O"] *= np.float32([1e-24, 1e24][layer % 2])
        if layer == 2:
            raw["O"][0] = 0
        return raw

    monkeypatch.setattr(weights, "raw_layer", changed)
    wanted = collect(weights, "VO")
    as_on_a_device(monkeypatch)
    found = collect(weights, "VO", backend=TORCH)
    assert np.isnan(wanted.head_scores[2][:, 0]).all()
    for layer, scores in wanted.head_scores.items():
        np.testing.assert_allclose(found.head_scores[layer], scores, atol=2e-5)


EVERY = "pk,cs,simple_cs,cka,cka_columns,procrustes,procrustes_columns,max_cosine"


@pytest.mark.parametrize("scale", [1e-30, 1e30])
@pytest.mark.parametrize("way", ["numpy", "torch"])
def test_scores_ignore_the_size_of_huge_and_tiny_weights(
    way: str, scale: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if way == "torch":
        as_on_a_device(monkeypatch)
    tables = []
    for name, by in (("plain", 1.0), ("scaled", scale)):
        tensors = {key: it * np.float32(by) for key, it in llama_tensors().items()}
        folder = save(tmp_path / name, tensors, LLAMA_CONFIG)
        how: dict[str, Any] = {"backend": way, "device": "cpu", "metrics": EVERY}
        tables.append(compute(folder, selection=Selection(), **how).columns)
    for metric in EVERY.split(","):
        first, second = (np.sort(table[metric]) for table in tables)
        assert first.min() > 0.01
        np.testing.assert_allclose(first, second, atol=1e-5)


def test_a_layer_takes_as_many_launches_whatever_its_heads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    as_on_a_device(monkeypatch)
    counts = {}
    for name in SMALL:
        weights = ModelWeights(MODELS / name)
        with Launches() as asked:
            collect(weights, "QKVO", layers=range(1), backend=TORCH)
        counts[weights.shape.n_heads] = asked.total
        assert asked.waits == 0
    assert set(counts) == {4, 8}
    assert len(set(counts.values())) == 1
    assert counts[4] < 40


class Recorder:
    """Streams that record what is asked of them, and what a thread waits for."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.events: list[tuple[int, str, int]] = []  # thread, what, stream
        self.made: list[Any] = []
        self._local = threading.local()
        patch.setattr(torch.cuda, "Stream", self._stream)
        patch.setattr(torch.cuda, "stream", self._inside)
        patch.setattr(torch.cuda, "current_stream", lambda device: Waiting(self, 0))

    def note(self, what: str, stream: int | None = None) -> None:
        at = getattr(self._local, "stream", 0) if stream is None else stream
        self.events.append((threading.get_ident(), what, at))

    def _stream(self, device: str) -> "Waiting":
        self.made.append(device)
        return Waiting(self, len(self.made))

    @contextmanager
    def _inside(self, stream: "Waiting") -> Iterator[None]:
        self._local.stream = stream.number
        try:
            yield
        finally:
            self._local.stream = 0


class Waiting:
    def __init__(self, recorder: Recorder, number: int) -> None:
        self.recorder, self.number = recorder, number

    def synchronize(self) -> None:
        self.recorder.note("wait", self.number)


def test_memory_is_read_into_again_only_when_its_copy_is_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The order of our calls to torch, which is all that a machine without a GPU can show."""
    monkeypatch.setattr(backends, "_streams", backends.cache(backends._streams.__wrapped__))
    seen, weights = Recorder(monkeypatch), ModelWeights(MODELS / "slm-4096")
    device = Backend("torch", "cuda:1")
    monkeypatch.setattr(Backend, "empty", lambda self, shape: torch.empty(shape))

    def noted(owner: Any, name: str, what: str) -> None:
        inner = getattr(owner, name)

        def call(*args: Any, **options: Any) -> Any:
            seen.note(what)
            return inner(*args, **options)

        monkeypatch.setattr(owner, name, call)

    monkeypatch.setattr(PinnedBuffers, "_make", lambda self, size, kind: np.empty(size, kind))
    noted(PinnedBuffers, "_make", "pinned")
    noted(weights, "raw_layer", "read")
    noted(Backend, "uploaded", "upload")
    noted(backends, "bases", "factor")
    noted(module, "layer_digest", "hash")
    count = len(weights.shape.layers)
    with ThreadPoolExecutor(2 * STREAMS) as threads:
        found = collect(weights, "QKVO", backend=device, executor=threads)
    here = threading.get_ident()
    assert seen.events[0] == (here, "wait", 0)  # what the caller has asked before is done
    assert seen.made == ["cuda:1"] * STREAMS
    for thread in {thread for thread, *_ in seen.events} - {here}:
        own = [(what, at) for who, what, at in seen.events if who == thread]
        assert ("pinned", 0) in own
        steps = [it for it in own if it[0] != "pinned"]
        for start in range(0, len(steps), 5):
            stream = steps[start + 1][1]
            assert 0 < stream <= STREAMS
            assert steps[start : start + 5] == [
                ("read", 0),
                ("upload", stream),
                ("factor", stream),
                ("wait", stream),
                ("hash", 0),
            ]
    assert sum(what == "factor" for _, what, _ in seen.events) == count
    # a stream has one layer at a time
    for stream in range(1, STREAMS + 1):
        own = [what for _, what, at in seen.events if at == stream]
        assert own == ["upload", "factor", "wait"] * (len(own) // 3)
    assert bits(found) == bits(_without_streams(monkeypatch, weights))


def test_a_stream_of_a_device_that_failed_is_free_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise further threads would wait for a stream for ever, and the command with them."""
    monkeypatch.setattr(backends, "_streams", backends.cache(backends._streams.__wrapped__))
    Recorder(monkeypatch)

    def fail(self: Waiting) -> None:
        raise RuntimeError("CUDA error: an illegal memory access")

    monkeypatch.setattr(Waiting, "synchronize", fail)
    for _ in range(STREAMS + 1):
        with pytest.raises(RuntimeError, match="illegal"), Backend("torch", "cuda:1").beside():
            pass
        assert backends._streams("cuda:1").qsize() == STREAMS


def _without_streams(patch: pytest.MonkeyPatch, weights: ModelWeights) -> HeadStacks:
    as_on_a_device(patch)
    return collect(weights, "QKVO", backend=TORCH)

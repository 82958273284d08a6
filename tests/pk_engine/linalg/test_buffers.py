"""Memory that is used again: what it returns, and how few pages a pass over the layers takes."""

import os
import subprocess
import sys
import threading
import weakref
from pathlib import Path

import numpy as np
import pytest
import torch

from headgraph.pk_engine.linalg.buffers import Buffers, PinnedBuffers
from headgraph.pk_engine.models.weights import ModelWeights
from tests.pk_engine.checkpoints import LLAMA_CONFIG, gpt2_tensors, llama_tensors, save

PASS = """
import os, resource, sys
from headgraph.pk_engine.linalg.buffers import Buffers, PinnedBuffers
from headgraph.pk_engine.models.weights import ModelWeights
from headgraph.pk_engine.scoring import layers

# a pass with buffers, and one with new memory, in a process of its own
child = os.fork()
if child:
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    Buffers.flat = lambda self, name, size, make: make(size)

allocate = layers.allocate

def touched(*args):
    global before
    stacks = allocate(*args)
    stacks.basis.rows[...] = 0
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    return stacks

layers.allocate = touched
layers.collect(ModelWeights(sys.argv[1]), "QKVO")
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before, flush=True)
"""
LAYERS, HEADS, D_MODEL = 5, 12, 768


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng = np.random.default_rng(0)
    sizes = {"c_attn": (D_MODEL, 3 * D_MODEL), "c_proj": (D_MODEL, D_MODEL)}
    tensors = {
        f"h.{layer}.attn.{name}.weight": rng.standard_normal(size, np.float32)
        for layer in range(LAYERS)
        for name, size in sizes.items()
    }
    config = {"model_type": "gpt2", "n_layer": LAYERS, "n_head": HEADS, "n_embd": D_MODEL}
    return save(tmp_path_factory.mktemp("model"), tensors, config)


def faults(folder: Path) -> list[int]:
    """Pages taken with buffers, and with new memory.

    With the C library as it comes: its own variables change when it takes some.
    """
    done = subprocess.run(
        [sys.executable, "-c", PASS, str(folder)], capture_output=True, text=True, check=True,
        env={name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")},
    )  # fmt: skip
    return [int(pages) for pages in done.stdout.split()]


@pytest.mark.skipif(sys.platform != "linux", reason="the C library of other systems differs")
def test_a_pass_over_the_layers_takes_the_pages_of_one_layer(folder: Path) -> None:
    # pages of 4 kB that one layer takes, as stored and as float32 matrices
    one = 2 * 4 * D_MODEL * D_MODEL * 4 // 4096
    taken, of_new_memory = faults(folder)
    assert taken < 1.5 * one
    assert taken < of_new_memory / 2, "glibc itself would pass this test"


@pytest.mark.parametrize("family", ["gpt2", "llama"])
def test_matrices_in_buffers_are_those_in_memory_of_their_own(tmp_path: Path, family: str) -> None:
    llama = family == "llama"
    tensors = llama_tensors() if llama else gpt2_tensors()
    weights = ModelWeights(save(tmp_path, tensors, LLAMA_CONFIG if llama else None))
    buffers = Buffers()
    for layer in (0, 1, 0):
        own, shared = weights.raw_layer(layer), weights.raw_layer(layer, buffers)
        for role in "QKVO":
            assert shared[role].flags.c_contiguous
            np.testing.assert_array_equal(shared[role], own[role])
    assert np.shares_memory(shared["Q"], weights.raw_layer(1, buffers)["Q"])
    assert not np.shares_memory(own["Q"], weights.raw_layer(1)["Q"])


def test_a_name_is_one_piece_of_memory_until_it_must_grow() -> None:
    buffers = Buffers()
    first = buffers.array("a", (2, 3), np.float32)
    assert np.shares_memory(first, buffers.array("a", (3, 2), np.float32))
    assert not np.shares_memory(first, buffers.array("b", (2, 3), np.float32))
    assert not np.shares_memory(first, buffers.array("a", (2, 3), np.float64))
    assert not np.shares_memory(first, buffers.array("a", (3, 3), np.float32))
    copied = buffers.copy("a", np.arange(6.0).reshape(2, 3).T, np.float32)
    assert copied.flags.c_contiguous
    assert copied.tolist() == [[0, 3], [1, 4], [2, 5]]


@pytest.mark.parametrize("there", [True, False])
def test_pinned_memory_is_taken_where_the_system_gives_it(
    there: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[torch.Tensor] = []

    def empty(size: int, *, dtype: torch.dtype, pin_memory: bool) -> torch.Tensor:
        assert pin_memory
        if not there:
            raise RuntimeError("CUDA error: out of memory")
        taken.append(torch.zeros(size, dtype=dtype))
        return taken[-1]

    monkeypatch.setattr(torch, "empty", empty)
    buffers = PinnedBuffers()
    found = buffers.array("layer", (2, 3), np.float32)
    found[...] = 1
    assert found.dtype == np.float32
    assert np.shares_memory(found, buffers.array("layer", (3, 2), np.float32))
    assert [np.shares_memory(found, it.numpy()) for it in taken] == [True] * there


def test_each_thread_has_its_own_and_all_go_with_the_object() -> None:
    held, there, wait = [Buffers()], threading.Event(), threading.Event()
    found = [held[0].array("a", (9,), np.float32)]

    def take() -> None:
        found.append(held[0].array("a", (9,), np.float32))
        there.set()
        wait.wait(60)

    thread = threading.Thread(target=take)
    thread.start()
    there.wait(60)
    assert not np.shares_memory(*found)
    memory = [weakref.ref(array.base) for array in found]
    assert all(ref() is not None for ref in memory)
    found.clear()
    held.clear()
    assert all(ref() is None for ref in memory), "the other thread is still there"
    wait.set()
    thread.join()

"""What a GPU is asked for bases and scores: few launches, one wait, and the numbers of NumPy.

A processor goes the same way here. Its figures are not a GPU's, but its counts are.
"""

from typing import Any

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from headgraph.pk_engine.linalg import kernel as module
from headgraph.pk_engine.linalg.array_ops import LONGEST, ROOM, TorchOps
from headgraph.pk_engine.linalg.bases import bases
from headgraph.pk_engine.linalg.kernel import kernel
from headgraph.pk_engine.metrics.layer_order import layer_blocks
from tests.pk_engine.device import PLENTY, Launches, as_on_a_device

D, M = 200, 16
DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)]
PLANTED = {
    "condition 1": np.ones(M),
    "condition 1e3": np.geomspace(1, 1e-3, M),
    "condition 1e6": np.geomspace(1, 1e-6, M),
    "condition 1e8": np.geomspace(1, 1e-8, M),
    "rank 9": np.repeat([1.0, 0.0], [9, M - 9]),
    "rank 1": np.repeat([1.0, 0.0], [1, M - 1]),
    "zero": np.zeros(M),
    "tiny": 1e-33 * np.ones(M),
    "condition 30": np.geomspace(1, 1 / 30, M),
}


def planted(*names: str) -> np.ndarray:
    """Matrices of these singular values, in float32."""
    rng = np.random.default_rng(0)
    left = np.linalg.qr(rng.standard_normal((len(names), D, M)))[0]
    right = np.linalg.qr(rng.standard_normal((len(names), M, M)))[0]
    values = np.stack([PLANTED[name] for name in names])
    return ((left * values[:, None]) @ right).astype(np.float32)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(
    "names",
    [tuple(PLANTED), ("condition 1", "condition 30"), ("rank 9",), ("zero",), ("condition 1e3",)],
    ids=["all", "good", "deficient", "zero", "in float64"],
)
def test_planted_heads_have_the_bases_of_float64(device: str, names: tuple[str, ...]) -> None:
    weights = planted(*names)
    found = bases(torch.from_numpy(weights).to(device), at_once=4)
    basis, factor = (it.cpu().numpy().astype(np.float64) for it in (found.basis, found.factor))
    left, sigma, _ = np.linalg.svd(weights.astype(np.float64), full_matrices=False)
    counts = sigma > D * np.finfo(np.float32).eps * sigma[:, :1]
    assert found.rank.tolist() == counts.sum(-1).tolist() == bases(weights).rank.tolist()
    exact = left * counts[:, None]
    # the same subspaces, orthonormal columns, and W = U R
    assert np.abs(basis @ basis.mT - exact @ exact.mT).max() < 3e-7
    unit = basis.mT @ basis
    full = found.rank == M
    assert np.abs(unit[full] - np.eye(M)).max(initial=0) < 1e-6
    scale = np.maximum(sigma[:, 0], 1e-38)[:, None, None]
    assert np.abs((basis @ factor - weights) / scale).max() < 1e-5


def test_one_bad_head_changes_no_bit_of_the_others() -> None:
    good = planted("condition 1", "condition 30", "condition 1")
    alone = bases(torch.from_numpy(good)).basis
    good[1] = planted("rank 9")[0]
    beside = bases(torch.from_numpy(good)).basis
    assert torch.equal(alone[[0, 2]], beside[[0, 2]])


@pytest.mark.parametrize("bad", [0, 3])
def test_launches_and_waits_do_not_grow_with_the_heads(
    bad: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = []
    given: list[int] = []
    monkeypatch.setattr(torch.Tensor, "tolist", lambda it: given.append(1) or it.numpy().tolist())
    for heads in (6, 48):
        names = ["condition 1"] * (heads - bad) + ["rank 9"] * bad
        weights = torch.from_numpy(planted(*names))
        given.clear()
        with Launches() as asked:
            bases(weights, at_once=heads)
        counted.append((asked.total, asked.waits, len(given)))
    assert counted[0] == counted[1]
    total, single, lists = counted[0]
    assert (total < 20, single, lists) == (True, 0, 1) if not bad else total < 60


def model(layers: int, d: int, m: int = 16) -> tuple[torch.Tensor, torch.Tensor]:
    """Orthonormal O and QKV of GPT-2's numbers of heads, views of one stack as in `compute`."""
    rng = np.random.default_rng(0)
    rows = np.linalg.qr(rng.standard_normal((layers, 48, d, m)))[0].mT.astype(np.float32)
    stack = torch.from_numpy(np.ascontiguousarray(rows))
    return stack[:, 36:].mT, stack[:, :36].mT


@pytest.mark.parametrize("room", [1, 1 << 22, 1 << 24, PLENTY])
@pytest.mark.parametrize("projectors", [True, False])
@pytest.mark.parametrize("order", ["forward", "all", "apart"])
def test_whatever_room_there_is_scores_are_those_of_numpy(
    order: str, projectors: bool, room: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    x, y = model(3, 300)  # tiles of 128 rows do not divide 300
    blocks = layer_blocks(range(3), range(3), 12, 36, order)
    monkeypatch.setattr(module, "cheaper_by_projectors", lambda *_: projectors)
    wanted = kernel(x.numpy(), y.numpy(), blocks)
    as_on_a_device(monkeypatch, room)
    assert np.abs(kernel(x, y, blocks) - wanted).max() < 2e-5
    flat = kernel(x.reshape(-1, 300, 16), y.reshape(-1, 300, 16), blocks)
    assert np.abs(flat - wanted).max() < 2e-5


@pytest.mark.parametrize(("projectors", "each", "most"), [(True, 4, 24), (False, 4, 8)])
def test_launches_grow_with_the_layers_not_with_their_pairs(
    projectors: bool, each: int, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_on_a_device(monkeypatch)
    monkeypatch.setattr(module, "cheaper_by_projectors", lambda *_: projectors)
    for layers in (3, 6, 12):
        blocks = layer_blocks(range(layers), range(layers), 12, 36, "forward")
        stack = torch.ones((layers, 48, 2, 256))  # numbers do not change what is launched
        with Launches() as asked:
            kernel(stack[:, 36:].mT, stack[:, :36].mT, blocks)
        assert asked.total <= each * layers + most


class Terms(TorchDispatchMode):
    """The most terms that one product of matrices adds up."""

    most = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if "mm" in str(func):
            self.most = max(self.most, args[-2].shape[-1])
        return func(*args, **(kwargs or {}))


def test_sums_in_float32_stay_short_however_many_tiles_are_multiplied_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One after another, 245,760 terms of GPT-2's tiles have an error of up to 7e-3 in PK."""
    as_on_a_device(monkeypatch)
    monkeypatch.setattr(module, "cheaper_by_projectors", lambda *_: True)
    x, y = model(2, 500, 4)  # areas that LONGEST does not divide
    blocks = layer_blocks(range(2), range(2), 12, 36, "forward")
    with Terms() as terms:
        found = kernel(x, y, blocks)
    assert LONGEST <= terms.most < 2 * LONGEST
    assert np.abs(found - kernel(x.numpy(), y.numpy(), blocks)).max() < 2e-6


def test_gpt2_is_formed_at_once_where_there_is_room(monkeypatch: pytest.MonkeyPatch) -> None:
    # tensors without memory: shapes alone decide
    as_on_a_device(monkeypatch, ROOM)
    stack = torch.empty((12, 48, 64, 768), device="meta")
    parts = module._parts(stack[:, 36:], stack[:, :36], module.ops_for(stack))
    assert parts == (True, [range(0, 768, 128)])
    llama = torch.empty((32, 128, 128, 4096), device="meta")
    whole, parts = module._parts(llama[:, 96:], llama[:, :96], module.ops_for(llama))
    assert not whole
    assert [len(part) for part in parts] == [3] * 10 + [2]


def test_tiles_take_half_of_what_a_device_has_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (6 << 30, 80 << 30))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 5 << 30)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: 1 << 30)
    like = torch.empty(0)
    assert TorchOps("cuda").room(like) == 5 << 30
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (70 << 30, 80 << 30))
    assert TorchOps("cuda").room(like) == ROOM
    assert TorchOps("cpu").room(like) == 0

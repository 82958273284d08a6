"""A real model, changed in one place after another: read right, or refused in one short line."""

import json
import random
import shutil
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headgraph.base.errors import HeadgraphError
from headgraph.pk_engine.models.weights import ModelWeights
from headgraph.pk_engine.planning._plan import plan
from tests.shared import MODELS, needs_shared

pytestmark = needs_shared

MEMORY = 24_000_000
"""Bytes of Python and NumPy; reading the model takes a tenth of it."""
VALUES: list[Any] = [
    None, True, False, -1, 0, 1, 3, 2**20, 2**31, 2**63, 10**30, 1.5, float("nan"), float("inf"),
    "", "x", "gpt2", "llama", "F32", "BF16", "I64", "../x", "\x00", "\x1b]0;t\x07", "\ud800",
    "y" * 400, [], [1], ["x", None], {}, {"a": {"b": []}}, [[[[[[]]]]]],
]  # fmt: skip


def mutated(data: dict[str, Any], chance: random.Random) -> bytes:
    """A JSON object as text after one change: a value, a name, a part left out, or a byte."""
    data = json.loads(json.dumps(data))
    places = [(data, key) for key in data]
    for value in data.values():
        if isinstance(value, dict):
            places += [(value, key) for key in value]
    where, key = chance.choice(places)
    way = chance.randrange(6)
    if way <= 2:
        where[key] = chance.choice(VALUES)
    elif way == 3:
        del where[key]
    elif way == 4:
        where[chance.choice(["x", "", "model_type", "a.lora_A", "\x00"])] = where.pop(key)
    text = json.dumps(data).encode()
    if way == 5:
        at = chance.randrange(len(text))
        cut = [text[:at], text[:at] + bytes([chance.randrange(256)]) + text[at + 1 :],
               text[:at] + b"[" * 10_000 + text[at:]]  # fmt: skip
        text = chance.choice(cut)
    return text


def joined(weights: ModelWeights, layer: int) -> dict[str, np.ndarray]:
    """Role -> all heads side by side, which is the same however many there are said to be."""
    raw = weights.raw_layer(layer)
    return {role: np.concatenate(list(heads), axis=1) for role, heads in raw.items()}


@pytest.fixture(scope="module")
def right() -> list[dict[str, np.ndarray]]:
    weights = ModelWeights(MODELS / "slm-4096")
    return [joined(weights, layer) for layer in range(weights.shape.n_layers)]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A copy, its weights in two files with an index."""
    from safetensors.numpy import load_file, save_file

    folder = tmp_path / "model"
    folder.mkdir()
    for name in ("config.json", "tokenizer.json"):
        shutil.copyfile(MODELS / "slm-4096" / name, folder / name)
    tensors = load_file(MODELS / "slm-4096" / "model.safetensors")
    where = {name: f"part-{'attn' in name}.safetensors" for name in tensors}
    for file in set(where.values()):
        held = {name: tensor for name, tensor in tensors.items() if where[name] == file}
        save_file(held, folder / file, {"format": "pt"})
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": where}))
    return folder


def outcome(what: Callable[[], object]) -> str | None:
    """The short line with which it is refused, None where it is not; no memory is taken."""
    tracemalloc.reset_peak()
    before = tracemalloc.get_traced_memory()[0]
    try:
        what()
        said = None
    except HeadgraphError as error:
        said = str(error)
        assert len(said) < 300, said
        assert said.isprintable(), said
    assert tracemalloc.get_traced_memory()[1] - before < MEMORY
    return said


@pytest.fixture(autouse=True)
def _traced() -> Iterator[None]:
    tracemalloc.start()
    yield
    tracemalloc.stop()


def held(folder: Path, right: list[dict[str, np.ndarray]]) -> Callable[[], None]:
    def reading() -> None:
        weights = ModelWeights(folder)
        assert weights.shape.n_layers <= len(right)
        for layer in range(weights.shape.n_layers):
            for role, matrix in joined(weights, layer).items():
                assert np.array_equal(matrix, right[layer][role]), (layer, role)

    return reading


@pytest.mark.parametrize("name", ["config.json", "model.safetensors.index.json"])
def test_documents(model: Path, name: str, right: list[dict[str, np.ndarray]]) -> None:
    chance, data = random.Random(19), json.loads((model / name).read_text())
    outcomes = []
    for _ in range(150):
        (model / name).write_bytes(mutated(data, chance))
        outcomes.append(outcome(held(model, right)))
        if name == "config.json":
            outcome(lambda: plan(model, calibrate=False))
    assert None in outcomes, "some changes matter to nobody"
    assert len(set(outcomes)) > 10, "and others do in many ways"


def test_headers(model: Path, right: list[dict[str, np.ndarray]]) -> None:
    file = model / "part-True.safetensors"
    whole, chance = file.read_bytes(), random.Random(19)
    size = int.from_bytes(whole[:8], "little")
    data, outcomes = json.loads(whole[8 : 8 + size]), []
    for _ in range(150):
        text = mutated(data, chance)
        length = chance.choice([len(text)] * 8 + [0, 1, 2**40, 2**63])
        file.write_bytes(length.to_bytes(8, "little") + text + whole[8 + size :])
        outcomes.append(outcome(held(model, right)))
    assert len(set(outcomes)) > 3
    assert sum(said is not None for said in outcomes) > 100


def test_bytes_of_torch_files(model: Path, right: list[dict[str, np.ndarray]]) -> None:
    torch = pytest.importorskip("torch", reason="it writes and reads its own format")
    from safetensors.numpy import load_file

    tensors = load_file(MODELS / "slm-4096" / "model.safetensors")
    for path in model.glob("*.safetensors*"):
        path.unlink()
    kept = {name: torch.from_numpy(t) for name, t in tensors.items() if ".attn.c_" in name}
    file = model / "pytorch_model.bin"
    torch.save(kept, file)
    whole, chance = file.read_bytes(), random.Random(19)
    start = whole.index(b"data.pkl")
    for _ in range(40):  # in what describes the tensors: what they hold has no check of its own
        changed = bytearray(whole)
        changed[start + chance.randrange(1500)] = chance.randrange(256)
        file.write_bytes(changed[: chance.choice([len(changed)] * 5 + [len(changed) // 2, 100, 0])])

        def reading() -> None:
            weights = ModelWeights(model)
            for layer in range(weights.shape.n_layers):
                weights.raw_layer(layer)

        outcome(reading)
    file.write_bytes(whole)
    assert outcome(held(model, right)) is None

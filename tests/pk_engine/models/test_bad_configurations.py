"""Configurations that no model has: one sentence for each, before anything is made."""

import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from headgraph.pk_engine.planning._plan import plan
from tests.pk_engine.checkpoints import DEEP, GPT2_CONFIG, LONG, read, save
from tests.sentences import refused


@pytest.mark.parametrize(
    "value",
    [10**9, 2**63, 10**400, -1, 0, True, 1.0, 1e300, "2", [2], {}],
    ids=lambda v: repr(v)[:9],
)
@pytest.mark.parametrize("key", ["n_layer", "n_head", "n_embd"])
@pytest.mark.parametrize("what", [plan, read])
def test_sizes_are_checked_before_anything_is_made(
    tmp_path: Path, key: str, value: object, what: Callable[..., object]
) -> None:
    folder = save(tmp_path / "m", config=GPT2_CONFIG | {key: value})
    tracemalloc.start()
    try:
        said = refused(lambda: what(folder))
        assert tracemalloc.get_traced_memory()[1] < 30_000_000
    finally:
        tracemalloc.stop()
    assert f"config.json has {key} = " in said
    assert "expected a whole number from 1 to " in said


def test_more_layers_than_the_files_have_tensors(tmp_path: Path) -> None:
    folder = save(tmp_path, config=GPT2_CONFIG | {"n_layer": 1000})
    assert refused(lambda: read(folder)).startswith("config.json has 1,000 layers, and the weights")


def test_more_heads_than_any_model_has(tmp_path: Path) -> None:
    config = GPT2_CONFIG | {"n_layer": 1000, "n_head": 1000, "n_embd": 1000}
    folder = save(tmp_path, config=config)
    for what in (plan, read):
        said = refused(lambda what=what: what(folder))  # type: ignore[misc]
        assert "1000 layers of 1000 heads: expected at most 65,536 heads" in said


@pytest.mark.parametrize("value", [["gpt2"], {}, 5, True, 1.5, LONG, "\x1b]0;x\x07", DEEP])
def test_model_types(tmp_path: Path, value: object) -> None:
    folder = save(tmp_path, config=GPT2_CONFIG | {"model_type": value})
    assert "config.json has model_type " in refused(lambda: read(folder))


@pytest.mark.parametrize(
    "config",
    [
        {"attn_layer_indices": {LONG: LONG}},
        {"layer_types": [LONG]},
        {"layer_types": [["full_attention"]]},
        {"pruned_heads": {"1": list(range(500))}},
        {"full_attention_interval": 10**400},
    ],
)
def test_what_families_refuse_is_quoted_briefly(tmp_path: Path, config: dict[str, Any]) -> None:
    folder = save(tmp_path, config=GPT2_CONFIG | config)
    assert next(iter(config)) in refused(lambda: read(folder))


@pytest.mark.parametrize("text", [DEEP, '{"a": ' * 10_000, "5", "", "{", "\xff", "9" * 5000])
def test_invalid_json_is_refused(tmp_path: Path, text: str) -> None:
    for name in ("config.json", "model.safetensors.index.json"):
        folder = save(tmp_path / name, shards=2)
        (folder / name).write_bytes(text.encode("latin-1"))
        assert name in refused(lambda folder=folder: read(folder))  # type: ignore[misc]


@pytest.mark.parametrize("tied", ["no", 1, [], "false"])
def test_whether_embeddings_are_tied(tmp_path: Path, tied: object) -> None:
    folder = save(tmp_path, config=GPT2_CONFIG | {"tie_word_embeddings": tied})
    said = refused(lambda: read(folder).embedding_files())
    assert said.endswith("expected true or false")

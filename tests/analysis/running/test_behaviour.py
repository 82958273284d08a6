"""Behaviour scores: patterns made by hand, and the bundled model's known heads."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.behaviours import TEXT
from benchmarks.pictures import IMAGES
from headgraph.analysis.behaviour import (
    BEHAVIOURS,
    CHANCES,
    attended,
    behaviour,
    behaviour_figure,
    chance_in_words,
    labels_of,
    uniform,
)
from headgraph.analysis.errors import AnalysisError
from headgraph.analysis.figures import save
from headgraph.pk_engine.bundled import model_path
from tests.pk_engine import unequal_checkpoints
from tests.shared import SHARED, needs_shared
from tests.test_pictures import words

TOKENS = np.array([5, 7, 9, 5, 7, 9])


def pattern(*where: int) -> np.ndarray:
    """A head that looks from each position at one other."""
    one = np.zeros((1, len(where), len(where)))
    one[0, np.arange(len(where)), list(where)] = 1
    return one


@pytest.mark.parametrize(
    ("name", "where"),
    [
        ("previous_token", [0, 0, 1, 2, 3, 4]),
        ("duplicate_token", [0, 0, 0, 0, 1, 2]),
        ("induction", [0, 0, 0, 1, 2, 3]),
        ("identity", [0, 1, 2, 3, 4, 5]),
    ],
)
def test_a_head_that_does_one_thing(name: str, where: list[int]) -> None:
    found = attended(pattern(*where), TOKENS)
    assert found[name].total / found[name].positions == pytest.approx(1)


def test_positions_that_allow_it_are_counted() -> None:
    found = attended(pattern(0, 1, 2, 3, 4, 5), TOKENS)
    assert {name: found[name].positions for name in BEHAVIOURS} == {
        "previous_token": 5, "duplicate_token": 3, "induction": 3, "identity": 6,
    }  # fmt: skip


def test_uniform_attention_by_plain_loops() -> None:
    rng = np.random.default_rng(0)
    tokens = rng.integers(4, size=12)
    weights = np.tril(rng.random((3, 12, 12)))
    weights /= weights.sum(-1, keepdims=True)
    found = attended(weights, tokens)
    for head in range(3):
        duplicate = induction = 0.0
        rows = 0
        for q in range(12):
            before = [k for k in range(q) if tokens[k] == tokens[q]]
            rows += bool(before)
            duplicate += sum(weights[head, q, k] for k in before)
            induction += sum(weights[head, q, k + 1] for k in before if k + 1 < q)
        assert found["duplicate_token"].total[head] == pytest.approx(duplicate)
        assert found["induction"].total[head] == pytest.approx(induction)
        assert found["induction"].positions == rows


def test_chance_is_uniform_attention_by_hand() -> None:
    """Positions 0 to 5 with tokens 5 7 9 5 7 9; position q attends to q + 1 positions."""
    found = attended(uniform(6), TOKENS)
    chance = {name: float(one.total[0]) / one.positions for name, one in found.items()}
    assert chance["identity"] == pytest.approx((1 + 1 / 2 + 1 / 3 + 1 / 4 + 1 / 5 + 1 / 6) / 6)
    assert chance["previous_token"] == pytest.approx((1 / 2 + 1 / 3 + 1 / 4 + 1 / 5 + 1 / 6) / 5)
    assert chance["duplicate_token"] == pytest.approx((1 / 4 + 1 / 5 + 1 / 6) / 3)
    assert chance["induction"] == pytest.approx((1 / 4 + 1 / 5 + 1 / 6) / 3)


@pytest.fixture(scope="module")
def bundled() -> pd.DataFrame:
    return behaviour("induction-2l")


def test_the_bundled_model_has_the_heads_that_its_training_found(bundled: pd.DataFrame) -> None:
    known = json.loads((model_path("induction-2l") / "training.json").read_text())["scores"]
    for name in ("previous_token", "induction"):
        heads = bundled.pivot(index="layer", columns="head", values=name).to_numpy()
        assert ((heads > 0.5) == (np.array(known[name]) > 0.5)).all()


def test_each_score_has_its_chance_level(bundled: pd.DataFrame) -> None:
    """Every prompt is one length, so identity's chance level is a harmonic mean."""
    length = bundled["tokens"].iloc[0] // bundled["prompts"].iloc[0]
    wanted = sum(1 / (q + 1) for q in range(length)) / length
    assert bundled["identity_chance"].to_numpy() == pytest.approx(wanted)
    assert bundled[list(CHANCES.values())].stack().between(0, 0.2).all()
    assert f"identity {wanted:.2f}" in chance_in_words(bundled)


def test_rows_say_how_they_were_taken(bundled: pd.DataFrame) -> None:
    assert list(bundled)[:6] == ["layer", "head", *BEHAVIOURS]
    assert set(bundled["prompts"]) == {32}
    assert set(bundled["seed"]) == {0}
    assert bundled[list(BEHAVIOURS)].stack().between(0, 1).all()


def test_labels_are_the_heads_above_the_threshold(bundled: pd.DataFrame) -> None:
    labels = labels_of(bundled, 0.9)
    assert len(labels) == (bundled[list(BEHAVIOURS)] >= 0.9).to_numpy().sum()
    assert set(labels["role"]) <= set(BEHAVIOURS)


@needs_shared
def test_a_model_with_shared_keys_on_a_text() -> None:
    rows = behaviour(SHARED / "models/stories260K", text="Once upon a time there was a cat")
    assert len(rows) == 5 * 8
    assert set(rows["prompts"]) == {1}


@needs_shared
@pytest.mark.parametrize("name", ["gpt2-attention", "gpt-neo-125m-attention"])
def test_a_folder_that_lacks_tensors_is_refused(name: str) -> None:
    with pytest.raises(AnalysisError, match=rf"{name} cannot be run: .* lack \d+ tensors"):
        behaviour(SHARED / "models" / name)


@needs_shared
def test_a_model_without_a_tokenizer_runs_on_numbers(tmp_path: Path) -> None:
    model = SHARED / "models/capp-gpt2"
    with pytest.raises(AnalysisError, match="no tokenizer to read text with"):
        behaviour(model, text="a b")
    prompts = tmp_path / "prompts.txt"
    prompts.write_text("1 2 3 1 2 3\n4 5\n")
    assert set(behaviour(model, prompts=prompts)["tokens"]) == {8}


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"text": "a", "prompts": "b"}, "text and prompts exclude each other"),
        ({"prompts": "/nowhere.txt"}, "cannot be read: No such file or directory"),
        ({"text": "x"}, "has 1 tokens"),
        ({"length": 0}, "length=0: expected 2 to 96"),
    ],
)
def test_refusals(options: dict[str, object], sentence: str) -> None:
    with pytest.raises(AnalysisError, match=sentence):
        behaviour("induction-2l", **options)  # type: ignore[arg-type]


def test_a_threshold_outside_its_range(bundled: pd.DataFrame) -> None:
    with pytest.raises(AnalysisError, match="threshold=2: expected more than 0 and at most 1"):
        labels_of(bundled, 2)


@pytest.mark.parametrize("name", ["parts", "hybrid"])
def test_models_without_one_stack_of_layers(tmp_path: Path, name: str) -> None:
    folder = unequal_checkpoints.checkpoint(tmp_path / name, name)
    first = {"parts": "E0, E1, D0, X0 and 2 more", "hybrid": "L1, L4, L7"}[name]
    with pytest.raises(
        AnalysisError, match=f"{name} has attention heads in {first} and not in one"
    ):
        behaviour(folder)


@needs_shared
def test_the_picture_says_what_is_drawn_today(tmp_path: Path) -> None:
    made = behaviour_figure(SHARED / "models/stories260K", text=TEXT)
    save(made, tmp_path / "today.svg")
    for end in ("", "-dark"):
        assert words(IMAGES / f"stories260K-identity{end}.svg") == words(tmp_path / "today.svg")

"""Ablation against a run by hand, known answers of induction-2l, and what the rows say."""

import itertools
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headgraph.analysis.ablation._ablate import loss_change
from headgraph.analysis.ablation.head_sets import draw, possible
from headgraph.analysis.errors import PatchingError
from headgraph.analysis.running.unpatched import BaseRun
from headgraph.pk_engine.bundled import model_path
from tests.analysis.running.attention_only import AttentionOnly, mean_loss

pytest.importorskip("torch")
pytest.importorskip("transformer_lens")

import headgraph
from headgraph.analysis.running import open_model, prompts_for

ONCE = {"samples": 4, "n_prompts": 4, "length": 16}


@pytest.fixture(scope="module")
def run() -> BaseRun:
    model = open_model("induction-2l")
    return BaseRun(model, prompts_for(model, n_prompts=6, length=16))


def test_losses_are_those_of_a_run_by_hand(run: BaseRun) -> None:
    heads = ((0, 1), (0, 5), (1, 3))
    by_hand, prompts = AttentionOnly(model_path("induction-2l"), 8), run.prompts
    before = by_hand.run(prompts.tokens)
    means = {
        head: np.broadcast_to(before.writes[head].mean(0), before.writes[head].shape)
        for head in heads
    }
    after = by_hand.run(prompts.tokens, instead=means)
    wanted = mean_loss(after, prompts.tokens, prompts.counts) - mean_loss(
        before, prompts.tokens, prompts.counts
    )
    assert loss_change(run, heads) == pytest.approx(wanted, rel=1e-4)


def test_no_heads_change_nothing(run: BaseRun) -> None:
    assert loss_change(run, ()) == 0
    row = headgraph.ablate(run.model, heads="", **ONCE).iloc[0]
    assert (row["n_heads"], row["delta"], row["what"]) == (0, 0, "no heads")
    assert row["loss"] == row["base_loss"]
    assert (row["random_mean"], row["percentile"]) == (0, 50)


def test_without_its_induction_heads_induction_is_gone(run: BaseRun) -> None:
    rows = headgraph.ablate(run.model, role=["induction", "previous_token"], samples=1)
    assert list(rows["what"]) == ["induction", "previous_token"]
    assert list(rows["n_heads"]) == [8, 3]
    assert (rows["base_loss"] < 0.01).all()
    # worse than knowing nothing about 96 symbols
    assert (rows["loss"] > math.log(96)).all()


def test_hubs_are_the_first_of_the_hub_scores() -> None:
    import headgraph
    from headgraph.pk_engine import Selection, compute

    hubs = headgraph.hub_scores(
        compute("induction-2l", selection=Selection()), selection=Selection(top_percent=10)
    )
    row = headgraph.ablate("induction-2l", hubs=3, top_percent=10, **ONCE).iloc[0]
    assert row["what"] == "3 hubs"
    assert set(row["heads"].split(",")) == set(hubs["name"][:3])


def test_random_sets_are_summed_up(run: BaseRun) -> None:
    """Every single head in turn, by hand, against many draws of one head."""
    rows = headgraph.ablate(run.model, heads="L0H1", samples=400, n_prompts=2, length=8)
    again = BaseRun(run.model, prompts_for(run.model, n_prompts=2, length=8))
    alone = [loss_change(again, (head,)) for head in itertools.product(range(2), range(8))]
    row = rows.iloc[0]
    assert row["possible"] == 16
    assert row["delta"] == pytest.approx(alone[1], rel=1e-6)
    assert row["random_mean"] == pytest.approx(np.mean(alone), abs=4 * np.std(alone) / 20)
    assert min(alone) <= row["low"] < row["high"] <= max(alone)
    below = np.mean(np.array(alone) < alone[1]) * 100
    assert row["percentile"] == pytest.approx(below + 100 / 32, abs=10)


def test_draws_match_layers_and_repeat_with_the_seed() -> None:
    heads = ((0, 1), (0, 2), (2, 0))
    for seed in range(20):
        drawn = draw(heads, (3, 4), True, np.random.default_rng(seed))
        assert [layer for layer, _ in drawn] == [0, 0, 2]
        assert len(set(drawn)) == 3
        anywhere = [draw(heads, (3, 4), False, np.random.default_rng(seed)) for _ in range(2)]
        assert anywhere[0] == anywhere[1]
        assert len(set(anywhere[0])) == 3
    seen = {frozenset(draw(heads, (3, 4), True, np.random.default_rng(s))) for s in range(400)}
    assert len(seen) == possible(heads, (3, 4), True) == 6 * 4
    assert possible(heads, (3, 4), False) == math.comb(12, 3)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({}, "nothing to ablate: give role, hubs or heads"),
        ({"hubs": 99}, r"hubs=99: \d+ heads have an edge among the strongest 3 %, expected 1 to"),
        (
            {"role": "mover"},
            "no head of induction-2l has the role mover: its labels have induction, previous_token",
        ),
        (
            {"role": "mover", "labels": "none"},
            "induction-2l has no labels, so no head has the role mover: give labels=FILE",
        ),
        ({"heads": "L0H1", "samples": 0}, "samples=0: expected at least 1"),
    ],
)
def test_what_cannot_be_ablated_is_said(asked: dict[str, Any], message: str) -> None:
    with pytest.raises(PatchingError, match=message):
        headgraph.ablate("induction-2l", **asked)


def test_a_label_file_says_which_heads(run: BaseRun, tmp_path: Path) -> None:
    labels = tmp_path / "labels.csv"
    labels.write_text("layer,head,role\n0,3,mine\n1,2,mine\n")
    row = headgraph.ablate("induction-2l", role="all", labels=labels, **ONCE).iloc[0]
    assert (row["what"], row["heads"]) == ("mine", "L0H3,L1H2")

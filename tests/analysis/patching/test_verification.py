"""verify-edge: PK beside effects, which edges, correlation; the prompts it runs on; its command."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

import headgraph
from headgraph.analysis.errors import PatchingError
from headgraph.analysis.patching import rank_correlation
from headgraph.analysis.running import prompts_for
from headgraph.pk_engine import Selection, compute
from tests.shared import MODELS, needs_shared

pytest.importorskip("torch")
pytest.importorskip("transformer_lens")

FEW = {"n_prompts": 3, "length": 8}


@pytest.fixture(scope="module")
def chosen() -> pd.DataFrame:
    return headgraph.verify_edge("induction-2l", top=3, random=2, seed=7, **FEW)


def test_rows_are_the_strongest_pairs_and_others(chosen: pd.DataFrame) -> None:
    table = compute("induction-2l", selection=Selection()).frame
    for pairing, part in chosen.groupby("pairing"):
        top, others = part[part["chosen"] == "top"], part[part["chosen"] == "random"]
        assert list(top["pk_rank"]) == [1, 2, 3]
        assert len(others) == 2
        assert others["pk_rank"].min() > 3
        ranks = table[table["pairing"] == pairing].set_index("pk_rank")
        np.testing.assert_array_equal(part["pk"], ranks.loc[part["pk_rank"], "pk"])
    assert set(chosen["seed"]) == {7}
    assert set(chosen["prompts"]) == {3}
    assert set(chosen["predictions"]) == {3 * 7}
    assert set(chosen["kv_head"]) == {-1}
    assert (chosen["effect"] > 0).all()


def test_one_edge_has_the_row_that_it_has_among_many(chosen: pd.DataFrame) -> None:
    wanted = chosen[chosen["pairing"] == "OK"].iloc[0]
    found = headgraph.verify_edge(
        "induction-2l", wanted["source"], wanted["target"], pairings="OK", seed=7, **FEW
    )
    pd.testing.assert_series_equal(
        found.iloc[0].drop("chosen"), wanted.drop("chosen"), check_names=False, rtol=1e-4
    )


def test_the_correlation_is_scipys() -> None:
    rng = np.random.default_rng(0)
    pk = rng.normal(size=40)
    edges = pd.DataFrame({
        "model": "m", "pairing": "OK", "pk": pk, "effect": pk + rng.normal(size=40), "local": 1.0,
        "gain": -pk,
        "prompts": 3, "seed": 0,
    })  # fmt: skip
    effect, local, gain = rank_correlation(edges, seed=1).to_dict("records")
    wanted = spearmanr(edges["pk"], edges["effect"])
    assert (effect["spearman"], effect["p"]) == (wanted.statistic, wanted.pvalue)
    assert gain["spearman"] == pytest.approx(-1)
    # Fisher's interval, with the variance of ranks (Bonett and Wright 2000)
    half = 1.96 * np.sqrt((1 + wanted.statistic**2 / 2) / 37)
    fisher = np.tanh(np.arctanh(wanted.statistic) + np.array([-half, half]))
    np.testing.assert_allclose([effect["low"], effect["high"]], fisher, atol=0.08)
    assert pd.isna([local["spearman"], local["low"], local["p"]]).all()
    with pytest.raises(
        PatchingError, match="3 pairs of OK cannot be correlated: expected at least"
    ):
        rank_correlation(edges[:3])


def test_resamples_are_correlated_as_scipy_does_it() -> None:
    from headgraph.analysis.patching.correlation import _row_by_row

    rng = np.random.default_rng(2)
    x, y = rng.integers(0, 6, (2, 5, 12)).astype(float)  # ties, as a bootstrap has them
    wanted = [spearmanr(a, b).statistic for a, b in zip(x, y, strict=True)]
    np.testing.assert_allclose(_row_by_row(x, y), wanted, atol=1e-12)
    assert np.isnan(_row_by_row(np.ones((1, 4)), x[:1, :4])).all()


@needs_shared
def test_query_heads_that_share_a_key_see_one_patch() -> None:
    model = MODELS / "stories260K"
    rows = [
        headgraph.verify_edge(model, "L0H3", target, pairings="OK", **FEW)
        for target in ("L2H4", "L2H5")
    ]
    assert [row["target"][0] for row in rows] == ["L2H4", "L2H5"]
    assert [row["kv_head"][0] for row in rows] == [2, 2]
    assert rows[0]["effect"][0] == rows[1]["effect"][0] > 0
    many = headgraph.verify_edge(model, pairings="OK", top=2, random=0, **FEW)
    assert len(many.drop_duplicates(["source", "kv_head", "pk_rank"])) == len(many) == 2


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"source": "L0H1"}, "expected two heads, got one: give a source and a target"),
        (
            {"source": "L1H1", "target": "L0H1"},
            "L1H1 > L0H1: expected a source in an earlier layer",
        ),
        (
            {"pairings": "QK"},
            "QK is no path: a head's output reaches a later head's input, expected",
        ),
        ({"top": 3, "every": True}, "exclude each other: choose edges in one way"),
        ({"top": -1}, "top=-1: expected 0 or more"),
        ({"n_prompts": 1}, "n_prompts=1: expected at least 2, as means are over them"),
        (
            {"length": 97},
            "length=97: expected 2 to 96, as the tokens of a repeated sequence are",
        ),
        ({"length": 0}, "length=0: expected 2 to 96"),
        ({"sample": -1}, "sample=-1: expected 0 or more"),
        ({"length": 33}, "prompts of 66 tokens are longer than the model's context of 64"),
        ({"prompts": "a", "text_file": "b"}, "prompts and text_file exclude each other: give"),
        ({"prompts": "no/such/file"}, "no/such/file cannot be read: No such file"),
    ],
)
def test_what_cannot_be_verified_is_said(asked: dict[str, Any], message: str) -> None:
    with pytest.raises(PatchingError, match=message):
        headgraph.verify_edge("induction-2l", **asked)


def fake(bos: int | None = None, eos: int | None = None) -> Any:
    """A model of 5 tokens that always goes on with the next number, and has no tokenizer."""
    import torch

    def logits(tokens: Any, prepend_bos: bool) -> Any:
        return 1e4 * torch.nn.functional.one_hot((tokens + 1) % 5, 5)

    model = SimpleNamespace(__call__=logits)
    config = SimpleNamespace(bos_token_id=bos, eos_token_id=eos)

    class Fake:
        cfg = SimpleNamespace(d_vocab=5, n_ctx=8, device="cpu")
        original_model = SimpleNamespace(config=config)
        __call__ = staticmethod(model.__call__)

    return Fake()


def test_repeated_symbols_count_where_they_can_be_foreseen() -> None:
    made = prompts_for(fake(), n_prompts=2, length=3)
    np.testing.assert_array_equal(made.tokens[:, :3], made.tokens[:, 3:])
    assert made.counts.tolist() == [[False, False, False, True, True]] * 2
    assert all(len(set(row)) == 3 for row in made.tokens[:, :3].tolist())
    begun = prompts_for(fake(bos=4), n_prompts=2, length=3)
    assert begun.tokens[:, 0].tolist() == [4, 4]
    assert begun.counts.tolist() == [[False] * 4 + [True] * 2] * 2


def test_sampled_tokens_count_until_the_model_ends(tmp_path: Path) -> None:
    file = tmp_path / "prompts.txt"
    file.write_text("0 2\n\n1 0\n")
    made = prompts_for(fake(eos=4), prompts=file, sample=4)
    assert made.tokens.tolist() == [[0, 2, 3, 4, 0, 1], [1, 0, 1, 2, 3, 4]]
    assert made.counts.tolist() == [[False, True, True, False, False], [False] + [True] * 4]
    assert "continued by 4 tokens" in made.words
    # 50256 is no token of this model
    assert prompts_for(fake(bos=50256), n_prompts=9, sample=1).tokens[:, 0].max() < 5


def test_prompts_of_a_file_have_one_length_and_known_tokens(tmp_path: Path) -> None:
    file = tmp_path / "prompts.txt"
    for text, message in [
        (
            "0 1\n0 1 2\n",
            "prompts 1 and 2 of .* have 2 and 3 tokens: expected prompts of one length",
        ),
        ("0 7\n0 1\n", "the prompts hold token 7: expected numbers below the model's 5"),
        ("0 1\n", "has 1 prompts: expected at least 2, one a line"),
        ("a b\nc d\n", "the model has no tokenizer to read text with: give a file of token"),
        ("1\n2\n", "no prediction counts: expected prompts of at least 2 tokens"),
    ]:
        file.write_text(text)
        with pytest.raises(PatchingError, match=message):
            prompts_for(fake(), prompts=file)


def test_windows_of_a_text(tmp_path: Path) -> None:
    from headgraph.analysis.running import open_model

    text = tmp_path / "text.txt"
    text.write_text(" ".join(f"s{n:02}" for n in range(40)))
    made = prompts_for(open_model("induction-2l"), text_file=text, length=10, n_prompts=5, seed=3)
    assert made.tokens.shape == (5, 10)
    assert (np.diff(made.tokens, axis=1) == 1).all()
    assert made.counts.all()


def test_the_commands_print_what_the_functions_return(capsys: Any) -> None:
    from headgraph.cli import main

    def said(*args: str) -> list[dict[str, Any]]:
        with pytest.raises(SystemExit) as stop:
            main([*args, "--n-prompts", "3", "--length", "8", "--format", "json"])
        assert stop.value.code == 0
        found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
        return found

    row = said("verify-edge", "induction-2l", "L0H7", "L1H2", "--pairing", "OK")
    wanted = headgraph.verify_edge("induction-2l", "L0H7", "L1H2", pairings="OK", **FEW)
    pd.testing.assert_frame_equal(pd.DataFrame(row), wanted, check_dtype=False, rtol=1e-6)
    rows = said(
        "ablate", "induction-2l", "--heads", "L0H1", "--role", "induction", "--samples", "2"
    )
    assert [row["what"] for row in rows] == ["induction", "L0H1"]

"""Decoys and scores of heads in the tables that `compute` makes."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from headgraph.pk_engine.errors import EngineError, SelectionError
from headgraph.pk_engine.linalg.backends import Backend
from headgraph.pk_engine.metrics.decoys import warning
from headgraph.pk_engine.models.weights import ModelWeights
from headgraph.pk_engine.scoring._compute import compute
from headgraph.pk_engine.scoring.layers import all_head_scores, collect, rounded
from headgraph.pk_engine.table.affinity import AffinityTable
from headgraph.pk_engine.table.selection import Selection
from tests.commands import headgraph
from tests.pk_engine.checkpoints import LLAMA_CONFIG, llama_tensors, save
from tests.shared import SHARED, needs_shared

GPT2 = SHARED / "models/gpt2-attention"


def _gpt2(folder: Path, seed: int, layers: int = 6, planted: int = 0) -> Path:
    """A model of independent normal weights; heads of later layers may read what L0 writes."""
    heads, d, m = 6, 96, 16
    rng = np.random.default_rng(seed)
    tensors = {}
    for layer in range(layers):
        attention = rng.standard_normal((d, 3 * d)).astype(np.float32)
        output = rng.standard_normal((d, d)).astype(np.float32)
        if layer == 0:
            written = output.copy()  # rows of head h: what it writes
        for head in range(planted if layer else 0):
            attention[:, head * m : (head + 1) * m] = written[head * m : (head + 1) * m].T
        tensors |= {
            f"h.{layer}.attn.c_attn.weight": attention,
            f"h.{layer}.attn.c_attn.bias": np.zeros(3 * d, np.float32),
            f"h.{layer}.attn.c_proj.weight": output,
            f"h.{layer}.attn.c_proj.bias": np.zeros(d, np.float32),
        }
    config = {"model_type": "gpt2", "n_layer": layers, "n_head": heads, "n_embd": d}
    return save(folder, tensors, config)


def _drifting(folder: Path, seed: int) -> Path:
    """A model whose heads share directions with those of neighbouring layers, in both orders.

    Three heads of each layer read and write half in directions of the layer before, and half in
    those of the layer after, so all pairs of neighbouring layers share more, and none is joined.
    """
    layers, heads, d, m = 6, 6, 96, 16
    rng = np.random.default_rng(seed)
    shared = rng.standard_normal((layers + 1, d, m))
    tensors = {}
    for layer in range(layers):
        parts = rng.standard_normal((4, heads, d, m)).astype(np.float32)
        for part, head in np.ndindex(4, 3):
            for half in (0, 1):
                mixed = shared[layer + half] @ rng.standard_normal((m, m // 2))
                parts[part, head, :, half * m // 2 : (half + 1) * m // 2] = mixed
        q, k, v, o = (np.concatenate(list(part), axis=1) for part in parts)
        tensors |= {
            f"h.{layer}.attn.c_attn.weight": np.concatenate([q, k, v], axis=1),
            f"h.{layer}.attn.c_proj.weight": np.ascontiguousarray(o.T),
        }
    config = {"model_type": "gpt2", "n_layer": layers, "n_head": heads, "n_embd": d}
    return save(folder, tensors, config)


def test_neighbouring_layers_have_their_own_share_where_heads_drift_with_depth(
    tmp_path: Path,
) -> None:
    """Strong pairs are all false; a planted one far apart does not make those nearby true."""
    both = compute(_drifting(tmp_path, 0), layer_order="all", selection=Selection()).frame
    table = compute(tmp_path, selection=Selection(top=60))
    for pairing in ("OQ", "OK", "OV"):
        kept = table.frame[table.frame["pairing"] == pairing]
        away = kept["target_layer"] - kept["source_layer"]
        assert (away == 1).mean() > 0.6
        pairs = both[both["pairing"] == pairing]
        before = pairs["source_layer"] - pairs["target_layer"]
        stronger = before[(before > 0) & (pairs["pk"] >= kept["pk"].min())]
        meta = table.meta.decoys[pairing]
        # between two steps the counts are interpolated
        near, far = (1 + (stronger == 1).sum()), (1 + (stronger > 1).sum())
        assert meta["share_neighbours"] == pytest.approx(near / (away == 1).sum(), abs=0.04)
        assert meta["share_further"] == pytest.approx(far / (away > 1).sum(), abs=0.12)
        assert meta["share_neighbours"] == pytest.approx(1, abs=0.25), "all of them are false"
        assert meta["steps"][-1] == [540, 180], "5 of 15 pairs of layers are neighbours"


def test_a_narrower_selection_has_the_shares_of_its_own_rows(tmp_path: Path) -> None:
    rule = Selection(top=10)
    whole = compute(_gpt2(tmp_path, 1), selection=Selection())
    assert whole.select(rule).meta.decoys == compute(tmp_path, selection=rule).meta.decoys
    decoys = whole.meta.decoys
    older = {name: {"scored": it["scored"], "share": it["share"]} for name, it in decoys.items()}
    plain = AffinityTable(whole.frame, replace(whole.meta, decoys=older))
    assert plain.meta.decoys == older, "an older table stays as it was written"


def _share(table: AffinityTable, pairing: str) -> float:
    share: float = table.meta.decoys[pairing]["share"]
    return share


@needs_shared
def test_shares_of_gpt2_are_those_counted_in_both_directions() -> None:
    both = compute(GPT2, layer_order="all", selection=Selection()).frame
    covariance = Selection(fdr=0.05, null="covariance")
    published = {
        Selection(top_percent=3): {"OQ": 0.18, "OK": 0.25, "OV": 0.48},
        covariance: {"OQ": 0.33, "OK": 0.33, "OV": 1.24},
    }
    # a quarter of the default's draws choose the same pairs but for a few in a thousand
    whole = compute(GPT2, selection=Selection(fdr=1, null="covariance"), samples=100)
    for selection, shares in published.items():
        table = whole.select(selection)
        for pairing, published_share in shares.items():
            kept = table.frame[table.frame["pairing"] == pairing]
            pairs = both[both["pairing"] == pairing]
            backward = pairs[pairs["source_layer"] > pairs["target_layer"]]["pk"]
            counted = int((backward >= kept["pk"].min()).sum())
            assert counted / len(kept) == pytest.approx(published_share, abs=0.006)
            assert _share(table, pairing) == pytest.approx((1 + counted) / len(kept), abs=0.004)
            assert table.meta.decoys[pairing]["scored"] == len(backward)


def test_independent_weights_have_a_share_of_about_one(tmp_path: Path) -> None:
    shares = [
        _share(compute(_gpt2(tmp_path / str(seed), seed)), pairing)
        for seed in range(4)
        for pairing in ("OQ", "OK", "OV")
    ]
    # 540 forward pairs, of which 17 are kept: the +1 is 1/17
    assert np.mean(shares) == pytest.approx(1 + 1 / 17, abs=0.25)


def test_planted_pairs_leave_few_decoys(tmp_path: Path) -> None:
    table = compute(_gpt2(tmp_path, 0, planted=3), selection=Selection(top=15))
    # the 15 planted pairs: heads 0 to 2 of each later layer read what L0 writes
    rows = table.frame[table.frame["pairing"] == "OQ"]
    assert set(rows["source_layer"]) == {0}
    assert (rows["pk"] > 15.99).all()
    assert _share(table, "OQ") == pytest.approx(1 / 15)
    assert _share(table, "OK") > 0.5
    assert len(compute(_gpt2(tmp_path / "2", 0, planted=3), selection=Selection(max_decoy=0.1)))


@pytest.mark.parametrize("kv", ["native", "expand"])
def test_groups_of_layers_count_the_same_decoys(tmp_path: Path, kv: str) -> None:
    folder = save(tmp_path, llama_tensors(), LLAMA_CONFIG)
    whole, pieces = (
        compute(folder, pairings="OQ,OK,KK", kv=kv, memory=memory, selection=Selection())
        for memory in (2.0, 1e-9)
    )
    pd.testing.assert_frame_equal(whole.frame, pieces.frame, atol=1e-5)
    assert whole.meta.decoys == pieces.meta.decoys
    assert whole.meta.heads == pieces.meta.heads
    scored = {pairing: counted["scored"] for pairing, counted in whole.meta.decoys.items()}
    assert scored == {pairing: whole.meta.scored[pairing] for pairing in ("OQ", "OK")}


def test_heads_without_a_part_in_any_group_have_scores(tmp_path: Path) -> None:
    folder = save(tmp_path, llama_tensors(), LLAMA_CONFIG)
    whole, pieces = (
        compute(folder, pairings="OQ", memory=memory, decoys=False) for memory in (2.0, 1e-9)
    )
    assert whole.meta.heads == pieces.meta.heads
    assert np.array(whole.meta.heads["copying"]).shape == (2, 4)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_scores_of_heads_do_not_depend_on_what_else_is_scored(tmp_path: Path, dtype: str) -> None:
    weights, backend = ModelWeights(_gpt2(tmp_path, 0)), Backend(dtype=dtype)
    both, v = (collect(weights, roles, backend=backend).head_scores for roles in ("VO", "V"))
    none = rounded(all_head_scores(weights, {}, backend), weights.shape)
    for layer in range(weights.shape.n_layers):
        assert (both[layer] == v[layer]).all()
        for scores, name in zip(both[layer], none, strict=True):
            assert none[name][layer] == [float(f"{score:.6g}") for score in scores]


@pytest.mark.parametrize("layer_order", ["all", "within"])
def test_only_forward_pairs_have_decoys(tmp_path: Path, layer_order: str) -> None:
    folder = save(tmp_path, llama_tensors(), LLAMA_CONFIG)
    assert compute(folder, layer_order=layer_order).meta.decoys == {}
    with pytest.raises(EngineError, match=r"^max_decoy=0.1: there are no decoys of OQ, OK and OV"):
        compute(folder, layer_order=layer_order, selection=Selection(max_decoy=0.1))


def test_a_selection_by_decoys_needs_a_table_that_has_them(tmp_path: Path) -> None:
    folder = save(tmp_path, llama_tensors(), LLAMA_CONFIG)
    rule = Selection(max_decoy=0.5)
    with pytest.raises(SelectionError, match=r"^max_decoy=0.5: the table has no decoys"):
        compute(folder, decoys=False).select(rule)
    with pytest.raises(SelectionError, match=r"^max_decoy=0.5: there are no decoys of KK"):
        compute(folder, pairings="OK,KK").select(rule)
    table = compute(folder, selection=Selection())
    kept = table.select(rule)
    assert kept.frame["pk"].tolist() == [
        row.pk for row in table.frame.itertuples() if row.decoy_q <= 0.5
    ]
    assert compute(folder, selection=rule).sha256 == kept.sha256


def test_the_command_says_what_share_means_nothing(tmp_path: Path) -> None:
    folder = save(tmp_path / "m", llama_tensors(), LLAMA_CONFIG)
    answer = headgraph("compute", str(folder), "--top", "4", "-o", str(tmp_path / "t.parquet"))
    assert "decoy share of the pairs kept: OQ " in answer.stderr
    answer = headgraph("compute", str(folder), "--all", "-o", str(tmp_path / "a.parquet"))
    assert "decoy share of the strongest 3 % of pairs: OQ " in answer.stderr
    answer = headgraph("compute", str(folder), "--no-decoys", "-o", str(tmp_path / "u.parquet"))
    assert "decoy" not in answer.stderr
    refused = headgraph("compute", str(folder), "--max-decoy", "0", "-o", str(tmp_path / "v.pq"))
    assert refused.returncode == 1
    assert "--max-decoy 0: expected a share above 0" in refused.stderr


def test_high_shares_are_noted_by_the_command_and_by_the_table(tmp_path: Path) -> None:
    folder = _gpt2(tmp_path / "m", 0, planted=3)
    table = compute(folder, selection=Selection(top=15))
    shares = {name: _share(table, name) for name in ("OQ", "OK", "OV")}
    words = ", ".join(f"{name} {100 * share:.0f} %" for name, share in shares.items())
    assert repr(table).endswith(f"; top 15 per pairing; decoys {words})")
    high = [name for name, share in shares.items() if share > 0.25]
    assert "OQ" not in high
    assert len(high) == 2
    names = " and ".join(high)
    note = (
        f"the decoy share of {names} at the weakest pair kept is above 25 % (in {names} near "
        "100 % or above, as in random weights), so many of these edges may"
    )
    assert note in table._repr_html_()
    answer = headgraph("compute", str(folder), "--top", "15", "-o", str(tmp_path / "t.parquet"))
    assert f"note: {note} mean nothing: --max-decoy 0.1 keeps" in answer.stderr
    # no decoy is as strong as the three pairs of OQ between neighbouring layers
    assert "\nof those between neighbouring layers: OK " in answer.stderr
    assert "; further apart: OQ " in answer.stderr
    everything = compute(folder, selection=Selection())
    assert "decoys" not in repr(everything), "the share of all pairs says nothing about a choice"
    assert "decoy share" not in everything._repr_html_()


def test_the_note_names_pairings_no_better_than_random_weights() -> None:
    assert str(warning({"OQ": 0.93, "OK": 0.3, "OV": 1.24})) == (
        "the decoy share of OQ, OK and OV at the weakest pair kept is above 25 % (in OQ and OV "
        "near 100 % or above, as in random weights), so many of these edges may mean nothing: "
        "selection=Selection(max_decoy=0.1) keeps edges whose decoy_q is at most 0.1"
    )

"""Null models: false positives, planted pairs, ranks, seeds."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kstest

from headgraph.base.names import NULLS
from headgraph.pk_engine import AffinityTable, Selection, compute
from headgraph.pk_engine.metrics.random_reference import reference_mean, reference_sd
from tests.pk_engine.checkpoints import LLAMA_CONFIG, llama_tensors, save
from tests.pk_engine.nulls.models import CONFIG, HEADS, PAIRS, D, M, model
from tests.shared import GPT2, needs_shared


@pytest.mark.parametrize("null", NULLS)
@pytest.mark.parametrize("pairing", ["OQ", "OK", "OV"])
def test_p_is_uniform_where_nothing_is_joined(
    table: AffinityTable, null: str, pairing: str
) -> None:
    p = table.frame.loc[table.frame.pairing == pairing, f"p_{null}"].to_numpy()
    values = table.meta.nulls[null]["values"][pairing] or np.inf
    assert len(p) == PAIRS
    # Kolmogorov and Smirnov's bound at 0.001 for samples of these two sizes
    assert kstest(p, "uniform").statistic < 1.95 * np.sqrt(1 / len(p) + 1 / values)
    # by chance one pairing in twenty has a pair that passes
    assert (table.frame[f"q_{null}"] <= 0.05).sum() <= 2


def test_common_directions_fool_the_isotropic_null_alone(tmp_path: Path) -> None:
    """All heads prefer the same five directions, and no pair is joined."""
    found = compute(
        model(tmp_path / "m", common=3.0),
        selection=Selection(fdr=1, null="isotropic,covariance,rotations"),
    ).frame
    kept = {null: (found[f"q_{null}"] <= 0.05).mean() for null in ("isotropic", "covariance")}
    assert kept["isotropic"] > 0.99
    assert kept["covariance"] < 0.01


def test_a_joined_pair_is_found(random: Path, tmp_path: Path) -> None:
    """L1H2 writes into what L4H5 reads as its key, tilted by noise."""
    from safetensors.numpy import load_file

    tensors = load_file(random / "model.safetensors")
    written = tensors["h.1.attn.c_proj.weight"][2 * M : 3 * M].T
    noise = np.random.default_rng(1).standard_normal(written.shape)
    tensors["h.4.attn.c_attn.weight"][:, D + 5 * M : D + 6 * M] = written + 0.5 * noise
    folder = save(tmp_path / "joined", tensors, CONFIG)
    for null in ("isotropic", "covariance"):
        kept = compute(folder, selection=Selection(fdr=0.05, null=null)).frame
        ends = kept[["pairing", "source_layer", "source_head", "target_layer", "target_head"]]
        assert ["OK", 1, 2, 4, 5] in ends.to_numpy().tolist()
        assert len(ends) <= 3  # by chance one pairing in twenty has another


def test_the_seed_decides_and_memory_does_not(random: Path) -> None:
    rule = Selection(fdr=1, null="covariance,rotations,backward")

    def columns(**options: float) -> pd.DataFrame:
        frame = compute(random, selection=rule, samples=8, **options).frame  # type: ignore[arg-type]
        # almost equal PK may change places with how sums are grouped
        return frame.sort_values(keys, ignore_index=True)

    keys = ["pairing", "source_layer", "source_head", "target_layer", "target_head"]
    once = columns()
    pd.testing.assert_frame_equal(once, columns())
    tight = columns(memory=2e-5)
    same = [name for name in once if name.startswith(("z_", "p_"))]
    assert np.allclose(once[same], tight[same], rtol=1e-3, atol=2e-3)
    other = columns(seed=1)
    for null in ("covariance", "rotations"):
        assert (once[f"z_{null}"] != other[f"z_{null}"]).any()
    assert (once.z_backward == other.z_backward).all()


@needs_shared
def test_gpt2_keeps_fewer_pairs_the_more_the_null_knows() -> None:
    """No published figure; what has to hold: observed pairs are a stricter null than drawn ones."""
    found = compute(GPT2, pairings="OK", selection=Selection(fdr=1, null="isotropic,backward"))
    kept = {name: int((found.frame[f"q_{name}"] <= 0.05).sum()) for name in found.meta.nulls}
    assert found.meta.nulls["backward"]["values"] == {"OK": 9504}
    assert 0 < kept["backward"] < kept["isotropic"]
    # the paper's strongest pair is among them
    top = found.frame.iloc[0]
    assert (top.source_layer, top.source_head, top.target_layer, top.target_head) == (4, 11, 5, 1)
    assert top.q_backward <= 0.05


def test_lower_ranks_meet_draws_of_their_rank(random: Path, tmp_path: Path) -> None:
    """L4H5 reads 3 dimensions as its key and L2H0 writes nothing; neither stands out or breaks."""
    from safetensors.numpy import load_file

    tensors = load_file(random / "model.safetensors")
    key = tensors["h.4.attn.c_attn.weight"][:, D + 5 * M : D + 6 * M]
    key[:, 3:] = key[:, :3] @ np.ones((3, M - 3), np.float32)
    tensors["h.2.attn.c_proj.weight"][:M] = 0
    folder = save(tmp_path / "low", tensors, CONFIG)
    found = compute(folder, selection=Selection(fdr=1, null=",".join(NULLS)))
    assert {(e["role"], e["rank"]) for e in found.meta.deficient} == {("K", 3), ("O", 0)}
    rows = found.frame
    low = rows[(rows.pairing == "OK") & (rows.target_layer == 4) & (rows.target_head == 5)]
    assert len(low) == 4 * HEADS - 1
    # held against full rank they would lie four sd below
    assert reference_mean(M, 3, D) < reference_mean(M, M, D) - 3 * reference_sd(M, M, D)
    assert abs(low.z_covariance.mean()) < 1
    assert abs(low.z_isotropic.mean()) < 1
    # the nulls of real heads do not look at ranks, which is careful
    assert low.z_backward.mean() < -3


def test_rows_of_one_key_value_head_have_one_answer(tmp_path: Path) -> None:
    folder = save(tmp_path / "m", llama_tensors(), LLAMA_CONFIG)
    rule = Selection(fdr=1, null="covariance,rotations,backward,within")
    wide, native = (
        compute(folder, pairings="OK", selection=rule, kv=kv, samples=9).frame
        for kv in ("expand", "native")
    )
    joined = wide.merge(native, on=["source_layer", "source_head", "pk"], suffixes=("", "_native"))
    assert len(joined) == len(wide) == 2 * len(native)
    for column in (f"{kind}_{null}" for kind in "zp" for null in rule.nulls):
        assert np.allclose(joined[column], joined[f"{column}_native"])

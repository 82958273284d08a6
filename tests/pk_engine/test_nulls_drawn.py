"""What each null draws: by its definition, and as the definition of the pairs wants it."""

from pathlib import Path

import numpy as np
import pytest

from headgraph.base.names import NULLS
from headgraph.pk_engine import AffinityTable, Selection, compute
from headgraph.pk_engine.metrics.random_reference import reference_mean, reference_sd
from headgraph.pk_engine.models.weights import ModelWeights
from headgraph.pk_engine.nulls.covariance import draw, mean_projectors, root_of
from headgraph.pk_engine.nulls.null_model import Question
from headgraph.pk_engine.nulls.rotations import haar, rotated, span
from headgraph.pk_engine.scoring.layers import collect
from tests.pk_engine import oracle
from tests.pk_engine.checkpoints import LLAMA_CONFIG, llama_tensors, save
from tests.pk_engine.nulls_model import CONFIG, HEADS, LAYERS, D, M, random, table

__all__ = ["random", "table"]


def test_draws_without_preference_have_the_moments_of_the_reference() -> None:
    x = draw(np.eye(D, dtype=np.float32), M, 300, [0, 0])
    y = draw(np.eye(D, dtype=np.float32), M, 300, [0, 1])
    assert np.allclose(x.mT @ x, np.eye(M), atol=1e-5)
    pk = np.square(np.einsum("adm,bdn->abmn", x, y)).sum((2, 3))
    mean, sd = reference_mean(M, M, D), reference_sd(M, M, D)
    assert abs(pk.mean() - mean) < 0.01 * mean
    assert abs(pk.std() - sd) < 0.02 * sd


def test_draws_lie_where_the_heads_do() -> None:
    """And a draw of a lower rank is one of its own."""
    root = np.linalg.qr(np.random.default_rng(0).standard_normal((D, 20)))[0].astype(np.float32)
    x = draw(root, 5, 40, [3, 0])
    assert x.shape == (40, D, 5)
    assert np.allclose(root @ (root.T @ x), x, atol=1e-5)


def test_draws_use_each_direction_as_much_as_the_heads() -> None:
    """The mean projector of the draws is the one that they were made for, spikes included."""
    rng = np.random.default_rng(2)
    vectors = np.linalg.qr(rng.standard_normal((D, D)))[0]
    shares = np.r_[0.95, 0.8, 0.6, 0.5, 0.3, np.full(D - 5, 0)]
    shares[5:] = (16 - shares.sum()) / (D - 5)
    mean = (vectors * shares) @ vectors.T
    x = draw(root_of(mean), 16, 2000, [1, 0]).astype(np.float64)
    found = np.einsum("ndm,nem->de", x, x) / len(x)
    assert np.abs(np.diag(vectors.T @ found @ vectors) - shares).max() < 0.03


def test_the_mean_projector_is_that_of_the_definition(table: AffinityTable, random: Path) -> None:
    found = mean_projectors(Question(table, ModelWeights(random)))
    assert list(found) == ["Q", "K", "V", "O"]
    for role, heads in oracle.gpt2_heads(random).items():
        u = np.linalg.qr(heads.reshape(-1, D, M))[0]
        assert np.allclose(found[role], (u @ u.mT).mean(0), atol=1e-5)


def test_a_uniform_rotation_has_uniform_columns() -> None:
    """An entry of a uniform orthogonal matrix has the moments 0, 1/k and (fourth) 3/k(k+2)."""
    k = 12
    q = np.stack([haar(k, [0, i]) for i in range(4000)]).astype(np.float64)
    assert np.allclose(q @ q.mT, np.eye(k), atol=1e-5)
    diagonal = q[:, 0, 0]
    assert abs(diagonal.mean()) < 4 / np.sqrt(k * len(q))
    assert abs((diagonal**2).mean() * k - 1) < 0.1
    assert abs((diagonal**4).mean() * k * (k + 2) / 3 - 1) < 0.2


def test_rotations_keep_the_span_and_what_is_outside(random: Path) -> None:
    weights = ModelWeights(random)
    stacks = collect(weights, "QO")
    spans = {(role, n): span(weights.layer(n)[role], 0.6) for role in "QO" for n in range(LAYERS)}
    turned = rotated(stacks, spans, Question(None, weights), 0)  # type: ignore[arg-type]
    for (role, layer), e in spans.items():
        assert 1 < e.shape[1] < D
        before, after = stacks.basis[role][layer], turned.basis[role][layer]
        assert np.allclose(after.mT @ after, np.eye(M), atol=1e-5)
        outside = np.eye(D) - e @ e.T
        assert np.allclose(outside @ after, outside @ before, atol=1e-5)
        # how much of each head lies inside stays too, and so does what heads of a layer share
        assert np.allclose(*(np.square(e.T @ u).sum((1, 2)) for u in (before, after)), atol=1e-4)
        assert np.allclose(before[0].T @ before[1], after[0].T @ after[1], atol=1e-5)
        assert np.abs(after - before).max() > 0.1


def test_the_span_holds_the_energy_and_no_more() -> None:
    heads = np.random.default_rng(0).standard_normal((3, 30, 4)).astype(np.float32)
    e = span(heads, 0.8)
    wide = np.concatenate(list(heads), axis=1)
    energy = np.cumsum(np.linalg.svd(wide)[1] ** 2) / np.square(wide).sum()
    assert energy[e.shape[1] - 1] >= 0.8 > energy[e.shape[1] - 2]
    assert np.square(e.T @ wide).sum() / np.square(wide).sum() == pytest.approx(
        energy[e.shape[1] - 1], rel=1e-5
    )
    assert span(heads, 1 - 1e-9).shape == (30, 12)


def test_rotated_heads_share_what_their_spans_do(tmp_path: Path) -> None:
    """The mean over Q is known: E P = ||E^T U||^2 / k E E^T + C C^T, C what lies outside."""
    rng = np.random.default_rng(5)
    config = CONFIG | {"n_layer": 2, "n_head": 2, "n_embd": 12}
    tensors = {}
    for layer in range(2):
        # some directions are used more than others
        scale = np.geomspace(0.05, 1, 12)[:, None]
        for name, width in (("c_attn", 36), ("c_proj", 12)):
            weights = rng.standard_normal((12, width)) * scale
            weights = weights.T if name == "c_proj" else weights
            tensors[f"h.{layer}.attn.{name}.weight"] = weights.astype(np.float32)
    folder = save(tmp_path / "m", tensors, config)
    heads = oracle.gpt2_heads(folder)

    def mean_projector(role: str, layer: int) -> np.ndarray:
        e = span(heads[role][layer].astype(np.float32)).astype(np.float64)
        assert 3 < e.shape[1] < 12
        u = np.linalg.qr(heads[role][layer])[0]  # heads x d x m
        inside, outside = e.T @ u, u - e @ (e.T @ u)
        share = np.square(inside).sum((1, 2)).mean() / e.shape[1]
        return np.asarray(share * e @ e.T + (outside @ outside.mT).mean(0))

    found = compute(
        folder, pairings="OQ", selection=Selection(fdr=1, null="rotations"), samples=2000
    )
    entry = found.meta.nulls["rotations"]
    assert entry["values"]["OQ"] == 2000 * 4
    wanted = np.trace(mean_projector("O", 0) @ mean_projector("Q", 1))
    assert entry["moments"]["OQ"]["mean"] == pytest.approx(wanted, rel=0.01)


@pytest.mark.parametrize(("null", "later"), [("backward", True), ("within", False)])
def test_observed_pairs_are_those_of_the_definition(
    table: AffinityTable, random: Path, null: str, later: bool
) -> None:
    heads = oracle.gpt2_heads(random)
    pk = oracle.all_pk(*(heads[role].reshape(-1, D, M) for role in "OK"))
    layer = np.arange(len(pk)) // HEADS
    before = layer[None, :] - layer[:, None]
    values = pk[(before < 0) if later else (before == 0) & ~np.eye(len(pk), dtype=bool)]
    entry = table.meta.nulls[null]
    assert entry["values"]["OK"] == len(values)
    assert entry["moments"]["OK"]["mean"] == pytest.approx(values.mean(), rel=1e-5)
    row = table.frame[table.frame.pairing == "OK"].iloc[30]
    at_least = (values >= row.pk).sum()
    assert row[f"p_{null}"] == pytest.approx((1 + at_least) / (1 + len(values)), rel=0.02)


def test_grouped_query_heads_leave_their_own_out(tmp_path: Path) -> None:
    folder = save(tmp_path / "m", llama_tensors(), LLAMA_CONFIG)
    found = compute(folder, pairings="OQ,OK,KK,QQ", selection=Selection(fdr=1, null="within"))
    # 2 layers of 4 query heads with 2 key/value heads
    assert found.meta.nulls["within"]["values"] == {"QQ": 12, "KK": 2, "OQ": 16, "OK": 8}


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

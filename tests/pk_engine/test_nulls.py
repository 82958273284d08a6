"""Baselines from observed weights: what they assume holds, and what they say follows from it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstest
from statsmodels.stats.multitest import multipletests

import cli
from pk_engine import AffinityTable, Selection, compute
from pk_engine.collecting import collect
from pk_engine.errors import EngineError, SelectionError, TableError
from pk_engine.moments import reference_mean, reference_sd
from pk_engine.names import NULLS
from pk_engine.nulls.adding import adjusted
from pk_engine.nulls.against import Question, against, by_cell
from pk_engine.nulls.covariance import draw, mean_projectors, root_of
from pk_engine.nulls.rotations import haar, rotated, span
from pk_engine.weights import ModelWeights
from tests.pk_engine import oracle
from tests.pk_engine.checkpoints import LLAMA_CONFIG, llama_tensors, save
from tests.shared import GPT2, needs_shared

LAYERS, HEADS, D, M = 6, 8, 64, 8
CONFIG = {"model_type": "gpt2", "n_layer": LAYERS, "n_head": HEADS, "n_embd": D}
PAIRS = HEADS * HEADS * LAYERS * (LAYERS - 1) // 2


def model(folder: Path, common: float = 0.0, seed: int = 0) -> Path:
    """GPT-2 of normal weights; `common` adds five directions that all heads use."""
    rng = np.random.default_rng(seed)
    shared = rng.standard_normal((D, 5))
    tensors = {}
    for layer in range(LAYERS):
        fused = rng.standard_normal((D, 3 * D)) + common * shared @ rng.standard_normal((5, 3 * D))
        proj = rng.standard_normal((D, D)) + common * rng.standard_normal((D, 5)) @ shared.T
        tensors[f"h.{layer}.attn.c_attn.weight"] = fused.astype(np.float32)
        tensors[f"h.{layer}.attn.c_proj.weight"] = proj.astype(np.float32)
    return save(folder, tensors, CONFIG)


@pytest.fixture(scope="module")
def random(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return model(tmp_path_factory.mktemp("random"))


@pytest.fixture(scope="module")
def table(random: Path) -> AffinityTable:
    """All pairs of a truly isotropic model against all nulls."""
    return compute(random, selection=Selection(fdr=1, null=",".join(NULLS)))


# what is promised ---------------------------------------------------------------------------


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


# how it is reckoned -------------------------------------------------------------------------


def test_z_and_p_by_hand() -> None:
    found = against(np.array([0, 2, 5], np.float32), np.array([4, 1, 3, 2], np.float32))
    assert found.p.tolist() == [1.0, 4 / 5, 1 / 5]
    assert np.allclose(found.z, (np.array([0, 2, 5]) - 2.5) / np.sqrt(1.25))
    assert (found.values, found.mean) == (4, 2.5)
    flat = against(np.array([1, 2], np.float32), np.ones(3, np.float32))
    assert flat.z.tolist() == [0, 0]
    assert flat.p.tolist() == [1.0, 1 / 4]


def test_each_pair_meets_its_own_pool() -> None:
    pools = {7: np.array([0, 1], np.float32), 9: np.array([5, 6, 7], np.float32)}
    found = by_cell(np.array([5, 5, 0.5], np.float32), np.array([7, 9, 7]), pools)
    assert found.p.tolist() == [1 / 3, 1.0, 2 / 3]
    assert found.values == 2


@given(st.lists(st.sampled_from([1e-6, 1e-3, 0.004, 0.01, 0.02, 0.049, 0.3, 0.9, 1.0])))
def test_the_adjustment_is_that_of_statsmodels(p: list[float]) -> None:
    if not p:
        assert not len(adjusted(np.array(p)))
        return
    kept, q, *_ = multipletests(p, alpha=0.05, method="fdr_bh")
    assert np.allclose(adjusted(np.array(p)), q)
    assert ((adjusted(np.array(p)) <= 0.05) == kept).all()


def test_q_is_adjusted_within_a_pairing(table: AffinityTable) -> None:
    for _, rows in table.frame.groupby("pairing"):
        q = multipletests(rows.p_covariance.to_numpy(np.float64), method="fdr_bh")[1]
        assert np.allclose(rows.q_covariance, q, rtol=1e-5)


# what each null draws -----------------------------------------------------------------------


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


# tables -------------------------------------------------------------------------------------


def test_the_rule_keeps_what_q_says_and_is_recorded(tmp_path: Path) -> None:
    folder = model(tmp_path / "m", common=1.0)
    rule = Selection(fdr=0.2, null="isotropic,covariance")
    whole = compute(folder, selection=replace(rule, fdr=1), seed=3, samples=60)
    kept = compute(folder, selection=rule, seed=3, samples=60)
    passes = (whole.frame.q_isotropic <= 0.2) & (whole.frame.q_covariance <= 0.2)
    assert 0 < passes.sum() < len(whole)
    pd.testing.assert_frame_equal(kept.frame, whole.frame[passes].reset_index(drop=True))
    assert kept.meta.selection == [{"fdr": 0.2, "null": "isotropic,covariance"}]
    assert kept.meta.nulls["covariance"]["seed"] == 3
    assert kept.meta.nulls["covariance"]["samples"] == 60
    assert kept.meta.nulls["isotropic"]["seed"] is None
    again = AffinityTable.read(kept.write(tmp_path / "t.parquet"))
    assert again.sha256 == kept.sha256
    # stricter later, in a table that was cut by the same rule before
    assert (
        whole.select(rule)
        .select(replace(rule, fdr=0.01))
        .frame.equals(whole.select(replace(rule, fdr=0.01)).frame)
    )
    assert "FDR 0.2 against isotropic,covariance" in repr(kept)


def test_rules_intersect(table: AffinityTable) -> None:
    both = table.select(Selection(top=10, fdr=1, null="covariance"))
    assert both.frame.pk_rank.max() == 10
    assert len(both) == 30


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


def test_a_table_without_nulls_is_written_as_before(random: Path) -> None:
    assert '"nulls"' not in compute(random, selection=Selection(top=1)).meta.to_json()


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ({"fdr": 0.05}, "--fdr without --null: wanted both, such as --fdr 0.05 --null covariance"),
        ({"null": "covariance"}, "--null without --fdr: wanted both"),
        ({"fdr": 0.0, "null": "covariance"}, "--fdr 0: wanted more than 0 and at most 1"),
        ({"fdr": 0.1, "null": "normal"}, "--null 'normal': wanted some of isotropic, covariance"),
        ({"fdr": 0.1, "null": ""}, "--null '': wanted some of isotropic"),
    ],
)
def test_rules_that_make_no_sense(rules: dict[str, float | str], words: str) -> None:
    with pytest.raises(SelectionError, match=words):
        Selection(**rules)  # type: ignore[arg-type]


def test_what_cannot_be_answered(random: Path, table: AffinityTable) -> None:
    rule = Selection(fdr=0.05, null="backward")
    with pytest.raises(EngineError, match="the layer order is within: leave --layer-order or"):
        compute(random, layer_order="within", selection=rule)
    with pytest.raises(EngineError, match="backward is not for QQ, which has no direction"):
        compute(random, pairings="QQ", selection=rule)
    with pytest.raises(EngineError, match="--samples 0: wanted a whole number of at least 1"):
        compute(random, selection=rule, samples=0)
    bare = compute(random, selection=Selection())
    with pytest.raises(SelectionError, match="does not hold its pairs against backward: make it"):
        bare.select(rule)
    entry = {"chance": table.meta.nulls["within"]}
    with pytest.raises(TableError, match=r"nulls \['chance'\]"):
        type(table.meta).from_json(replace(bare.meta, nulls=entry).to_json())
    broken = table.frame.assign(p_within=2.0)
    with pytest.raises(TableError, match="column p_within leaves the range from 0 to 1"):
        AffinityTable(broken, table.meta)


def test_the_command(random: Path, tmp_path: Path) -> None:
    out = tmp_path / "t.parquet"
    words = ["compute", str(random), "--fdr", "0.9", "--null", "covariance", "--samples", "30"]
    done = CliRunner().invoke(cli.headgraph, [*words, "--seed", "5", "-o", str(out)])
    assert done.exit_code == 0, done.output
    meta = AffinityTable.read(out).meta
    assert meta.nulls["covariance"]["samples"] == 30
    assert meta.nulls["covariance"]["seed"] == 5
    done = CliRunner().invoke(cli.headgraph, ["compute", str(random), "--fdr", "0.1", "-o", "x"])
    assert done.exit_code == 2
    assert "--fdr without --null" in done.output


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

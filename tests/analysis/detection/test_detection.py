"""Detection: curves against plain loops, and the figures of GPT-2 small."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import mannwhitneyu

from headgraph.analysis.detection import areas, detect, detection_figure
from headgraph.analysis.detection._detect import depth, leaders
from headgraph.analysis.detection.curves import within_blocks
from headgraph.analysis.detection.tasks import CLASSES
from headgraph.analysis.errors import AnalysisError
from headgraph.pk_engine.table.affinity import AffinityTable
from tests.pk_engine import oracle
from tests.shared import GPT2, SHARED, needs_shared
from tests.tables import random_table

ITEMS = st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=30).filter(
    lambda items: 0 < sum(positive for _, positive in items) < len(items)
)


def loops(scores: list[float], positive: list[bool]) -> tuple[float, float, float]:
    """The three areas by definition: thresholds one after another, and pairs for ROC."""
    total, recall, before, pr, ap = sum(positive), 0.0, 1.0, 0.0, 0.0
    for threshold in sorted(set(scores), reverse=True):
        kept = [p for s, p in zip(scores, positive, strict=True) if s >= threshold]
        now, precision = sum(kept) / total, sum(kept) / len(kept)
        pr += (now - recall) * (precision + before) / 2
        ap += (now - recall) * precision
        recall, before = now, precision
    wins = [
        1.0 if a > b else 0.5 if a == b else 0.0
        for a, p in zip(scores, positive, strict=True) if p
        for b, q in zip(scores, positive, strict=True) if not q
    ]  # fmt: skip
    return pr, ap, float(np.mean(wins))


@given(ITEMS)
def test_areas_are_those_of_the_definition(items: list[tuple[int, bool]]) -> None:
    scores, positive = [float(s) for s, _ in items], [p for _, p in items]
    assert areas(np.array(scores), np.array(positive)) == pytest.approx(loops(scores, positive))


@given(ITEMS, st.data())
def test_a_weight_is_so_many_copies(items: list[tuple[int, bool]], data: st.DataObject) -> None:
    times = [data.draw(st.integers(0, 3)) for _ in items]
    scores = np.array([float(s) for s, _ in items])
    positive = np.array([p for _, p in items])
    copies = np.repeat(np.arange(len(items)), times)
    if not 0 < positive[copies].sum() < len(copies):
        return
    found = areas(scores, positive, np.array([times]))
    wanted = areas(scores[copies], positive[copies])
    assert [float(area[0]) for area in found] == pytest.approx(list(wanted))


def test_a_perfect_score_and_its_opposite() -> None:
    positive = np.array([True, True, False, False])
    assert areas(np.array([4.0, 3, 2, 1]), positive) == (1, 1, 1)
    assert areas(np.array([1.0, 2, 3, 4]), positive).roc_auc == 0


@pytest.fixture(scope="module")
def found() -> pd.DataFrame:
    return detect("gpt2-small", metrics=["pk", "cs"], resamples=200)


def column(rows: pd.DataFrame, metric: str, name: str) -> list[float]:
    return rows.loc[rows["metric"] == metric, name].round(3).tolist()


def test_heads_of_gpt2(found: pd.DataFrame) -> None:
    """The reading of paper.md: 36 heads, the largest score of the pairs that a head touches."""
    assert column(found, "pk", "pr_auc") == [0.475, 0.513, 0.300]
    assert column(found, "cs", "pr_auc") == [0.235, 0.351, 0.220]
    assert set(found["prevalence"]) == {0.25}
    assert ((found["low"] < found["pr_auc"]) & (found["pr_auc"] < found["high"])).all()


def test_pk_leads_cs_where_the_interval_says_so(found: pd.DataFrame) -> None:
    cs = found[found["metric"] == "cs"].set_index("pairing")
    assert (cs.loc[["OQ", "OK"], "beyond_high"] < 0).all()
    assert leaders(found).startswith("PK leads on OQ (0.475)")


def scored(**figures: tuple[float, float, float]) -> pd.DataFrame:
    """Rows of one pairing: PR-AUC, and the interval of its difference to a PK of one half."""
    return pd.DataFrame([
        {"pairing": "OQ", "metric": name, "pr_auc": own, "beyond_pk": own - 0.5,
         "beyond_low": low, "beyond_high": high}
        for name, (own, low, high) in figures.items()
    ])  # fmt: skip


@pytest.mark.parametrize(
    ("cs", "layers", "said"),
    [
        ((0.3, -0.3, -0.1), (0.2, -0.4, -0.2), "PK leads on OQ (0.500)."),
        ((0.3, -0.3, 0.1), (0.2, -0.4, -0.2),
         "PK leads on OQ (0.500), which the interval does not confirm."),
        ((0.3, -0.3, -0.1), (0.4, -0.2, 0.1),
         "PK leads on OQ (0.500), which the interval does not confirm."),
        ((0.6, 0.05, 0.2), (0.7, 0.1, 0.3), "the score of the layers leads PK on OQ by 0.200."),
        ((0.6, -0.05, 0.2), (0.4, -0.2, 0.1),
         "cs leads PK on OQ by 0.100, which the interval does not confirm."),
    ],
)  # fmt: skip
def test_the_leader_follows_the_intervals(
    cs: tuple[float, float, float], layers: tuple[float, float, float], said: str
) -> None:
    assert leaders(scored(pk=(0.5, 0, 0), cs=cs, layers=layers)) == said


def test_a_single_metric_does_not_lead() -> None:
    assert leaders(scored(pk=(0.5, 0, 0), layers=(0.4, -0.2, -0.1))) == ""


def test_edges_of_the_ioi_circuit() -> None:
    rows = detect("gpt2-small", task="edges", metrics=["pk", "cs"], resamples=1)
    assert rows.loc[rows["metric"] == "pk", "positives"].tolist() == [52, 36, 36]
    assert column(rows, "pk", "roc_auc") == [0.871, 0.602, 0.762]
    assert column(rows, "pk", "ap") == [0.053, 0.043, 0.012]
    assert column(rows, "cs", "roc_auc") == [0.849, 0.616, 0.792]
    assert column(rows, "cs", "ap") == [0.023, 0.026, 0.016]


def ioi_edges(metric: str, pairing: str) -> pd.DataFrame:
    """`score`, `edge` and `layers` of every pair, by joins of label files and table alone."""
    folder = Path("pk_engine/bundled")
    table = pd.read_parquet(folder / "gpt2-small.parquet")
    table = table[table["pairing"] == pairing]
    labels = pd.read_csv(folder / "labels/gpt2-small.csv").query("circuit == 'ioi'")
    steps = pd.read_csv(folder / "labels/ioi-class-edges.csv").query(f"pairing == '{pairing}'")
    ends = steps.merge(labels, left_on="source_role", right_on="role").merge(
        labels, left_on="target_role", right_on="role", suffixes=("_source", "_target")
    )
    sides = ["layer_source", "head_source", "layer_target", "head_target"]
    edges = set(map(tuple, ends[sides].to_numpy()))
    keys = ["source_layer", "source_head", "target_layer", "target_head"]
    return pd.DataFrame({
        "score": table[metric].astype(float),
        "edge": [tuple(key) in edges for key in table[keys].to_numpy()],
        "layers": list(zip(table["source_layer"], table["target_layer"], strict=True)),
    })  # fmt: skip


def rank_sum(scores: "pd.Series[float]", edge: "pd.Series[bool]") -> tuple[float, int]:
    """How many pairs of an edge and another the edge wins, and how many there are."""
    wins = mannwhitneyu(scores[edge], scores[~edge]).statistic
    return float(wins), int(edge.sum() * (~edge).sum())


@pytest.mark.parametrize(
    ("pairing", "alone", "left_out"),
    [("OQ", 0.904, 0.900), ("OK", 0.612, 0.608), ("OV", 0.788, 0.786)],
)
def test_the_layers_alone_find_ioi_edges_as_well(
    pairing: str, alone: float, left_out: float
) -> None:
    """Also where no pair counts towards its own score, which ranks a block by the reverse of PK."""
    pairs = ioi_edges("pk", pairing)
    blocks = pairs.groupby("layers")["score"]
    means = blocks.transform("mean").round(9)  # the same number for a whole block
    wins, compared = rank_sum(means, pairs["edge"])
    assert round(wins / compared, 3) == alone
    others = (blocks.transform("sum") - pairs["score"]) / (blocks.transform("size") - 1)
    without, _ = rank_sum(others, pairs["edge"])
    assert round(without / compared, 3) == left_out
    row = detect("gpt2-small", task="edges", metrics=["pk"], resamples=1)
    row = row.set_index(["metric", "pairing"]).loc[("layers", pairing)]
    assert row["roc_auc"] == pytest.approx(wins / compared, abs=1e-9)
    assert row["within_layers"] == pytest.approx(0.5, abs=1e-12)
    pk = detect("gpt2-small", task="edges", metrics=["pk"], resamples=1)
    assert row["roc_auc"] > pk.set_index(["metric", "pairing"]).loc[("pk", pairing), "roc_auc"]


@pytest.mark.parametrize(
    ("metric", "known"), [("pk", [0.751, 0.586, 0.615]), ("cs", [0.763, 0.623, 0.678])]
)
def test_ioi_edges_among_pairs_of_the_same_layers(metric: str, known: list[float]) -> None:
    rows = detect("gpt2-small", task="edges", metrics=[metric], resamples=20)
    rows = rows[rows["metric"] == metric]
    assert column(rows, metric, "within_layers") == known
    assert (rows["within_low"] < rows["within_high"]).all()
    for found, pairing in zip(rows["within_layers"], ("OQ", "OK", "OV"), strict=True):
        pairs = ioi_edges(metric, pairing)
        parts = [
            rank_sum(part["score"], part["edge"])
            for _, part in pairs.groupby("layers") if part["edge"].any()
        ]  # fmt: skip
        wins, compared = np.sum(parts, axis=0)
        assert found == pytest.approx(wins / compared, abs=1e-9)


def test_a_score_of_layers_alone_has_no_advantage_within_them() -> None:
    """Blocks 0 and 1; the first has more positives. Weights are copies."""
    blocks = np.array([0, 0, 0, 1, 1, 1])
    positive = np.array([True, True, False, True, False, False])
    assert within_blocks(1.0 - blocks, positive, blocks) == 0.5
    assert within_blocks(positive.astype(float), positive, blocks) == 1
    scores = np.array([3.0, 1, 2, 5, 4, 6])
    assert within_blocks(scores, positive, blocks) == 2 / 4  # wins 3>2 and 5>4
    twice = np.array([[2, 1, 1, 1, 1, 1], [0, 0, 1, 0, 1, 1]])
    found = within_blocks(scores, positive, blocks, twice)
    assert found[0] == pytest.approx(3 / 5)
    assert np.isnan(found[1]), "no positive was drawn"


@pytest.mark.parametrize("metrics", [["pk"], ["cs"], ["pk", "cs"]])
def test_the_figure_explains_its_marks(metrics: list[str]) -> None:
    rows = detect("gpt2-small", task="edges", metrics=metrics, resamples=5)
    (legend,) = detection_figure(rows, model="GPT-2 small").legends
    assert {text.get_text() for text in legend.get_texts()} == {
        "all items, headgraph",
        "items of the same layers only (interval)",
        "layers alone",
    }


def test_depth_in_words() -> None:
    said = depth(detect("gpt2-small", task="edges", metrics=["pk"], resamples=1))
    assert said.startswith(
        "ROC-AUC of the layers alone: OQ 0.904 (PK 0.871; among items of the same layers 0.751), OK"
    )


@needs_shared
def test_pairs_of_one_class() -> None:
    """Counted over the label file, and ROC-AUC as the rank sum of float64 scores."""
    labels = pd.read_csv(SHARED / "labels/gpt2-small.csv")
    members = [
        set(map(tuple, rows[["layer", "head"]].to_numpy()))
        for role, rows in labels.groupby("role")
        if role in CLASSES
    ]
    weights = oracle.gpt2_heads(GPT2)["Q"].reshape(144, 768, 64)
    bases = np.linalg.qr(weights)[0]
    # PK is the inner product of the two projectors, here of 64 of their rows after another
    scores = np.zeros((144, 144))
    for first in range(0, 768, 64):
        rows = (bases[:, first : first + 64] @ bases.mT).reshape(144, -1)
        scores += rows @ rows.T
    inside, outside = [], []
    for i, j in combinations(range(144), 2):
        pk = scores[i, j]
        pair = {divmod(i, 12), divmod(j, 12)}
        (inside if any(pair <= heads for heads in members) else outside).append(pk)
    found = detect(GPT2, task="classes", metrics=["pk"], resamples=1)
    row = found.set_index(["metric", "pairing"]).loc[("pk", "QQ")]
    assert row["items"] == len(inside) + len(outside) == 144 * 143 // 2
    assert row["positives"] == len(inside)
    wins = mannwhitneyu(inside, outside).statistic / (len(inside) * len(outside))
    assert row["roc_auc"] == pytest.approx(wins, abs=1e-5)


def test_a_planted_head_is_found(tmp_path: Path) -> None:
    table = random_table(4, 4, 4, pairings=("OQ", "OK", "OV"), metrics=("pk",))
    frame = table.frame.copy()
    strongest = frame.loc[frame["pk_rank"] == 1]
    heads: NDArray[np.int64] = strongest[["target_layer", "target_head"]].to_numpy()
    lines = {f"{layer},{head},planted" for layer, head in heads}
    path = tmp_path / "labels.csv"
    path.write_text("layer,head,role\n" + "\n".join(sorted(lines)) + "\n")
    rows = detect(table, metrics=["pk"], labels=path, resamples=10)
    rows = rows[rows["metric"] == "pk"]
    assert rows["positives"].tolist() == [len(lines)] * 3
    assert (rows["pr_auc"] > rows["prevalence"]).all()


def test_the_seed_is_recorded_and_decides(found: pd.DataFrame) -> None:
    again = detect("gpt2-small", metrics=["pk", "cs"], resamples=200)
    pd.testing.assert_frame_equal(found, again)
    other = detect("gpt2-small", metrics=["pk", "cs"], resamples=200, seed=1)
    assert other["seed"].eq(1).all()
    assert not np.allclose(other["low"], found["low"])


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"task": "layers"}, "task='layers': expected heads, classes, edges"),
        ({"resamples": 0}, "resamples=0: expected a whole number of at least 1"),
        ({"level": 1.0}, "level=1.0: expected more than 0 and less than 1"),
        ({"labels": "none"}, "expected some and not all; give roles with labels=FILE"),
    ],
)
def test_refusals(options: dict[str, object], sentence: str) -> None:
    table = AffinityTable.read("pk_engine/bundled/gpt2-small.parquet")
    with pytest.raises(AnalysisError, match=sentence.replace("(", r"\(")):
        detect(table, **options)  # type: ignore[arg-type]

"""Robustness against folding, scores and ranks that are written out here in float64."""

import json
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from safetensors.numpy import load_file
from scipy.stats import spearmanr

import headgraph
from headgraph import cli
from headgraph.analysis.errors import AnalysisError, FigureError
from headgraph.analysis.robustness._robustness import compared
from headgraph.analysis.robustness.figure import robustness_figure
from headgraph.pk_engine import AffinityTable, Selection, compute
from headgraph.pk_engine.bundled import table_path
from headgraph.pk_engine.errors import EngineError
from headgraph.pk_engine.models.location import locate
from tests.pk_engine import oracle
from tests.shared import GPT2, MODELS, needs_shared

Heads = dict[str, np.ndarray]
FOLDER = locate("induction-2l").folder


def fold(heads: Heads) -> Heads:
    """With y = gamma (x - mean x) / sd + beta, W^T y reads P diag(gamma) W of x."""
    tensors = load_file(FOLDER / "model.safetensors")
    out = {"O": heads["O"]}
    for role in "QKV":
        gamma = [tensors[f"transformer.h.{layer}.ln_1.weight"] for layer in range(2)]
        scaled = heads[role] * np.array(gamma, np.float64)[:, None, :, None]
        out[role] = scaled - scaled.mean(axis=2, keepdims=True)
    return out


def centre(heads: Heads) -> Heads:
    return {**heads, "O": heads["O"] - heads["O"].mean(axis=2, keepdims=True)}


def scores(heads: Heads, metric: str, role: str) -> np.ndarray:
    """64 scores of L0 with L1: by source head, then target head."""
    pairs = [(i, j) for i in range(8) for j in range(8)]
    if metric == "cs":
        return np.array([oracle.cs(heads, (0, i), (1, j), role) for i, j in pairs])
    return np.array([oracle.pk(heads["O"][0, i], heads[role][1, j]) for i, j in pairs])


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return headgraph.robustness("induction-2l", metrics=("pk", "cs"))


@pytest.mark.parametrize("metric", ["pk", "cs"])
@pytest.mark.parametrize("role", "QKV")
def test_correlation_and_overlap_are_those_of_the_formulas(
    frame: pd.DataFrame, metric: str, role: str
) -> None:
    heads = oracle.gpt2_heads(FOLDER)
    raw = scores(heads, metric, role)
    variants = {"folded": fold(heads), "centred": centre(heads), "both": fold(centre(heads))}
    for variant, changed in variants.items():
        other = scores(changed, metric, role)
        row = frame[(frame["metric"] == metric) & (frame["pairing"] == f"O{role}")]
        row = row.set_index("variant").loc[variant]
        # float32 may swap two pairs that float64 tells apart
        assert row["spearman"] == pytest.approx(spearmanr(raw, other).statistic, abs=2e-4)
        shared = len(set(np.argsort(-raw)[:20]) & set(np.argsort(-other)[:20]))
        assert row["top20_overlap"] == pytest.approx(shared / 20)
        assert row["pairs"] == 64


def test_rows_and_their_order(frame: pd.DataFrame) -> None:
    assert list(frame) == ["metric", "pairing", "variant", "spearman", "top20_overlap", "pairs"]
    assert frame["metric"].tolist() == ["pk"] * 9 + ["cs"] * 9
    assert frame["pairing"].tolist()[:4] == ["OQ", "OK", "OV", "OQ"]
    assert frame["variant"].unique().tolist() == ["folded", "centred", "both"]


@needs_shared
def test_gpt2_keeps_pk_and_loses_cs() -> None:
    """Published: folding and centring leave PK's top lists nearly unchanged, CS changes much."""
    metrics = ("pk", "cs")
    raw = AffinityTable.read(table_path("gpt2-small"))  # it is that of the weights
    changed = compute(
        GPT2, metrics=metrics, selection=Selection(), decoys=False, fold_ln=True,
        center_writing=True,
    )  # fmt: skip
    rows = compared(raw, changed, "both", metrics)
    rows = rows[rows["pairing"] != "OV"]
    both = rows.set_index(["metric", "pairing"])["top20_overlap"]
    assert (both["pk"] >= 0.9).all()
    assert (both["cs"] <= 0.5).all()


@needs_shared
def test_what_would_change_a_model_is_left_out() -> None:
    frame = headgraph.robustness(MODELS / "stories260K", metrics=("pk",))
    assert frame["variant"].unique().tolist() == ["folded"], "its norms are RMS norms"


def test_a_model_without_norms_has_nothing_to_compare(tmp_path: Path) -> None:
    config = {"model_type": "transformer_lens", "n_layers": 2, "n_heads": 2, "d_model": 8,
              "d_head": 4}  # fmt: skip
    (tmp_path / "config.json").write_text(json.dumps(config))
    from safetensors.numpy import save_file

    rng = np.random.default_rng(0)
    shapes = {"W_Q": (2, 8, 4), "W_K": (2, 8, 4), "W_V": (2, 8, 4), "W_O": (2, 4, 8)}
    save_file(
        {
            f"blocks.{layer}.attn.{name}": rng.normal(size=shape).astype(np.float32)
            for layer in range(2)
            for name, shape in shapes.items()
        },
        tmp_path / "model.safetensors",
    )
    with pytest.raises(AnalysisError, match="can be neither folded nor centred without a change"):
        headgraph.robustness(tmp_path)


def test_an_unknown_metric_is_named() -> None:
    with pytest.raises(EngineError, match="unknown metric nonsense"):
        headgraph.robustness("induction-2l", metrics=("nonsense",))


def test_command_and_figure_show_the_same(frame: pd.DataFrame, tmp_path: Path) -> None:
    run = partial(CliRunner().invoke, cli.headgraph, catch_exceptions=False)
    done = run(["robustness", "induction-2l", "--metrics", "pk,cs", "--format", "json"])
    assert pd.DataFrame(json.loads(done.stdout))["spearman"].tolist() == pytest.approx(
        frame["spearman"].tolist()
    )
    figure = robustness_figure(frame, name="induction-2l")
    assert "induction-2l: scores of folded and centred weights" in figure.texts[0].get_text()
    for panel, column in ((0, "spearman"), (3, "top20_overlap")):
        points = np.concatenate([c.get_offsets() for c in figure.axes[panel].collections])
        rows = frame[frame["pairing"] == "OQ"]
        assert sorted(points[:, 0]) == pytest.approx(sorted(rows[column]))
    with pytest.raises(FigureError, match="no rows"):
        robustness_figure(frame.iloc[:0])
    path = tmp_path / "r.svg"
    args = ["--pairings", "OK", "--metrics", "pk", "-o", str(path)]
    assert run(["figure", "robustness", "induction-2l", *args]).exit_code == 0
    assert "induction-2l: scores of folded" in path.read_text("utf-8")

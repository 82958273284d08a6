"""The paper's figures for GPT-2 small come out of the real weights (arXiv:2601.10266)."""

import numpy as np
import pandas as pd
import pytest

from headgraph.base.names import head_name
from headgraph.pk_engine import AffinityTable, Selection, compute
from headgraph.pk_engine.bundled import table_path
from tests.pk_engine import oracle
from tests.shared import GPT2, needs_shared

pytestmark = needs_shared


@pytest.fixture(scope="module")
def table() -> AffinityTable:
    return compute(GPT2, metrics=["pk", "cs"], selection=Selection(), decoys=False)


@pytest.mark.parametrize(
    ("metric", "cutoffs", "digits"),
    [
        ("pk", {"OQ": 12.26, "OK": 10.79, "OV": 10.44}, 2),
        ("cs", {"OQ": 0.0635, "OK": 0.0619, "OV": 0.0572}, 4),
    ],
)
def test_top_three_percent_cutoffs(
    table: AffinityTable, metric: str, cutoffs: dict[str, float], digits: int
) -> None:
    for pairing, cutoff in cutoffs.items():
        scores = table.frame.loc[table.frame.pairing == pairing, metric]
        assert len(scores) == 9504
        assert round(float(scores.nlargest(286).min()), digits) == cutoff


def test_strongest_pairs(table: AffinityTable) -> None:
    wanted = {
        "OQ": [("L4H7", "L5H6", 26.390), ("L4H11", "L5H6", 25.641)],
        "OK": [("L4H11", "L5H1", 39.331), ("L4H7", "L5H1", 38.448), ("L4H11", "L6H9", 38.403)],
        "OV": [("L3H10", "L4H7", 22.326)],
    }
    for pairing, pairs in wanted.items():
        rows = table.frame[table.frame.pairing == pairing].head(len(pairs))
        found = [
            (head_name(r.source_layer, r.source_head), head_name(r.target_layer, r.target_head),
             round(float(r.pk), 3))
            for r in rows.itertuples()
        ]  # fmt: skip
        assert found == pairs


@pytest.mark.parametrize(("metric", "heads"), [("pk", 52), ("cs", 46)])
def test_heads_of_the_wiring_diagram(table: AffinityTable, metric: str, heads: int) -> None:
    pairings = table.frame.groupby("pairing")
    strongest = pd.concat([rows.nlargest(20, metric) for _, rows in pairings])
    ends = pd.concat(
        [
            strongest[[f"{end}_layer", f"{end}_head"]].set_axis(["layer", "head"], axis=1)
            for end in ("source", "target")
        ]
    )
    assert len(ends.drop_duplicates()) == heads


def test_moments_of_the_reference(table: AffinityTable) -> None:
    moments = table.meta.moments["OQ"]
    assert round(moments["mean"], 4) == 5.3333
    assert round(moments["sd"], 5) == 0.10796


def test_pairs_agree_with_the_definition_in_float64(table: AffinityTable) -> None:
    """Those of each source layer in one pairing, with every later layer; all are in the table."""
    heads = oracle.gpt2_heads(GPT2)
    for first, role in enumerate("QKV"):
        rows = table.frame[table.frame.pairing == "O" + role]
        assert len(rows) == 9504
        chosen = range(first, 11, 3)
        wanted = oracle.forward_pk(heads["O"], heads[role], chosen)
        rows = rows[rows.source_layer.isin(chosen)]
        wanted = wanted[
            rows.source_layer * 12 + rows.source_head, rows.target_layer * 12 + rows.target_head
        ]
        assert np.abs(rows.pk - wanted).max(skipna=False) < 1e-4


def test_composition_scores_agree_with_elhage_on_full_matrices(table: AffinityTable) -> None:
    heads = oracle.gpt2_heads(GPT2)
    rows = table.frame.sample(45, random_state=0)
    for row in rows.itertuples():
        source, target = (row.source_layer, row.source_head), (row.target_layer, row.target_head)
        assert row.cs == pytest.approx(oracle.cs(heads, source, target, row.pairing[1]), abs=1e-4)


def test_the_bundled_table_is_what_the_weights_give(table: AffinityTable) -> None:
    bundled = AffinityTable.read(table_path("gpt2-small"))
    assert bundled.meta.fingerprint == table.meta.fingerprint
    keys = ["pairing", "source_layer", "source_head", "target_layer", "target_head"]
    both = bundled.frame.merge(table.frame, on=keys, suffixes=("", "_now"), validate="1:1")
    assert len(both) == len(table) == 28_512
    # another machine's BLAS rounds otherwise, so the last digits may move
    assert (both.pk - both.pk_now).abs().max() < 1e-4
    assert (both.cs - both.cs_now).abs().max() < 1e-5
    assert table_path("gpt2-small").stat().st_size < 1_000_000


def test_composition_score_is_the_formula_of_the_docs(table: AffinityTable) -> None:
    """reference/scores.md, row vectors: ||W_src W_tgt|| / (||W_src|| ||W_tgt||), L4H7 to L5H1."""
    heads = oracle.gpt2_heads(GPT2)
    w_v, w_o = heads["V"][4, 7], heads["O"][4, 7].T
    to_q, to_k, to_v, to_o = (heads[role][5, 1] for role in "QKVO")
    source = w_v @ w_o
    targets = {"OQ": to_q @ to_k.T, "OK": to_k @ to_q.T, "OV": to_v @ to_o.T}
    ends = "source_layer == 4 and source_head == 7 and target_layer == 5 and target_head == 1"
    stored = table.frame.query(ends).set_index("pairing")["cs"]
    for pairing, printed in {"OQ": 0.0768, "OK": 0.0963, "OV": 0.0424}.items():
        norms = np.linalg.norm(source) * np.linalg.norm(targets[pairing])
        composition = np.linalg.norm(source @ targets[pairing]) / norms
        assert stored[pairing] == pytest.approx(composition, rel=1e-4)
        assert round(float(composition), 4) == printed

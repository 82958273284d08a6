"""The nulls backward and within: which pairs they hold."""

from pathlib import Path

import numpy as np
import pytest

from headgraph.pk_engine import AffinityTable, Selection, compute
from tests.pk_engine import oracle
from tests.pk_engine.checkpoints import LLAMA_CONFIG, llama_tensors, save
from tests.pk_engine.nulls.models import HEADS, D, M


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

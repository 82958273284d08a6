"""Grouped-query attention: key/value heads scored once, arrows between query heads."""

import numpy as np
import pandas as pd
import pytest

from headgraph.pk_engine import Selection, compute
from headgraph.pk_engine.errors import EngineError
from headgraph.pk_engine.table.edges import head_edges
from tests.pk_engine import oracle
from tests.shared import MODELS, needs_shared
from tests.tables import random_table


def test_one_edge_for_each_query_head_of_the_key_head() -> None:
    table = random_table(2, 4, 2)  # 4 query heads, 2 key/value heads
    edges = table.edges()
    keys = edges[edges.pairing == "OK"]
    assert (keys.share == 0.5).all()
    assert (keys.target_head // 2 == keys.kv_head).all()
    assert len(keys) == 4 * 4
    assert keys.share.sum() == table.meta.scored["OK"] == 4 * 2
    queries = edges[edges.pairing == "OQ"]
    assert (queries.share == 1).all()
    assert (queries.kv_head == -1).all()


def test_expanded_rows_give_the_same_edges() -> None:
    table = random_table(3, 4, 2, kv="expand")
    edges = table.edges()
    for pairing, share in (("OQ", 1.0), ("OK", 0.5), ("OV", 0.5)):
        assert (edges[edges.pairing == pairing].share == share).all()
    assert len(edges) == len(table)


def test_share_counts_the_edges_that_were_kept() -> None:
    table = random_table(3, 4, 2, kv="expand")
    alone = table.frame[(table.frame.pairing == "OK")].head(1)
    assert head_edges(alone, table.meta).share.tolist() == [1.0]


def test_sources_with_shared_heads_fan_out_too() -> None:
    table = random_table(2, 4, 2, pairings=("KK",))
    edges = table.edges()
    assert len(edges) == 4 * 4
    assert (edges.share == 0.25).all()


def test_no_groups_no_change() -> None:
    table = random_table()
    edges = table.edges()
    numbers = table.frame.drop(columns=["source", "target"])
    pd.testing.assert_frame_equal(edges[numbers.columns], numbers)
    assert (edges.share == 1).all()


def test_an_empty_selection_has_no_edges() -> None:
    table = random_table(2, 4, 2).select(Selection(min_pk=1e6))
    assert table.edges().empty
    assert {"kv_head", "share"} <= set(table.edges().columns)


@needs_shared
@pytest.mark.parametrize("model", ["stories260K", "babyllama-361"])
class TestTrainedModels:
    def test_native_rows_agree_with_the_definition(self, model: str) -> None:
        table = compute(MODELS / model, selection=Selection())
        heads = oracle.llama_heads(MODELS / model)
        counts = {role: heads[role].shape[1] for role in "QKVO"}
        assert counts == {"Q": 8, "K": 4, "V": 4, "O": 8}
        assert table.meta.scored == {"OQ": 640, "OK": 320, "OV": 320}
        flat = {role: w.reshape(-1, *w.shape[2:]) for role, w in heads.items()}
        for role in "QKV":
            rows = table.frame[table.frame.pairing == "O" + role]
            wanted = oracle.all_pk(flat["O"], flat[role])[
                rows.source_layer * 8 + rows.source_head,
                rows.target_layer * counts[role] + rows.target_head,
            ]
            assert np.abs(rows.pk - wanted).max() < 1e-4

    def test_composition_scores_are_per_query_head(self, model: str) -> None:
        table = compute(MODELS / model, metrics=["cs"], selection=Selection())
        assert table.meta.kv == "expand"
        assert table.meta.scored == {"OQ": 640, "OK": 640, "OV": 640}
        assert (table.frame.target_kv_head == table.frame.target_head // 2).all()
        heads = oracle.llama_heads(MODELS / model)
        for row in table.frame.sample(120, random_state=0).itertuples():
            source = (row.source_layer, row.source_head)
            target = (row.target_layer, row.target_head)
            wanted = oracle.cs(heads, source, target, row.pairing[1], group=2)
            assert row.cs == pytest.approx(wanted, abs=1e-4)

    def test_native_rows_and_a_score_per_query_head_exclude_each_other(self, model: str) -> None:
        with pytest.raises(EngineError, match=r"cs exists per query head only, and .* shares"):
            compute(MODELS / model, metrics=["cs"], kv="native")

    def test_native_and_expanded_draw_the_same_graph(self, model: str) -> None:
        keys = ["pairing", "source_layer", "source_head", "target_layer", "target_head"]
        graphs = [
            compute(MODELS / model, kv=kv, selection=Selection()).edges().sort_values(keys)
            for kv in ("native", "expand")
        ]
        columns = [*keys, "pk", "kv_head", "share"]
        pd.testing.assert_frame_equal(*(g[columns].reset_index(drop=True) for g in graphs))

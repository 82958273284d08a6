"""From a real grouped-query model's weights to answers: what is counted once stays counted once."""

import numpy as np
import pandas as pd
import pytest

from headgraph import loader, queries
from headgraph.graphdb import Graph
from headgraph.pk_engine import AffinityTable, Selection, compute
from tests.shared import MODELS, needs_shared

pytestmark = needs_shared
STORIES = MODELS / "stories260K"  # 5 layers of 8 query heads and 4 key/value heads


@pytest.mark.parametrize("metrics", [["pk"], ["pk", "cs"]])
def test_stories260k(graph: Graph, metrics: list[str]) -> None:
    table = compute(STORIES, metrics=metrics, selection=Selection())
    assert table.meta.kv == ("expand" if "cs" in metrics else "native")
    loader.load(table, graph, run="stories")
    assert_edges(graph, table)
    assert_outlets(graph, compute(STORIES, selection=Selection()))


def assert_edges(graph: Graph, table: AffinityTable) -> None:
    """Each reader behind a shared head has its edge, its key/value head and its share."""
    rows = graph.read(
        "MATCH (:Head {run: 'stories'})-[e]->(b:Head {run: 'stories'}) "
        "RETURN type(e) AS pairing, e.kv_head AS kv_head, e.share AS share, b.head AS head, "
        "b.kv_head AS own, e.cs AS cs"
    ).frame()
    shared = rows[rows.pairing != "OQ"]
    assert (shared.share == 0.5).all()
    assert (shared.kv_head == shared["head"] // 2).all()
    assert (shared.kv_head == shared.own).all()
    own = rows[rows.pairing == "OQ"]
    assert (own.share == 1).all()
    assert own.kv_head.isna().all()
    assert len(rows) == 3 * 640
    assert rows.groupby("pairing").share.sum().to_dict() == {"OQ": 640, "OK": 320, "OV": 320}
    if "cs" in table.meta.metrics:
        assert np.sort(rows.cs) == pytest.approx(np.sort(table.frame.cs), abs=1e-6)


def assert_outlets(graph: Graph, native: AffinityTable) -> None:
    """An outlet is the sum of z over scored pairs: a shared key/value head counts once."""
    wanted = native.frame.groupby(["source_layer", "source_head"]).z.sum()
    hubs = queries.query("hubs", graph, run="stories", limit=40)
    assert len(hubs) == 40
    found = pd.Series(hubs.outlet.to_numpy(), index=hubs["head"])
    for (layer, head), outlet in wanted.items():
        assert found[f"L{layer}H{head}"] == pytest.approx(outlet, rel=1e-4, abs=1e-3)

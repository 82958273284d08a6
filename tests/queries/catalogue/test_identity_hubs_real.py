"""Identity heads as hubs: the stored answer beside pandas."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest

from headgraph import loader, queries
from headgraph.analysis.hubs.kinds import hubs_of_kind
from headgraph.graphdb import Graph
from headgraph.graphdb.schema import BEHAVIOURS
from headgraph.queries.errors import UnknownName
from tests.queries.conftest import emptied
from tests.queries.oracle import head_key, hub_table
from tests.tables import random_table


def test_labelled_identity_heads(gpt2: Graph, kept: pd.DataFrame, labels: pd.DataFrame) -> None:
    hubs = hub_table(kept, ["OQ", "OK", "OV"]).set_index("head")
    names = [f"L{layer}H{head}" for layer in range(12) for head in range(12)]
    scores = hubs.reindex(names)[["inlet", "outlet", "both"]].fillna(0)
    layer = np.array([head_key(name)[0] for name in names])
    ratios = {}
    for side, partners in (("inlet", layer), ("outlet", 11 - layer)):
        each = scores[side] / (12 * np.maximum(partners, 1))
        mean = each.groupby(layer).transform("mean")
        ratios[side] = (each + each.mean()) / (mean + each.mean())
    joined = (scores["inlet"] > 0) & (scores["outlet"] > 0)
    scores["each"] = np.sqrt((ratios["inlet"] * ratios["outlet"]).where(joined, 0))
    places = scores[["both", "each"]].rank(ascending=False, method="min").astype(int)
    wanted = set(labels.loc[labels["role"] == "identity", "name"])
    answer = queries.query("identity_hubs", gpt2)
    assert set(answer["head"]) == wanted
    assert answer["labelled"].all()
    for row in answer.itertuples():
        assert [row.inlet, row.outlet, row.both] == pytest.approx(
            scores.loc[row.head, ["inlet", "outlet", "both"]].tolist()
        )
        if row.both > 0:
            assert [row.place, row.place_by_layer] == places.loc[row.head].tolist()
        else:
            assert pd.isna(row.place)
            assert pd.isna(row.place_by_layer)
    assert answer["head"].iloc[0] == "L4H7"
    assert answer["place"].iloc[0] == 1
    own = hubs_of_kind("gpt2-small").set_index("head").loc[answer["head"]]
    assert answer["both"].tolist() == pytest.approx(own["both"].tolist())
    placed = (answer["both"] > 0).to_numpy()
    for column in ("place", "place_by_layer"):
        assert answer[column][placed].tolist() == own[column][placed].tolist()


@pytest.fixture
def measured(database: Graph) -> Iterator[Graph]:
    emptied(database)
    loader.load(random_table(2, 3), database, run="tiny")
    at = pd.MultiIndex.from_product([range(2), range(3)], names=["layer", "head"])
    rows = pd.DataFrame(dict.fromkeys(BEHAVIOURS, 0.1), index=at).reset_index()
    rows.loc[4, "identity"] = 0.9
    loader.annotate(rows, database, "tiny")
    yield database
    emptied(database)


def test_measured_heads_count_above_the_threshold(measured: Graph) -> None:
    (row,) = queries.query("identity_hubs", measured).to_dict("records")
    assert (row["head"], row["score"], row["labelled"]) == ("L1H1", 0.9, False)
    for kind in BEHAVIOURS:
        assert len(queries.query("identity_hubs", measured, kind=kind, threshold=0.05)) == 6
    # properties of a head are no behaviours: to the statement alone, as Browser asks it, neither
    text = queries.get("identity_hubs").cypher
    asked = {"run": "tiny", "threshold": 0.5, "pairings": ["OQ", "OK", "OV"]}
    assert len(measured.read(text, {**asked, "kind": "identity"}).rows) == 1
    for kind in ("no_such_role", "layer", "inlet_OQ"):
        assert measured.read(text, {**asked, "kind": kind}).rows == ()
        with pytest.raises(UnknownName, match=f"^'{kind}' is no role of a head of run 'tiny' and"):
            queries.query("identity_hubs", measured, kind=kind)
    with pytest.raises(UnknownName) as caught:
        queries.query("identity_hubs", measured, kind="inductoin")
    assert str(caught.value) == (
        "'inductoin' is no role of a head of run 'tiny' and no measured behaviour (did you mean "
        "induction?): there are duplicate_token, identity, induction, previous_token"
    )

"""Heads of one kind among all heads: places by plain sorting."""

from pathlib import Path

import pandas as pd
import pytest

from headgraph.analysis.errors import AnalysisError
from headgraph.analysis.hubs.kinds import hubs_of_kind
from headgraph.analysis.hubs.kinds_figure import identity
from tests.tables import random_table


def test_l4h7_is_first_of_gpt2() -> None:
    rows = hubs_of_kind("gpt2-small")
    first = rows.iloc[0]
    assert (first["head"], first["place"], first["place_by_layer"]) == ("L4H7", 1, 1)
    assert rows["of_kind"].sum() == 6
    # "it is the only hub" in docs/studies/identity-heads.md
    others = rows[rows["of_kind"] & (rows["head"] != "L4H7")]
    assert (others["place"] > 20).all()
    # L1H11 is the only head of layer 1 with an edge on both sides, which does not make it first
    rival = others.loc[others["both"] > 0]
    assert rival["head"].tolist() == ["L1H11"]
    assert rows.loc[(rows["layer"] == 1) & (rows["both"] > 0), "head"].tolist() == ["L1H11"]
    assert (rival["place_by_layer"] > 1).all()
    assert (rows.loc[rows["layer"] == 0, "both"] == 0).all()


def test_places_by_plain_sorting() -> None:
    scores = pd.DataFrame({"layer": [1, 2], "head": [0, 3], "identity": [0.9, 0.2]})
    rows = hubs_of_kind(random_table(4, 4), behaviour=scores)
    assert rows.loc[rows["of_kind"], "head"].tolist() == ["L1H0"]
    for row in rows.itertuples():
        assert row.place == 1 + (rows["both"] > row.both).sum()
        assert row.place_by_layer == 1 + (rows["ratio"] > row.ratio).sum()
    assert (rows["ratio"] > 0).any()


def test_the_ratio_compares_a_head_with_its_own_layer() -> None:
    """Written out head by head; one edge in an empty layer does not count as much as many."""
    rows = hubs_of_kind("gpt2-small").set_index("head")
    assert ((rows["ratio"] > 0) == (rows["both"] > 0)).all(), "a head of one side is no hub"
    assert 60 < (rows["ratio"] > 0).sum() < rows["layer"].between(1, 10).sum()
    each = {
        name: (
            row["inlet"] / max(12 * row["layer"], 1),
            row["outlet"] / max(12 * (11 - row["layer"]), 1),
        )
        for name, row in rows.iterrows()
    }
    overall = [sum(pair[side] for pair in each.values()) / 144 for side in (0, 1)]
    for name in ("L4H7", "L1H11", "L8H10", "L5H6"):
        layer = name[1 : name.index("H")]
        squared = 1.0
        for side in (0, 1):
            own = [each[f"L{layer}H{head}"][side] for head in range(12)]
            squared *= (each[name][side] + overall[side]) / (sum(own) / 12 + overall[side])
        assert rows.loc[name, "ratio"] ** 2 == pytest.approx(squared)


def test_refusals(tmp_path: Path) -> None:
    with pytest.raises(AnalysisError, match="no head of test/random is known as identity"):
        hubs_of_kind(random_table(2, 2))
    with pytest.raises(AnalysisError, match="expected layer, head and induction"):
        hubs_of_kind(random_table(2, 2), kind="induction",
                     behaviour=pd.DataFrame({"layer": [0], "head": [0]}))  # fmt: skip
    with pytest.raises(AnalysisError, match="cannot be read: No such file"):
        hubs_of_kind(random_table(2, 2), behaviour=tmp_path / "none.csv")


def test_the_picture_names_the_heads() -> None:
    figure = identity("gpt2-small")
    texts = {text.get_text() for axes in figure.axes for text in axes.texts}
    assert "L4H7, place 1" in texts
    assert "L0H1, L0H3, L0H4, L0H5, score 0" in texts, "no head of the first layer has an edge in"


def test_the_picture_counts_heads_that_share_a_point(tmp_path: Path) -> None:
    labels = pd.DataFrame({"layer": 0, "head": range(6), "role": "mine"})
    labels.to_csv(tmp_path / "mine.csv", index=False)
    figure = identity(random_table(3, 6), kind="mine", labels=tmp_path / "mine.csv")
    texts = {text.get_text() for axes in figure.axes for text in axes.texts}
    assert "L0H0, L0H1, L0H2 and 3 more, score 0" in texts

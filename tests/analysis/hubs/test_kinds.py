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
    assert (first["head"], first["place"], first["place_by_layer"]) == ("L4H7", 1, 2)
    assert rows["of_kind"].sum() == 6
    # "it is the only hub" in docs/studies/identity-heads.md
    others = rows[rows["of_kind"] & (rows["head"] != "L4H7")]
    assert (others["place"] > 20).all()
    # within its layer L1H11 is first, as no other head of layer 1 has an edge on both sides
    (rival,) = others.loc[others["place_by_layer"] == 1, "head"]
    assert rival == "L1H11"
    assert rows.loc[(rows["layer"] == 1) & (rows["both"] > 0), "head"].tolist() == [rival]
    assert (rows.loc[rows["layer"] == 0, "both"] == 0).all()


def test_places_by_plain_sorting() -> None:
    scores = pd.DataFrame({"layer": [1, 2], "head": [0, 3], "identity": [0.9, 0.2]})
    rows = hubs_of_kind(random_table(4, 4), behaviour=scores)
    assert rows.loc[rows["of_kind"], "head"].tolist() == ["L1H0"]
    for row in rows.itertuples():
        assert row.place == 1 + (rows["both"] > row.both).sum()
        assert row.place_by_layer == 1 + (rows["ratio"] > row.ratio).sum()
        layer = rows[rows["layer"] == row.layer]
        means = layer["inlet"].mean() * layer["outlet"].mean()
        assert row.ratio == pytest.approx(row.both / means**0.5 if means > 0 else 0.0)
    assert (rows["ratio"] > 0).any()


def test_the_sides_of_the_ratio_have_a_mean_of_1_in_every_layer() -> None:
    """So neither grows with depth, as the number of possible partners does."""
    rows = hubs_of_kind("gpt2-small")
    flows = rows[(rows["inlet"] > 0) & (rows["outlet"] > 0)]
    assert ((rows["ratio"] > 0) == (rows["both"] > 0)).all()
    means = rows.groupby("layer")[["inlet", "outlet"]].mean().loc[flows["layer"]].to_numpy()
    inlet, outlet = (flows[["inlet", "outlet"]].to_numpy() / means).T
    assert flows["ratio"].to_numpy() ** 2 == pytest.approx(inlet * outlet)


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

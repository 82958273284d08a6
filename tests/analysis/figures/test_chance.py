"""The marks that scores are read against, by formula, by a planted table and by random weights."""

import numpy as np
import pandas as pd
import pytest

from headgraph.analysis.figures.chance import (
    Chance,
    chance,
    chance_in,
    chance_lines,
    decoy_shares,
    decoys_in_words,
)
from headgraph.analysis.heatmap.figure import heatmap
from headgraph.analysis.scatter.figure import scatter
from headgraph.pk_engine.table.affinity import AffinityTable
from headgraph.pk_engine.table.selection import Selection
from tests.tables import random_table


def test_chance_is_that_of_the_formula(table: AffinityTable) -> None:
    """E[PK] = r s / d; 64 * 64 / 768 for GPT-2."""
    found = chance(table.meta, "OK")
    assert found.mean == pytest.approx(64 * 64 / 768)
    assert found.most == 64
    first, second = chance_lines(table.meta, ["OQ", "OK"])
    assert first == "PK of random subspaces: 5.333 (sd 0.11); maximum 64"
    assert second == "trained heads can exceed the random value without any function"
    assert found.full == pytest.approx(16 / 3 + 0.1 * (64 - 16 / 3))


def test_full_strength_takes_15_deviations_where_chance_varies_much() -> None:
    assert Chance(4.0, 0.5, 16.0).full == 11.5
    assert Chance(4.0, 2.0, 16.0).full == 16.0, "never above the maximum"


def test_strength_grows_from_chance_to_the_strongest() -> None:
    mark = Chance(5.0, 0.1, 65.0)
    assert mark.strength(pd.Series([4.0, 5.0, 15.0, 25.0])).tolist() == [0, 0, 0.5, 1]
    assert mark.strength(pd.Series([5.0, 5.6])).tolist() == pytest.approx([0, 0.1])
    assert mark.strength(pd.Series([], dtype=float)).empty


@pytest.mark.parametrize("shape", [(4, 4, 4), (3, 8, 2)])
def test_scores_themselves_state_chance(shape: tuple[int, int, int]) -> None:
    table = random_table(*shape)
    for pairing, edges in table.edges().groupby("pairing"):
        assert chance_in(edges) == pytest.approx(chance(table.meta, str(pairing)), abs=1e-4)


def test_equal_scores_state_no_chance() -> None:
    rows = random_table(3, 3).edges()
    assert chance_in(rows[:1]) is None
    assert chance_in(pd.concat([rows[:1], rows[:1]])) is None
    assert chance_in(rows.assign(z=np.nan)) is None


def test_streams_of_two_widths_state_no_chance() -> None:
    rows = random_table(3, 4).edges()
    rows = rows[rows["pairing"] == "OQ"]
    narrower = rows.assign(pk=2 * rows["pk"], pk_normalized=2 * rows["pk_normalized"])
    assert chance_in(rows) is not None
    assert chance_in(pd.concat([rows, narrower])) is None


def test_decoys_of_the_top_3_percent(table: AffinityTable) -> None:
    """Published with the table: OQ 18 %, OK 25 % (26 % with the one added), OV 48 %."""
    shares = decoy_shares(table.select(Selection(top_percent=3)).frame)
    assert decoys_in_words(shares, ("OQ", "OK", "OV")) == "OQ 18 %, OK 26 %, OV 48 %"
    assert decoy_shares(random_table(3, 3).frame) == {}


def test_edges_of_one_scored_pair_count_once() -> None:
    table = random_table(3, 8, 2, format_2=True)
    assert decoy_shares(table.edges()) == pytest.approx(decoy_shares(table.frame))
    stated = {pairing: counted["share"] for pairing, counted in table.meta.decoys.items()}
    assert decoy_shares(table.frame) == pytest.approx(stated, rel=1e-5)


def test_a_heatmap_of_random_weights_has_one_colour(
    table: AffinityTable, random_weights: AffinityTable
) -> None:
    spans = {}
    for name, given in (("trained", table), ("random", random_weights)):
        image = heatmap(given, pairings="OK", by="head").axes[0].images[0]
        shown = np.asarray(image.norm(image.get_array().compressed()))
        spans[name] = np.quantile(shown, 0.999) - np.quantile(shown, 0.001)
    assert spans["trained"] > 0.5
    assert spans["random"] < 0.4


def test_a_scatter_of_random_weights_stays_beside_chance(random_weights: AffinityTable) -> None:
    figure = scatter(random_weights, pairings="OK")
    mark = chance(random_weights.meta, "OK")
    axes = figure.axes[0]
    assert axes.get_xlim()[1] >= mark.full
    (line,) = [line for line in axes.lines if list(line.get_xdata()) == [mark.mean] * 2]
    points = np.concatenate([np.asarray(points.get_offsets())[:, 0] for points in axes.collections])
    low, high = axes.get_xlim()
    assert (points.max() - mark.mean) / (high - low) < 0.35
    marks = "; ".join(chance_lines(random_weights.meta, ["OK"]))
    marks = marks.replace(";", " (dotted);", 1)
    assert f"{marks}.\nBackward pairs as strong" in figure.texts[1].get_text()
    assert line.get_linestyle() == "--"

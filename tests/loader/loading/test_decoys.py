"""Decoys as a load plans them, what it says of them, and the rule that uses them."""

from dataclasses import replace

import numpy as np
import pytest

from headgraph import loader
from headgraph.loader.errors import NothingToLoad
from headgraph.loader.loading import decoys
from headgraph.loader.loading.coverage import shortfalls
from headgraph.loader.loading.edges import batches, edge_properties
from headgraph.loader.loading.plan import plan_load
from headgraph.pk_engine import compute
from headgraph.pk_engine.errors import SelectionError
from headgraph.pk_engine.table.affinity import AffinityTable
from headgraph.pk_engine.table.selection import Selection
from headgraph.pk_engine.table.sources import read_table
from tests.tables import random_table

TABLE = random_table(5, 4, pairings=("OQ", "OK", "QQ"), format_2=True)
PLAIN = random_table()


def test_gpt2s_default_graph_has_the_known_shares() -> None:
    """18, 25 and 48 % by counting alone; the estimate adds one backward pair."""
    properties = plan_load("gpt2-small", None, Selection(top_percent=3), None).run_properties()
    shares = [properties[f"decoy_share_{pairing}"] for pairing in ("OQ", "OK", "OV")]
    assert shares == pytest.approx([0.18, 0.26, 0.48], abs=0.005)
    rows = read_table("gpt2-small").frame
    for pairing, share in zip(("OQ", "OK", "OV"), shares, strict=True):
        weakest = rows[(rows["pairing"] == pairing) & (rows["pk_rank"] == 286)].iloc[0]
        assert share == pytest.approx((1 + weakest["decoys"]) / 286, rel=1e-5)
        assert properties[f"decoy_scored_{pairing}"] == 66 * 144


def test_the_share_is_that_of_the_rows_that_are_loaded() -> None:
    few_plan = plan_load(TABLE, "x", Selection(top=4), "none")
    few = few_plan.run_properties()
    rows = TABLE.frame[(TABLE.frame["pairing"] == "OK") & (TABLE.frame["pk_rank"] == 4)]
    assert few["decoy_share_OK"] == pytest.approx((1 + rows["decoys"].item()) / 4, rel=1e-5)
    assert few["decoy_scored_OK"] == TABLE.meta.decoys["OK"]["scored"]
    counted = few_plan.table.meta.decoys["OK"]
    assert few["decoy_share_neighbours_OK"] == counted["share_neighbours"]
    assert few["decoy_share_further_OK"] == counted["share_further"]
    assert not {"decoys", "decoy_share_QQ", "decoy_scored_QQ"} & few.keys()
    assert few["table_format"] == 2
    assert few["heads"] == 20, "the number of heads, not their scores"
    assert not any(name.startswith("decoy") for name in plan_load(PLAIN, "x", None, None)
                   .run_properties())  # fmt: skip


def test_edges_have_decoy_q_where_their_pairing_has_decoys() -> None:
    place = edge_properties(TABLE).index("decoy_q") + 1
    for batch in batches(TABLE, TABLE.edges()):
        values = {edge[place] for _, edges in batch.groups for edge in edges}
        assert (values == {None}) == (batch.pairing == "QQ")
        known = TABLE.frame[TABLE.frame["pairing"] == batch.pairing]["decoy_q"].dropna()
        assert values - {None} == set(known.tolist())
    assert "decoy_q" not in edge_properties(PLAIN)


def test_a_run_keeps_from_this_z_on() -> None:
    kept = plan_load(TABLE, "x", Selection(top=7), "none").run_properties()
    rows = TABLE.frame[TABLE.frame["pk_rank"] <= 7].groupby("pairing")["z"].min()
    assert dict(zip(kept["kept_pairings"], kept["kept_z_min"], strict=True)) == rows.to_dict()


def test_the_report_says_the_shares_and_warns_of_high_ones() -> None:
    report = loader.load("gpt2-small", None, selection=Selection(top_percent=3), dry_run=True)
    assert str(report).splitlines()[1:] == [
        "derived from the weights: 5 erasers and 7 copiers",
        "decoy share of the pairs kept: OQ 18 %, OK 26 %, OV 48 % (estimates how many of them mean "
        "nothing)",
        "of those between neighbouring layers: OQ 22 %, OK 26 %, OV 58 %; further apart: "
        "OQ 17 %, OK 26 %, OV 42 %",
    ]
    (note,) = report.notes
    said = (
        "the decoy share of OK and OV at the weakest pair kept is above 25 %, so many "
        "of these edges may mean nothing: "
    )
    rest = "keeps edges whose decoy_q is at most 0.1"
    assert note == f"{said}selection=Selection(max_decoy=0.1) {rest}"
    assert note.options == f"{said}--max-decoy 0.1 {rest}"
    assert list(report.decoy_shares) == ["OQ", "OK", "OV"]


def test_a_run_of_every_pair_has_no_share_to_speak_of() -> None:
    """Every pair is kept, so nearly all decoys are above the weakest of them."""
    whole = compute("induction-2l", selection=Selection())
    assert min(decoy["share"] for decoy in whole.meta.decoys.values()) > 1
    report = loader.load(whole, None, dry_run=True)
    assert (report.decoy_shares, report.notes) == ({}, ())
    assert "decoys" not in str(report)
    cut = loader.load(whole, None, selection=Selection(top=10), dry_run=True)
    assert list(cut.decoy_shares) == ["OQ", "OK", "OV"]


def test_few_decoys_need_no_warning() -> None:
    rule = Selection(top_percent=3, max_decoy=0.2)
    report = loader.load("gpt2-small", None, selection=rule, dry_run=True)
    assert report.notes == ("the selection keeps no pair of OV",)
    assert 0 < report.edges < 858
    assert 0 < max(report.decoy_shares.values()) <= 0.2


@pytest.mark.parametrize(
    ("table", "why"),
    [
        (PLAIN, "the table has no decoys: headgraph compute makes one that has them"),
        (
            AffinityTable(PLAIN.columns, replace(PLAIN.meta, layer_order="all")),
            "the table has the layer order all: decoys are backward pairs beside a forward order",
        ),
    ],
)
def test_an_unknown_share_is_said(table: AffinityTable, why: str) -> None:
    report = loader.load(table, None, dry_run=True)
    (note,) = report.notes
    assert note.options == f"the decoy share of OQ, OK and OV is unknown, because {why}"
    assert report.decoy_shares == {}
    assert "decoys" not in str(report)


def test_pairings_without_a_direction_have_no_share_to_know() -> None:
    assert decoys.warnings(random_table(pairings=("QQ", "KV"))) == ()


def test_the_rule_keeps_edges_of_few_decoys() -> None:
    table = read_table("gpt2-small")
    plan = plan_load(table, None, Selection(max_decoy=0.1), "none")
    expected = table.frame[table.frame["decoy_q"] <= np.float32(0.1)]
    assert 0 < len(expected) == len(plan.edges) < len(table)
    gone = sorted(set(table.frame["pairing"]) - set(expected["pairing"]))
    assert [str(note) for note in plan.notes] == (
        [f"the selection keeps no pair of {' and '.join(gone)}"] if gone else []
    )


def test_the_rule_is_refused_without_decoys() -> None:
    with pytest.raises(SelectionError) as caught:
        plan_load(PLAIN, "x", Selection(max_decoy=0.1), None)
    assert caught.value.for_command_line() == (
        "--max-decoy 0.1: the table has no decoys; make it again with headgraph compute MODEL "
        "--decoys, in forward layer order"
    )


def test_a_rule_that_keeps_nothing_says_the_least() -> None:
    least = read_table("gpt2-small").frame["decoy_q"].min()
    with pytest.raises(NothingToLoad, match=f"and smallest decoy_q {least:.3g}: widen it"):
        plan_load("gpt2-small", None, Selection(max_decoy=least / 2), None)


def test_a_cut_file_is_known_to_have_all_that_the_rule_keeps() -> None:
    table = read_table("gpt2-small")
    cut = table.select(Selection(top_percent=3))
    last = cut.frame.groupby("pairing")["decoy_q"].max()
    assert shortfalls(cut, Selection(max_decoy=float(last.min()) * 0.99)) == ()
    (note,) = shortfalls(cut, Selection(max_decoy=float(last.max()) * 1.01))
    assert note.options.startswith("--max-decoy ")
    assert "may lack pairs of OK, OQ, OV" in note
    own = table.select(Selection(max_decoy=0.3))
    assert shortfalls(own, Selection(max_decoy=0.3)) == ()
    assert len(shortfalls(own, Selection(max_decoy=0.4))) == 1

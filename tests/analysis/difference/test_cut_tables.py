"""What is claimed of pairs that a cut table lacks is true of the whole tables."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

import headgraph
from headgraph import AffinityTable, Selection
from headgraph.analysis.difference.pairs import cutoffs
from headgraph.analysis.errors import AnalysisError
from headgraph.pk_engine.errors import TableError
from tests.tables import KEYS, random_table

PAIR = ["pairing", *KEYS]
RULES = [
    Selection(top_percent=20),
    Selection(top=7),
    Selection(min_pk=6.5),
    Selection(min_z=2.0),
    Selection(top_per_target=2),
    Selection(top_percent=60, top_per_target=3),
    Selection(min_pk=1e6),
    Selection(),
]


def truth(one: AffinityTable, other: AffinityTable) -> pd.DataFrame:
    """PK of every pair in both whole tables."""
    both = one.frame.merge(other.frame, on=[*PAIR, "source", "target"])
    return both.rename(columns={"pk_x": "before", "pk_y": "after"}).set_index(
        ["pairing", "source", "target"]
    )


@pytest.mark.parametrize("second", RULES)
@pytest.mark.parametrize("first", RULES)
def test_no_claim_is_false(first: Selection, second: Selection) -> None:
    one, other = (random_table(seed=RULES.index(rule) + 10 * n)
                  for n, rule in enumerate((first, second)))  # fmt: skip
    whole = truth(one, other)
    found = headgraph.diff(one.select(first), other.select(second))
    rows = found.pairs.set_index(["pairing", "source", "target"]).join(whole[["before", "after"]])
    real = rows["after"] - rows["before"]
    up = rows["change"].isin(["gained", "stronger"])
    assert (np.sign(real) == np.where(up, 1, -1)).all()
    only = rows["change"].isin(["gained", "lost"])
    # the least difference: the real one is at least as large
    assert (real[only].abs() >= rows.loc[only, "difference"].abs() - 1e-6).all()
    assert real[~only].to_numpy() == pytest.approx(rows.loc[~only, "difference"].to_numpy())
    hidden = rows["before"].where(rows["change"] == "gained", rows["after"])[only]
    assert (hidden <= rows.loc[only, "cutoff"]).all()
    assert rows.loc[~only, "cutoff"].isna().all()
    ranks = whole["pk_rank_y"] - whole["pk_rank_x"]
    shift = ranks.reindex(rows.index).abs()
    assert (shift >= rows["rank_difference"].abs()).all()


def test_what_is_gained_lost_undecided_and_in_neither_table() -> None:
    one, other = random_table(seed=1), random_table(seed=2)
    cut = one.select(Selection(top_percent=20)), other.select(Selection(top_percent=10))
    found = headgraph.diff(*cut)
    for pairing, rows in truth(one, other).groupby("pairing"):
        n_before, n_after = -(-len(rows) // 5), -(-len(rows) // 10)
        limits = rows["before"].nlargest(n_before).min(), rows["after"].nlargest(n_after).min()
        here, there = rows["before"] >= limits[0], rows["after"] >= limits[1]
        counts = found.counts.set_index("pairing").loc[pairing]
        assert counts["compared"] == (here & there).sum()
        assert counts["only_before"] == (here & ~there).sum()
        assert counts["only_after"] == (there & ~here).sum()
        assert counts["lost"] == (here & ~there & (rows["before"] > limits[1])).sum()
        assert counts["gained"] == (there & ~here & (rows["after"] > limits[0])).sum()
        assert counts["neither"] == (~here & ~there).sum()
        assert tuple(counts[["cutoff_before", "cutoff_after"]]) == pytest.approx(limits)
    assert found.counts["lost"].sum() < found.counts["only_before"].sum(), "some are undecided"


def test_two_cuts_of_one_table_do_not_differ() -> None:
    table = random_table(seed=3)
    found = headgraph.diff(table.select(Selection(top_percent=30)), table.select(Selection(top=5)))
    assert found.pairs.empty
    assert found.counts["only_before"].sum() > 0
    assert "undecided, as their PK is not above B's cutoff" in str(found)
    assert "below its cutoff, which does not mean PK 0" in str(found)
    assert "in neither table: their change is unknown" in str(found)


def test_where_one_table_is_cut_the_direction_of_changes_follows_from_the_cut() -> None:
    """Of independent scores as many grow as shrink; those that were strong in one table do not."""
    one, other = random_table(seed=3), random_table(seed=4)
    whole = headgraph.diff(one, other).counts.sum()
    assert 0.7 < whole["stronger"] / whole["weaker"] < 1.4
    assert "is cut" not in str(headgraph.diff(one, other))
    rule = Selection(top_percent=10)
    for a, b, side, more, less in (
        (one, other.select(rule), "B", "stronger", "weaker"),
        (one.select(rule), other, "A", "weaker", "stronger"),
    ):
        found = headgraph.diff(a, b)
        counts = found.counts.sum()
        assert counts[more] > 3 * counts[less]
        assert (
            f"Only {side} is cut: the pairs compared are strong in {side} by choice, so more of "
            f"them are {more} in B, whatever changed."
        ) in str(found)
    assert "is cut" not in str(headgraph.diff(one, one.select(rule)))


def test_a_pair_within_rounding_of_the_cutoff_is_undecided() -> None:
    table = random_table(seed=4)
    least = table.select(Selection(top=10)).frame.groupby("pairing")["pk"].min()["OQ"]
    moved = table.frame.copy()
    at = (moved["pairing"] == "OQ") & (moved["pk_rank"] == 11)
    moved.loc[at, "pk"] = np.float32(least) - np.float32(1e-6)
    close = AffinityTable(moved, table.meta)
    found = headgraph.diff(close.select(Selection(top=11)), close.select(Selection(top=10)))
    assert found.pairs.empty
    assert found.counts["only_before"].sum() == 3


def test_a_matrix_of_zeros_loses_its_pairs_and_the_cutoff_is_0() -> None:
    table = random_table(seed=5)
    gone = (table.frame["pairing"] == "OV") & (table.frame["target"] == "L2H1")
    kept = table.frame[~gone].copy()
    kept["pk_rank"] = kept.groupby("pairing")["pk_rank"].rank().astype(int)
    scored = {str(name): int(n) for name, n in kept["pairing"].value_counts().items()}
    zeros = [{"layer": 2, "head": 1, "role": "V", "rank": 0}]
    other = AffinityTable(kept, replace(table.meta, scored=scored, deficient=zeros))
    found = headgraph.diff(table, other)
    assert set(found.pairs["change"]) == {"lost"}
    assert set(found.pairs["target"]) == {"L2H1"}
    assert set(found.pairs["cutoff"]) == {0.0}
    assert (-found.pairs["difference"]).to_list() == found.pairs["pk_before"].to_list()
    assert headgraph.diff(other, table).pairs["change"].unique().tolist() == ["gained"]


def test_nothing_is_known_below_a_first_gap() -> None:
    table = random_table(seed=6)
    rows = table.frame[table.frame["pk_rank"] != 1]
    cut = AffinityTable(rows, replace(table.meta, selection=[{"top_per_target": 47}]))
    limits = cutoffs(cut)
    assert {limit.pk for limit in limits.values()} == {np.inf}
    found = headgraph.diff(cut, random_table(seed=7))
    assert "gained" not in set(found.pairs["change"])
    assert found.graph()["graph"]["counts"][0]["cutoff_before"] is None
    assert "OQ without a limit" in str(found)


# what can be compared -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"n_layers": 5}, "layers (4 and 5)"),
        ({"n_heads": 6}, "heads (4 and 6)"),
        ({"d_model": 64}, "d_model (32 and 64)"),
        ({"d_head": 16}, "d_head (8 and 16)"),
        ({"layer_order": "all"}, "layer order (forward and all)"),
        ({"fold_ln": False}, "folding of norms (True and False)"),
        ({"center_writing": False}, "centring of outputs (True and False)"),
    ],
)
def test_each_disagreement_is_named(change: dict[str, Any], words: str) -> None:
    one = random_table()
    other = AffinityTable(one.frame, replace(one.meta, **change))
    with pytest.raises(AnalysisError) as problem:
        headgraph.diff(one, other)
    assert str(problem.value) == (
        f"A and B differ in {words}: expected two tables of one shape, scored with the same options"
    )


def test_all_disagreements_are_named_at_once() -> None:
    one = random_table(n_kv_heads=2)
    other = random_table(n_layers=3, n_kv_heads=2, kv="expand", pairings=("OQ",))
    with pytest.raises(AnalysisError) as problem:
        headgraph.diff(one, other)
    assert str(problem.value) == (
        "A and B differ in layers (4 and 3), kv (native and expand), pairings (OQ+OK+OV and OQ): "
        "expected two tables of one shape, scored with the same options"
    )
    with pytest.raises(AnalysisError, match=r"differ in key/value heads \(2 and 4\)"):
        headgraph.diff(one, random_table())


def test_a_model_is_no_table_and_the_hint_scores_it() -> None:
    with pytest.raises(AnalysisError) as problem:
        headgraph.diff("gpt2-small", "induction-2l")
    assert str(problem.value).endswith(
        "a bundled table; score a model first with compute('induction-2l', selection=Selection())"
    )
    assert problem.value.message.options.startswith("'induction-2l' is no table: expected a file")
    assert problem.value.message.options.endswith(
        "score a model first with headgraph compute induction-2l --all -o FILE"
    )
    with pytest.raises(TableError, match="got a value of type int"):
        headgraph.diff("gpt2-small", 3)  # type: ignore[arg-type]
    with pytest.raises(AnalysisError, match=r"^by='size': expected one of pk, z, rank$"):
        headgraph.diff("gpt2-small", "gpt2-small", by="size")


def test_names_tell_steps_and_revisions_apart() -> None:
    one = random_table(model="m", series="s", step=100)
    other = random_table(model="m", series="s", step=200, seed=1)
    assert headgraph.diff(one, other).names == ("m, step 100", "m, step 200")
    third = AffinityTable(one.frame, replace(one.meta, step=None, series=None, revision="abc"))
    assert headgraph.diff(third, third).names == ("m@abc", "m@abc")


def test_tables_that_share_no_strong_pair_look_like_unrelated_models() -> None:
    tables = [random_table(12, 4, seed=seed) for seed in (1, 2)]
    top = [
        {
            tuple(row)
            for row in table.frame.loc[table.frame["pk_rank"] <= 32, ["pairing", *KEYS]].to_numpy()
        }
        for table in tables
    ]
    note = (
        f"Only {len(top[0] & top[1])} of the 96 strongest pairs of A are among the strongest of B: "
        "these look like unrelated models, whose heads do not correspond."
    )
    assert note in headgraph.diff(*tables).sentences()
    cut = [table.select(Selection(top_percent=3)) for table in tables]
    assert note in headgraph.diff(*cut).sentences()
    assert "unrelated" not in str(headgraph.diff(tables[0], tables[0]))
    few = [random_table(3, 2, seed=seed) for seed in (1, 2)]
    assert "unrelated" not in str(headgraph.diff(*few)), "so few pairs say nothing"

"""What descriptions say of GPT-2's backward pairs, against the counts of the benchmark."""

from pathlib import Path

import pandas as pd
import pytest

from headgraph import queries
from headgraph.pk_engine.bundled import table_path
from headgraph.pk_engine.table.affinity import AffinityTable
from headgraph.pk_engine.table.selection import Selection

ROOT = Path(__file__).parents[3]
COUNTS = pd.read_csv(ROOT / "docs" / "data" / "decoy-patterns.csv").set_index("pattern")


@pytest.mark.parametrize(
    ("query", "said", "pattern", "backward"),
    [
        ("skipping", "more run backward", "edges over 8 layers or more", "as_strong"),
        ("all_pairings", "in all three as often", "pairs that meet in OQ, OK and OV", "as_strong"),
        ("triangles", "form as many as its edges", "triangles", "as_many"),
        ("communities", "form groups too", "modularity of the communities", "as_many"),
    ],
)  # fmt: skip
def test_what_is_said_of_backward_pairs(query: str, said: str, pattern: str, backward: str) -> None:
    assert said in queries.get(query).description
    assert COUNTS.loc[pattern, backward] >= COUNTS.loc[pattern, "forward"]


def test_the_counts_are_those_of_the_bundled_table() -> None:
    table = AffinityTable.read(table_path("gpt2-small")).select(Selection(top_percent=3))
    rows = table.frame
    assert COUNTS.loc["edges", "forward"] == len(rows)
    weakest = rows.loc[rows.groupby("pairing")["pk"].idxmin(), "decoys"]
    assert COUNTS.loc["edges", "as_strong"] == weakest.sum()
    far = rows["target_layer"].astype(int) - rows["source_layer"] >= 8
    assert COUNTS.loc["edges over 8 layers or more", "forward"] == far.sum()

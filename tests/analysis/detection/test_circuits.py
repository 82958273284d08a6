"""Circuits beside random sets: a planted one, and the statistic by plain loops."""

from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from headgraph.analysis.detection import circuits
from headgraph.analysis.errors import AnalysisError
from headgraph.pk_engine.labels import labels_for
from headgraph.pk_engine.table.affinity import AffinityTable
from tests.tables import random_table


@pytest.fixture(scope="module")
def gpt2() -> pd.DataFrame:
    return circuits("gpt2-small", samples=2000)


def test_the_mean_is_that_of_the_pairs_within(gpt2: pd.DataFrame) -> None:
    table = AffinityTable.read("pk_engine/bundled/gpt2-small.parquet")
    labels = labels_for(table.meta)
    ioi = set(map(tuple, labels.loc[labels["circuit"] == "ioi", ["layer", "head"]].to_numpy()))
    keys = ["pairing", "source_layer", "source_head", "target_layer", "target_head"]
    z = table.frame.set_index(keys)["z"].to_dict()
    values = [z["OK", *a, *b] for a, b in product(ioi, ioi) if a[0] < b[0]]
    row = gpt2.set_index(["circuit", "pairing"]).loc["ioi", "OK"]
    assert (row["heads"], row["pairs"]) == (len(ioi), len(values))
    assert row["mean_z"] == pytest.approx(np.mean(values))
    ranks = table.frame.set_index(keys)["pk_rank"].to_dict()
    top = [ranks["OK", *a, *b] <= 286 for a, b in product(ioi, ioi) if a[0] < b[0]]
    assert row["top_share"] == pytest.approx(np.mean(top))
    assert 1 / 2001 <= row["top_p"] <= 1


def test_every_labelled_circuit_has_its_rows(gpt2: pd.DataFrame) -> None:
    labels = labels_for(AffinityTable.read("pk_engine/bundled/gpt2-small.parquet").meta)
    assert set(gpt2["circuit"]) == set(labels["circuit"]) - {""}
    assert (gpt2["random_low"] < gpt2["random_mean"]).all()
    assert gpt2["p"].between(1 / 2001, 1).all()


def labelled(tmp_path: Path, heads: list[tuple[int, int]]) -> Path:
    path = tmp_path / "labels.csv"
    lines = [f"{layer},{head},planted,mine" for layer, head in heads]
    path.write_text("\n".join(["layer,head,role,circuit", *lines]))
    return path


def test_a_planted_circuit_is_dense_and_a_random_one_is_not(tmp_path: Path) -> None:
    table = random_table(4, 8)
    heads = [(0, 1), (1, 2), (2, 3), (3, 4)]
    frame = table.frame.copy()
    for end in ("source", "target"):
        inside = pd.Series(
            list(zip(frame[f"{end}_layer"], frame[f"{end}_head"], strict=True))
        ).isin(heads)
        frame[end] = inside.to_numpy()
    frame.loc[frame["source"] & frame["target"], "z"] += 50
    planted = AffinityTable(frame.drop(columns=["source", "target"]), table.meta)
    rows = circuits(planted, labels=labelled(tmp_path, heads), samples=500)
    assert (rows["p"] < 0.01).all()
    assert (circuits(table, labels=labelled(tmp_path, heads), samples=500)["p"] > 0.01).all()


def test_random_sets_keep_the_layers(tmp_path: Path) -> None:
    """A whole layer and a whole layer: every random set is the circuit itself."""
    heads = [(layer, head) for layer in (0, 1) for head in range(4)]
    rows = circuits(random_table(3, 4), labels=labelled(tmp_path, heads), samples=50)
    assert rows["random_low"].to_numpy() == pytest.approx(rows["mean_z"].to_numpy())
    assert set(rows["p"]) == {1.0}


def test_refusals(tmp_path: Path) -> None:
    with pytest.raises(AnalysisError, match="no label of test/random names a circuit"):
        circuits(random_table(2, 4))
    with pytest.raises(AnalysisError, match="the circuit mine has its heads in one layer"):
        circuits(random_table(2, 4), labels=labelled(tmp_path, [(1, 0), (1, 1)]))
    with pytest.raises(AnalysisError, match="samples=0: expected a whole number"):
        circuits(random_table(2, 4), samples=0)

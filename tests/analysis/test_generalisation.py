"""Findings with criteria: what is computed is what the words say, on a small real model."""

from math import comb

import numpy as np
import pandas as pd
import pytest

from headgraph.analysis.generalisation import _above_random, _Model, findings
from headgraph.pk_engine import Selection, compute
from tests.pk_engine import oracle
from tests.shared import SHARED, needs_shared

pytestmark = needs_shared
MODEL = SHARED / "models/stories260K"


@pytest.fixture(scope="module")
def found() -> pd.DataFrame:
    return findings([MODEL])


def test_every_finding_has_its_row(found: pd.DataFrame) -> None:
    assert found["finding"].is_unique
    assert set(found["model"]) == {"stories260K"}
    assert found.loc[0, ["layers", "heads", "kv_heads"]].tolist() == [5, 8, 4]


def test_the_strongest_pair(found: pd.DataFrame) -> None:
    table = compute(MODEL, selection=Selection()).frame
    leader = table.loc[table["z"].idxmax()]
    row = found[found["finding"].str.startswith("the strongest pair of OQ, OK and OV")].iloc[0]
    assert row["value"] == f"{leader['pairing']}, z {leader['z']:.0f}"
    assert row["holds"] == (leader["pairing"] == "OK")


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("stories260K", "QV, 1.005 times"), ("babyllama-361", "VK, 1.004 times")],
)
def test_nearest_to_random_is_the_nearest_by_plain_formulas(name: str, nearest: str) -> None:
    at_hand = _Model(SHARED / "models" / name, 0)
    assert _nearest(at_hand) == (nearest, True)
    weights = oracle.llama_heads(SHARED / "models" / name)
    *_, d, m = weights["Q"].shape
    ratios = {name: pk / (m * m / d) for name, pk in oracle.mean_pk(weights).items()}
    closest = min(ratios, key=lambda pairing: abs(ratios[pairing] - 1))
    assert f"{closest}, {ratios[closest]:.3f} times" == nearest


def test_nearest_to_random_is_nearest_on_either_side() -> None:
    """GPT-2's lowest ratio is OV's; that these are its means is tested with informativeness."""
    at_hand = _Model("gpt2", 0)
    means = {"QQ": 1.588, "OV": 0.954, "KV": 0.972}
    vars(at_hand)["sixteen"] = pd.DataFrame({"mean_pk": means, "reference_mean": 1.0})
    assert _nearest(at_hand) == ("KV, 0.972 times", True)


def _nearest(at_hand: _Model) -> tuple[str, bool]:
    found = {one.finding[:30]: one for one in _above_random(at_hand)}
    one = found["the pairing nearest to random "]
    return one.value, one.holds


def test_every_yes_has_its_chance(found: pd.DataFrame) -> None:
    """Counted by hand: 7 of 16 pairings have a V, 4 compare a role with itself, OK is one of 3."""
    chance = found.set_index(found["finding"].str[:30])["chance"]
    assert chance["the pairing nearest to random "] == 7 / 16
    assert chance["the pairing furthest above ran"] == 4 / 16
    assert chance["the strongest pair of OQ, OK a"] == pytest.approx(1 / 3)
    flips = sum(comb(16, k) for k in range(9, 17)) / 2**16
    assert chance["mean PK is above that of rando"] == pytest.approx(flips)
    assert chance["the strongest pair of every pa"] < 1e-20
    assert chance["PK and the composition score d"] > 0.999
    assert found["chance"].between(0, 1).all()
    assert (found["by_chance"] != "").all()


def test_layers_of_the_strongest(found: pd.DataFrame) -> None:
    frames = []
    everything = compute(MODEL, selection=Selection()).frame
    for _, part in everything.groupby("pairing"):
        frames.append(part.nlargest(int(np.ceil(0.03 * len(part))), "pk"))
    near = pd.concat(frames)
    wanted = [(rows["target_layer"] - rows["source_layer"]).mean() for rows in (near, everything)]
    row = found[found["finding"].str.startswith("the strongest 3 %")].iloc[0]
    assert row["value"] == f"{wanted[0]:.1f} layers, overall {wanted[1]:.1f}"
    assert row["holds"] == (wanted[0] < wanted[1])

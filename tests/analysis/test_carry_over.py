"""Findings with criteria: what is computed is what the words say, on a small real model."""

import numpy as np
import pandas as pd
import pytest

from headgraph.analysis.carry_over import carry_over
from headgraph.pk_engine import Selection, compute
from tests.shared import SHARED, needs_shared

pytestmark = needs_shared
MODEL = SHARED / "models/stories260K"


@pytest.fixture(scope="module")
def found() -> pd.DataFrame:
    return carry_over([MODEL])


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


def test_layers_of_the_strongest(found: pd.DataFrame) -> None:
    frames = []
    everything = compute(MODEL, selection=Selection()).frame
    for _, part in everything.groupby("pairing"):
        frames.append(part.nlargest(int(np.ceil(0.03 * len(part))), "pk"))
    near = pd.concat(frames)
    wanted = [(rows["target_layer"] - rows["source_layer"]).mean() for rows in (near, everything)]
    row = found[found["finding"].str.startswith("the strongest 3 %")].iloc[0]
    assert row["value"] == f"{wanted[0]:.1f} layers, at large {wanted[1]:.1f}"
    assert row["holds"] == (wanted[0] < wanted[1])

"""Tables with decoys and with scores of heads: format 2."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from headgraph.pk_engine.errors import TableError
from headgraph.pk_engine.table.affinity import AffinityTable
from headgraph.pk_engine.table.meta import TableMeta
from headgraph.pk_engine.table.selection import Selection
from tests.tables import random_table


def test_a_table_without_the_new_parts_is_written_in_format_1() -> None:
    assert (random_table().meta.format, random_table(format_2=True).meta.format) == (1, 2)
    assert "decoys" not in random_table().meta.to_json()


@pytest.mark.parametrize("pairings", [("OQ", "OK", "OV"), ("OQ", "QQ")])
def test_format_2_comes_back(tmp_path: Path, pairings: tuple[str, ...]) -> None:
    table = random_table(pairings=pairings, format_2=True)
    again = AffinityTable.read(table.write(tmp_path / "t.parquet"))
    assert (again.meta, again.sha256) == (table.meta, table.sha256)
    without = table.frame["pairing"] == "QQ"
    assert (table.frame["decoys"][without] == -1).all()
    assert table.frame["decoy_q"][without].isna().all()


def test_a_selection_has_the_share_of_decoys_of_its_own_rows() -> None:
    table = random_table(8, 4, format_2=True).select(Selection(top=20))
    for pairing, counted in table.meta.decoys.items():
        rows = table.frame[table.frame["pairing"] == pairing]
        weakest = rows.loc[rows["pk"].idxmin()]
        assert counted["share"] == pytest.approx((1 + weakest["decoys"]) / 20, rel=1e-5)


def test_no_rows_have_no_share() -> None:
    table = random_table(format_2=True).select(Selection(min_pk=100))
    assert {counted["share"] for counted in table.meta.decoys.values()} == {None}


@pytest.mark.parametrize(
    ("column", "value"), [("decoys", -1), ("decoys", 10**6), ("decoy_q", -0.5), ("decoy_q", np.nan)]
)
def test_impossible_decoys_are_refused(column: str, value: float) -> None:
    table = random_table(format_2=True)
    columns = {name: values.copy() for name, values in table.columns.items()}
    columns[column][3] = value
    with pytest.raises(TableError, match="its row 3 of OQ has decoys"):
        AffinityTable(columns, table.meta)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"heads": {"copying": [[0.1]], "self_overlap": [[0.1]]}}, "copying of other heads"),
        ({"decoys": {"QQ": {"scored": 1, "share": None}}}, r"decoys of .*QQ"),
    ],
)
def test_metadata_of_other_heads_or_pairings_are_refused(
    change: dict[str, dict[str, object]], message: str
) -> None:
    meta = replace(random_table(format_2=True).meta, **change)  # type: ignore[arg-type]
    with pytest.raises(TableError, match=message):
        type(meta).from_json(meta.to_json())


def test_a_vision_encoder_is_format_3() -> None:
    """Earlier versions would find a field that they do not know, and not say to upgrade."""
    plain = random_table(format_2=True).meta
    meta = replace(plain, tower="vision")
    assert (plain.format, meta.format) == (2, 3)
    assert "tower" not in plain.to_json()
    assert TableMeta.from_json(meta.to_json()) == meta


def test_how_weights_were_stored_is_format_3() -> None:
    plain = random_table(format_2=True).meta
    meta = replace(plain, origin={"quantisation": "Q8_0", "adapter": "my-lora"})
    assert (plain.format, meta.format) == (2, 3)
    assert "origin" not in plain.to_json()
    assert TableMeta.from_json(meta.to_json()) == meta
    assert replace(meta, heads={}, decoys={}).format == 3
    for value in (["Q8_0"], {"quantisation": 8}, "Q8_0", {"a": "\ud800"}):
        with pytest.raises(TableError, match=r"origin = .*: expected an object of texts"):
            TableMeta.from_json(replace(meta, origin=value).to_json())  # type: ignore[arg-type]

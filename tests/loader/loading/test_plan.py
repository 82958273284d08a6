"""The plan of a load, without a database."""

import json
from pathlib import Path

import pytest

from headgraph.loader.errors import BadRunName, NothingToLoad
from headgraph.loader.loading.plan import plan_load
from headgraph.pk_engine.errors import LabelsError, TableError
from headgraph.pk_engine.table.selection import Selection
from tests.tables import random_table

TABLE = random_table(series="pile", step=512.0, model="lab/pythia", metrics=("pk", "cs"))


def test_run_properties_are_what_neo4j_can_hold() -> None:
    properties = plan_load(TABLE, None, Selection(top=5), None).run_properties()
    for name, value in properties.items():
        flat = value if isinstance(value, list) else [value]
        assert all(isinstance(v, str | int | float | None) for v in flat), name
        assert value != [], name
    assert properties["pairings"] == ["OQ", "OK", "OV"]
    assert properties["metrics"] == ["pk", "cs"]
    assert properties["selection"] == "top 5 per pairing"
    assert json.loads(properties["selection_rules"]) == [{"top": 5}]
    assert json.loads(properties["moments"]) == TABLE.meta.moments
    assert json.loads(properties["scored"]) == TABLE.meta.scored
    assert json.loads(properties["deficient"]) == []
    assert properties["table_sha256"] == TABLE.sha256
    assert (properties["series"], properties["step"]) == ("pile", 512.0)
    assert (properties["heads"], properties["edges"], properties["pairs"]) == (16, 15, 15)
    assert properties["pairs_scored"] == 288
    assert properties["label_source"] == "none"
    assert properties["loader_version"]


def test_selections_of_file_and_load_are_both_told() -> None:
    table = TABLE.select(Selection(top_percent=50))
    plan = plan_load(table, None, Selection(min_z=0), None)
    assert plan.selection_text == "top 50 % per pairing; z >= 0"
    assert plan.name == "pythia-step512"
    assert plan_load(table, "x", None, None).selection_text == "top 50 % per pairing"
    assert plan_load(TABLE, "x", None, None).selection_text == "all pairs"


def test_no_selection_and_the_empty_one_are_the_same_run() -> None:
    assert plan_load(TABLE, "x", None, None).id == plan_load(TABLE, "x", Selection(), None).id


def test_labels_are_told_by_what_they_say(tmp_path: Path) -> None:
    one, two = tmp_path / "one.csv", tmp_path / "two.csv"
    one.write_text("layer,head,role\n0,1,induction\n1,1,identity\n")
    two.write_text("layer,head,role\n1,1,identity\n0,1,induction\n")
    first, second = (plan_load(TABLE, "x", None, path) for path in (one, two))
    none = plan_load(TABLE, "x", None, "none")
    assert first.labels_sha256 == second.labels_sha256 != none.labels_sha256
    assert first.label_properties()["label_source"] == "one.csv"
    assert none.label_source == "none"
    with pytest.raises(LabelsError):
        plan_load(TABLE, "x", None, tmp_path / "gone.csv")


def test_a_path_is_read(tmp_path: Path) -> None:
    path = TABLE.write(tmp_path / "t.parquet")
    assert plan_load(path, "x", None, None).id == plan_load(TABLE, "x", None, None).id
    with pytest.raises(TableError):
        plan_load(tmp_path / "gone.parquet", "x", None, None)


def test_a_bad_name_is_refused_before_the_file_is_read() -> None:
    with pytest.raises(BadRunName):
        plan_load("gone.parquet", "a b", None, None)


def test_a_selection_that_keeps_nothing_is_refused() -> None:
    with pytest.raises(NothingToLoad) as caught:
        plan_load(TABLE, "x", Selection(min_pk=8.5), None)
    top = TABLE.frame[["pk", "z"]].max()
    assert str(caught.value) == (
        "the selection (PK >= 8.5) keeps none of the 288 pairs in the table, whose largest PK is "
        f"{top.pk:.3g} and largest z {top.z:.3g}: widen it, or leave it out to load them all"
    )

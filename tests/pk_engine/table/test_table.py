"""The table keeps what it was given, and refuses what contradicts itself."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from headgraph.pk_engine import AffinityTable, Selection
from headgraph.pk_engine.errors import EngineError, OutputExists, TableError
from tests.tables import KEYS, random_table


def test_round_trip_and_equal_bytes(tmp_path: Path) -> None:
    table = random_table(metrics=("pk", "cs"))
    first, second = table.write(tmp_path / "a.parquet"), table.write(tmp_path / "b.parquet")
    again = AffinityTable.read(first)
    pd.testing.assert_frame_equal(again.frame, table.frame)
    assert again.meta == table.meta
    assert again.sha256 == table.sha256
    assert first.read_bytes() == second.read_bytes()


def test_rows_are_sorted_however_they_come() -> None:
    table = random_table()
    shuffled = AffinityTable(table.frame.sample(frac=1, random_state=1), table.meta)
    pd.testing.assert_frame_equal(shuffled.frame, table.frame)
    assert table.frame.pairing.drop_duplicates().tolist() == ["OQ", "OK", "OV"]


def test_the_hash_sees_every_value() -> None:
    table = random_table()
    frame = table.frame.copy()
    frame.loc[0, "z"] += 1
    assert AffinityTable(frame, table.meta).sha256 != table.sha256
    assert AffinityTable(table.columns, replace(table.meta, model="other")).sha256 != table.sha256


def test_selection_is_recorded() -> None:
    table = random_table().select(Selection(top=3)).select(Selection(min_pk=0.5))
    assert table.meta.selection == [{"top": 3}, {"min_pk": 0.5}]
    assert len(table) <= 9


def test_nothing_is_overwritten_without_force(tmp_path: Path) -> None:
    path = random_table().write(tmp_path / "t.parquet")
    before = path.read_bytes()
    with pytest.raises(OutputExists, match=r"t\.parquet exists already: .*force=True"):
        random_table(seed=1).write(path)
    assert path.read_bytes() == before
    random_table(seed=1).write(path, force=True)
    assert path.read_bytes() != before
    assert list(tmp_path.iterdir()) == [path], "nothing is left beside it"


def test_a_write_that_fails_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = random_table().write(tmp_path / "t.parquet")
    before = path.read_bytes()

    def full(table: object, file: object, **options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pq, "write_table", full)
    with pytest.raises(TableError, match=r"cannot write .*t\.parquet: No space left on device"):
        random_table(seed=1).write(path, force=True)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_name_with_the_ending_of_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"ending \.csv, and tables are Parquet: .*t\.parquet"):
        random_table().write(tmp_path / "t.csv")


def test_names_of_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="is a folder: expected the name of a file"):
        random_table().write(tmp_path)
    with pytest.raises(TableError, match="no folder"):
        random_table().write(tmp_path / "no" / "t.parquet")


def test_files_that_are_not_tables(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"no file .*: make one with headgraph\.compute\("):
        AffinityTable.read(tmp_path / "none.parquet")
    text = tmp_path / "text.parquet"
    text.write_text("hello")
    with pytest.raises(TableError) as caught:
        AffinityTable.read(text)
    expected = f"{text} is no Parquet file: expected one that headgraph{{}}compute made"
    assert str(caught.value) == expected.format(".")
    assert caught.value.for_command_line() == expected.format(" ")
    text.write_text("")
    with pytest.raises(TableError, match="is no Parquet file"):
        AffinityTable.read(text)
    whole = random_table().write(tmp_path / "t.parquet").read_bytes()
    text.write_bytes(whole[:-50])
    with pytest.raises(TableError, match="is cut off: copy it again"):
        AffinityTable.read(text)
    text.write_bytes(whole[: len(whole) // 2] + whole[-4:])
    with pytest.raises(TableError, match="is damaged: copy it again"):
        AffinityTable.read(text)
    random_table().frame.to_parquet(tmp_path / "foreign.parquet")
    with pytest.raises(TableError, match="no table of headgraph"):
        AffinityTable.read(tmp_path / "foreign.parquet")


def test_what_is_given_in_the_place_of_a_table(tmp_path: Path) -> None:
    model = tmp_path / "mine"
    model.mkdir()
    with pytest.raises(
        TableError, match=r"mine is a folder: expected a file that headgraph\.compute"
    ):
        AffinityTable.read(model)
    (model / "config.json").write_text("{}")
    for name, message, python in (
        (
            str(model),
            f"{model} is a model folder: headgraph compute {model} -o mine.parquet makes a table",
            f"headgraph.compute('{model}').write('mine.parquet')",
        ),
        (
            "induction-2l",
            "induction-2l is bundled as a model, not as a table: headgraph compute induction-2l "
            "--all -o induction-2l.parquet makes one",
            "headgraph.compute('induction-2l', selection=Selection())"
            ".write('induction-2l.parquet')",
        ),
        (
            "gpt2",
            "no file gpt2 (did you mean gpt2-small, which is bundled?): make one with headgraph "
            "compute MODEL -o gpt2.parquet",
            "headgraph.compute(MODEL).write('gpt2.parquet')",
        ),
    ):
        with pytest.raises(TableError) as caught:
            AffinityTable.read(name)
        assert caught.value.for_command_line() == message
        before, command, after = re.split(r"(headgraph compute .*\.parquet)", message)
        assert command
        assert str(caught.value) == before + python + after


def test_a_bundled_table_is_no_model() -> None:
    from headgraph.pk_engine.errors import ModelError
    from headgraph.pk_engine.models.location import locate

    with pytest.raises(ModelError, match="gpt2-small is bundled as a table of scores, not as a"):
        locate("gpt2-small")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\xff\xfe\x00\x01", "is not UTF-8 text (byte 0 is 0xff)"),
        (b"layer,head\0,role\n0,0,induction", "holds NUL bytes"),
        (b'a,b\n"', "is not CSV text"),
        (b"," * 1_000_000, "has 1,000,001 columns"),
    ],
)
def test_invalid_label_files(tmp_path: Path, content: bytes, message: str) -> None:
    from headgraph.pk_engine.errors import LabelsError
    from headgraph.pk_engine.labels import read_labels

    path = tmp_path / "labels.csv"
    path.write_bytes(content)
    with pytest.raises(LabelsError) as caught:
        read_labels(path, random_table().meta)
    assert str(caught.value).startswith(f"no labels: {path} {message}")
    assert "expected CSV with the columns layer,head,role, or the word none" in str(caught.value)


def _nan(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(z=frame.z.where(frame.index != 3))


BROKEN: dict[str, tuple[Callable[[pd.DataFrame], pd.DataFrame], str]] = {
    "NaN": (_nan, "column z holds 1 values that are NaN"),
    "lacks a column": (lambda f: f.drop(columns="pk_rank"), "pk_rank"),
    "a row short": (lambda f: f.drop(index=0), "all .* scored pairs are here"),
    "twice": (
        lambda f: pd.concat([f.iloc[1:], f.iloc[[1]].assign(pk_rank=1)]),
        "pairs twice",
    ),
    "head": (lambda f: f.assign(source_head=f.source_head + 2), "4 such heads"),
    "backward": (lambda f: f.assign(source_layer=3), "earlier layer"),
    "rank": (lambda f: f.assign(pk_rank=f.pk_rank + 1), "beyond the pairs scored"),
    "same rank": (lambda f: f.assign(pk_rank=1), "one place to two pairs"),
    "order": (lambda f: f.assign(pk=f.pk.max() - f.pk), "not the order of its pk"),
    "range": (lambda f: f.assign(pk=f.pk + 100), "leaves the range"),
    "type": (lambda f: f.assign(source_head=f.source_head * 1.0), "has the type float64"),
    "pairing": (lambda f: f.assign(pairing="VV"), r"rows of \['VV'\]"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_contradictions_are_refused(name: str) -> None:
    break_it, message = BROKEN[name]
    table = random_table()
    with pytest.raises(TableError, match=message):
        AffinityTable(break_it(table.frame.copy()), table.meta)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "1"}, "its table format is '1': expected 1"),
        ({"n_heads": 0}, "n_heads = 0: expected a positive integer"),
        ({"n_kv_heads": 3}, "cannot share evenly"),
        ({"kv": "both"}, "kv = 'both'"),
        ({"pairings": ["OQ"]}, "are not those counted"),
        ({"more": 1}, "extra"),
    ],
)
def test_impossible_metadata_is_refused(
    tmp_path: Path, change: dict[str, object], message: str
) -> None:
    path = random_table().write(tmp_path / "t.parquet")
    arrow = pq.read_table(path)
    meta = json.loads(arrow.schema.metadata[b"headgraph"]) | change
    pq.write_table(arrow.replace_schema_metadata({"headgraph": json.dumps(meta)}), path)
    with pytest.raises(TableError, match=message):
        AffinityTable.read(path)


def test_incomplete_metadata_is_refused(tmp_path: Path) -> None:
    path = random_table().write(tmp_path / "t.parquet")
    arrow = pq.read_table(path)
    meta = json.loads(arrow.schema.metadata[b"headgraph"])
    del meta["fingerprint"]
    pq.write_table(arrow.replace_schema_metadata({"headgraph": json.dumps(meta)}), path)
    with pytest.raises(TableError, match=r"lacks \['fingerprint'\]"):
        AffinityTable.read(path)


def test_every_problem_is_one_sentence_with_exit_code_1() -> None:
    assert issubclass(TableError, EngineError)
    assert EngineError.exit_code == 1


def test_the_frame_names_the_heads_and_the_file_does_not(tmp_path: Path) -> None:
    table = random_table(3, 12)
    frame = table.frame
    assert frame.columns.tolist()[:7] == ["pairing", *KEYS, "source", "target"]
    for row in frame.sample(40, random_state=0).to_dict("records"):
        assert row["source"] == f"L{row['source_layer']}H{row['source_head']}"
        assert row["target"] == f"L{row['target_layer']}H{row['target_head']}"
    assert not {"source", "target"} & set(table.columns)
    written = pq.read_schema(table.write(tmp_path / "t.parquet")).names
    assert not {"source", "target"} & set(written)
    assert not {"source", "target"} & set(table.edges())


def test_a_frame_makes_its_table_again() -> None:
    table = random_table()
    again = AffinityTable(table.frame, table.meta)
    assert again.sha256 == table.sha256
    moved = AffinityTable(table.frame.assign(source="L0H0"), table.meta)
    pd.testing.assert_frame_equal(moved.frame, table.frame)


def test_a_shared_key_value_head_has_a_name_of_its_own() -> None:
    rows = random_table(2, 4, 2, pairings=("OQ", "OK", "KO")).frame.set_index("pairing")
    assert set(rows.loc["OQ", "target"]) == {"L1H0", "L1H1", "L1H2", "L1H3"}
    assert set(rows.loc["OK", "target"]) == {"L1KV0", "L1KV1"}
    assert set(rows.loc["OK", "source"]) == {"L0H0", "L0H1", "L0H2", "L0H3"}
    assert set(rows.loc["KO", "source"]) == {"L0KV0", "L0KV1"}
    expanded = random_table(2, 4, 2, pairings=("OK",), kv="expand").frame
    assert set(expanded["target"]) == {"L1H0", "L1H1", "L1H2", "L1H3"}
    assert random_table(1, 4).frame["source"].tolist() == []


def test_labels_are_a_path_or_none() -> None:
    from headgraph.pk_engine.errors import LabelsError
    from headgraph.pk_engine.labels import labels_for

    with pytest.raises(LabelsError, match=r"^labels is 5: expected the path of a label file, or"):
        labels_for(random_table().meta, 5)  # type: ignore[arg-type]

"""Files of others that commands read as text: binary, empty, of another encoding, of any number."""

import os
from pathlib import Path
from threading import Thread

import numpy as np
import pandas as pd
import pytest

from headgraph import cli
from headgraph.analysis.errors import PatchingError
from headgraph.analysis.running.prompts import prompt_lines, token_numbers
from headgraph.base.errors import UnreadableFile
from headgraph.base.files.rows import as_floats, check_numbers, read_csv
from headgraph.base.text import whole_number
from headgraph.pk_engine.bundled import table_path
from headgraph.pk_engine.labels import read_labels
from headgraph.pk_engine.table.affinity import AffinityTable
from tests.hostile import obeyed

LINES = {
    "labels": ["detect", "gpt2-small", "--labels", "FILE"],
    "load": ["load", "gpt2-small", "--dry-run", "--labels", "FILE"],
    "identity": ["figure", "identity", "gpt2-small", "--behaviour", "FILE", "-o", "out.svg"],
    "wiring": ["figure", "wiring", "--panels", "--behaviour", "FILE", "-o", "out.svg"],
    "ablation": ["figure", "ablation", "FILE", "-o", "out.svg"],
    "causality": ["figure", "causality", "FILE", "-o", "out.svg"],
    "training": ["figure", "training", "FILE", "-o", "out.svg"],
    "prompts": ["behaviour", "induction-2l", "--prompts", "FILE"],
    "patching": ["verify-edge", "induction-2l", "L0H1", "L1H1", "--prompts", "FILE"],
    "windows": ["verify-edge", "induction-2l", "L0H1", "L1H1", "--text-file", "FILE"],
}
"""A line for each place that reads such a file."""

HEADS = b"layer,head,role,induction,previous_token\n"
CONTENTS = {
    "empty": b"",
    "blank": b"\n \r\n\t\n",
    "binary": bytes(range(256)) * 8,
    "nul": HEADS + b"0,0,induction,0.5,\0\n",
    "latin": HEADS + b"0,0,induction\xe9,0.5,0.5\n",
    "utf16": (HEADS + b"0,0,induction,0.5,0.5\n").decode().encode("utf-16"),
    "surrogate": HEADS + b"0,0,\xed\xa0\x80,0.5,0.5\n",
    "columns": b"," * 2_000_000 + b"\n",
    "quote": HEADS + b'0,0,"induction,0.5,0.5\n' * 3,
    "ragged": HEADS + b"0,0\n0,0,0,0,0,0,0,0,0\n",
    "twice": b"layer,layer,head,head,role,role\n0,0,0,0,induction,induction\n",
    "digits": HEADS + b"9" * 5000 + b",0,induction,0.5,0.5\n",
    "squared": HEADS + "²,٣,induction,0.5,0.5\n".encode(),
    "words": HEADS + b"zero,one,induction,high,low\n",
    "infinite": HEADS + b"inf,-inf,induction,1e999,nan\n",
    "controls": "layer,head,role\x1b]0;owned\x07\u202e\n0,0,induction\n".encode() * 3,
    "numbers": b"1 2 3\n4 5 " + b"9" * 23 + b"\n",
    "power": "1 2 3\n1 2 10²²\n".encode(),
    "negative": b"1 2 3\n4 5 -6\n",
}


@pytest.mark.parametrize("kind", CONTENTS)
@pytest.mark.parametrize("place", LINES)
def test_a_file_that_is_none_is_one_sentence(
    place: str,
    kind: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NEO4J_URI", "bolt://127.0.0.1:1")
    (tmp_path / "file.csv").write_bytes(CONTENTS[kind])
    with pytest.raises(SystemExit) as stop:
        cli.main([word.replace("FILE", "file.csv") for word in LINES[place]])
    done = capsys.readouterr()
    assert stop.value.code == 1, done
    (said,) = (line for line in done.err.splitlines() if not line.startswith("note: "))
    assert said.startswith("headgraph: ")
    assert "this is a bug" not in said
    assert len(said) < 300
    assert not obeyed(done.err + done.out)
    assert not (tmp_path / "out.svg").exists()


@pytest.mark.parametrize("write", [
    lambda text: b"\xef\xbb\xbf" + text.encode(), lambda text: text.replace("\n", "\r\n").encode(),
    lambda text: text.rstrip("\n").encode(),
])  # fmt: skip
def test_a_byte_order_mark_and_other_line_ends_change_nothing(tmp_path: Path, write) -> None:  # type: ignore[no-untyped-def]
    meta = AffinityTable.read(table_path("gpt2-small")).meta
    plain, other = tmp_path / "plain.csv", tmp_path / "other.csv"
    text = "layer,head,role,note\n0,1,induction,é\n5,5,duplicate_token,x\n"
    plain.write_text(text, "utf-8", newline="\n")
    other.write_bytes(write(text))
    assert read_labels(other, meta).equals(read_labels(plain, meta))
    assert prompt_lines(other, PatchingError) == prompt_lines(plain, PatchingError)


def test_a_pipe_is_read(tmp_path: Path) -> None:
    """As the shell makes one of `--text-file <(...)`."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = Thread(target=pipe.write_bytes, args=(b"step,loss\n0,2.5\n",))
    writer.start()
    assert read_csv(pipe).to_dict("records") == [{"step": 0, "loss": 2.5}]
    writer.join()
    writer = Thread(target=pipe.write_bytes, args=(b"1 2\n3 4\n",))
    writer.start()
    lines = prompt_lines(pipe, PatchingError)
    writer.join()
    assert token_numbers(lines, PatchingError) == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "a,b,c\n" + "," * 200_000,
            "line 2, has 200,001 cells: expected at most 3, as in its first",
        ),
        (
            "a,b,c\n1,2,3\n1,2,3,4\n",
            "line 3, has 4 cells: expected at most 3, as in its first line",
        ),
        ("," * 200_000 + "\n1,2", "has 200,001 columns: expected 1,000 at most"),
        ('a,b\n1,"' + "x" * 200_000, "is not CSV text: "),
    ],
)
def test_rows_longer_than_the_first_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(text, "utf-8")
    with pytest.raises(UnreadableFile) as caught:
        read_csv(path)
    assert message in str(caught.value)
    assert len(str(caught.value)) < 300


def test_rows_that_are_fine(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text('\n  \na,b,c\n1, "x, y",\n\n2,"z\n, w"\n', "utf-8")
    rows = read_csv(path, skipinitialspace=True, dtype=str, keep_default_na=False)
    assert rows.fillna("").values.tolist() == [["1", "x, y", ""], ["2", "z\n, w", ""]]


@pytest.mark.parametrize("word", ["²", "٣", "１", "", " 1", "+1", "1_0", "1.0", "9" * 5000, "1e3"])
def test_only_plain_digits_are_a_whole_number(word: str) -> None:
    assert whole_number(word) is None


def test_whole_numbers() -> None:
    assert [whole_number(word) for word in ("0", "007", "0" * 5000 + "7")] == [0, 7, 7]
    assert whole_number("9" * 18) == 10**18 - 1


def test_prompts_of_numbers_and_of_text_are_told_apart() -> None:
    assert token_numbers(["1 2", "3 4"], PatchingError) == [[1, 2], [3, 4]]
    assert token_numbers(["1 2", "3 x²"], PatchingError) is None
    assert token_numbers(["1 ²"], PatchingError) is None
    with pytest.raises(
        PatchingError, match=r"hold token '1000+ \.\.\. 0+': expected numbers of the"
    ):
        token_numbers(["1 1" + "0" * 5000], PatchingError)


def test_whole_numbers_beyond_floats() -> None:
    """Python holds them, and pandas fails on them."""
    values = pd.Series(["0.5", 10**400, -(10**400), None, True, "x", 2**70], dtype=object)
    found = as_floats(values).tolist()
    assert found[:3] == [0.5, np.inf, -np.inf]
    assert np.isnan(found[3])
    assert found[4] == 1
    assert np.isnan(found[5])
    assert found[6] == 2.0**70
    with pytest.raises(
        UnreadableFile, match=r"^it, row 2, has a 1000+ \.\.\. 0+: expected a number$"
    ):
        check_numbers(values.iloc[:2].to_frame("a"), ["a"], source="it")


def test_cells_that_are_no_numbers(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("a,b\n1,\n2,3.5\n" + "9" * 5000 + ",x\n", "utf-8")
    rows = read_csv(path)
    assert check_numbers(rows.head(2), ["a", "b", "c"], source="it")["b"].tolist()[1] == 3.5
    assert check_numbers(rows.head(2), ["a"], source="it", whole=True)["a"].tolist() == [1, 2]
    for columns, whole, message in (
        (["a"], False, r"^it, row 3, has a '9+ \.\.\. 9+': expected a number$"),
        (["b"], False, r"^it, row 3, has b 'x': expected a number$"),
        (["b"], True, r"^it, row 1, has b nan: expected a whole number$"),
    ):
        with pytest.raises(UnreadableFile, match=message):
            check_numbers(rows, columns, source="it", whole=whole)

"""How answers look: tables that fit, numbers of one column alike, JSON and CSV in full."""

import csv
import io
import json
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from neo4j.time import Duration

from headgraph import _output
from headgraph._cells import column
from headgraph._layout import lay_out, wrap

WIDE: dict[str, list[Any]] = {
    "name": ["gpt2-small", "my_small_run"],
    "model": ["openai-community/gpt2", "EleutherAI/pythia-160m"],
    "status": ["complete"] * 2,
    "heads": [144, 1024],
    "edges": [858, 14256],
    "pairings": ["OQ,OK,OV"] * 2,
    "selection": ["all pairs", "top 3 percent per pairing; top 5 per pairing"],
    "loaded": ["2026-11-23T00:41:22Z"] * 2,
}


def laid_out(data: dict[str, list[Any]], width: int | None) -> list[str]:
    frame = pd.DataFrame(data)
    return lay_out([column(str(name), frame[name].array) for name in frame], width)


def cells(*values: Any) -> list[str]:
    return column("x", values).cells


@pytest.mark.parametrize("width", [60, 80, 100, 120, 200])
def test_names_are_whole_at_any_width(width: int) -> None:
    lines = laid_out(WIDE, width)
    assert max(map(len, lines)) <= width
    for name in ("gpt2-small", "my_small_run", "EleutherAI/pythia-160m"):
        assert any(name in line for line in lines)


def test_what_cannot_fit_becomes_records() -> None:
    assert laid_out(WIDE, 60)[:9] == [
        "name:      gpt2-small",
        "model:     openai-community/gpt2",
        "status:    complete",
        "heads:     144",
        "edges:     858",
        "pairings:  OQ,OK,OV",
        "selection: all pairs",
        "loaded:    2026-11-23 00:41Z",
        "",
    ]


def test_one_space_between_columns_before_lines_are_broken() -> None:
    data = {"head": ["L4H7"], "role": ["previous_token"]}
    assert laid_out(data, 20)[-1] == "L4H7  previous_token"
    assert laid_out(data, 19)[-1] == "L4H7 previous_token"
    assert laid_out(data, 18)[-2:] == ["L4H7  previous_", "      token"]


def test_lists_are_broken_before_words() -> None:
    data = {"role": ["previous_token"], "heads": ["L2H2, L2H5, L2H9"]}
    assert laid_out(data, 26)[-2:] == ["previous_token  L2H2,", "                L2H5, L2H9"]


def test_a_pipe_gets_everything_in_one_line_each() -> None:
    assert len(laid_out(WIDE, None)) == 4


def test_the_line_under_a_name_is_no_longer_than_a_page_is_wide() -> None:
    lines = laid_out({"a": ["x" * 300], "b": ["y"]}, None)
    assert lines[1] == "─" * 100 + " " * 202 + "─"
    assert lines[2].index("y") == 302


@pytest.mark.parametrize("width", [None, 80])
def test_a_list_of_many_numbers_is_shown(width: int | None) -> None:
    # a text that grew by a word at a time was copied as often: minutes of work
    lines = laid_out({"list": [list(range(300_000))]}, width)
    words = " ".join(lines).replace("list:", "").replace(",", "").split()
    assert words[-300_000:] == [str(number) for number in range(300_000)]
    assert len(lines) == 3 if width is None else max(map(len, lines)) <= width


@given(st.text("ab _,L1", max_size=60), st.integers(1, 30))
def test_wrapping_loses_nothing_and_breaks_between_words(text: str, width: int) -> None:
    lines = wrap(text, width)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    for line in lines[:-1]:
        assert len(line) <= width or not set(line.rstrip("_,")) & set(" _,")
    for line, following in pairwise(lines):
        end = line[-1:]
        assert end in ("", "_", ",") or f"{end} " in text, (line, following)


def test_a_column_has_one_number_of_decimals() -> None:
    assert cells(39.331223, 38.4, 38.449, None) == ["39.33", "38.40", "38.45", ""]
    assert cells(0.00123, 0.5, 0.1) == ["0.0012", "0.5000", "0.1000"]
    assert cells(12345.6, 2.0) == ["12,346", "2"]
    assert cells(1e300) == ["1.000e+300"]
    assert cells(1e-12, 3e-12) == ["1.000e-12", "3.000e-12"]
    assert cells(float("inf"), 1.5) == ["inf", "1.500"]


def test_whole_numbers_have_separators_and_booleans_are_words() -> None:
    assert cells(14256, 7) == ["14,256", "7"]
    assert cells(512.0, float("nan")) == ["512", ""]  # what pandas makes of 512 and nothing
    assert cells([14256, -7, 10**15, 512.0]) == ["14,256, -7, 1.000e+15, 512"]
    assert cells(True, False) == ["yes", "no"]
    assert column("x", [1, 2]).numbers
    assert not column("x", [True]).numbers
    assert not column("x", ["a", 1]).numbers


def test_a_duration_is_one_text() -> None:
    span = Duration(days=1, hours=2)
    assert cells(span) == ["P1DT2H"]
    assert printed({"d": [span]}, "json")[0]["d"] == "P1DT2H"


def test_hashes_and_times_are_short_in_tables_alone() -> None:
    assert cells("ab" * 32, "cd" * 20, "abba") == ["ab" * 6, "cd" * 6, "abba"]
    assert cells("2026-11-23T00:41:22Z") == ["2026-11-23 00:41Z"]
    (row,) = printed({"id": ["ab" * 32]}, "json")
    assert row["id"] == "ab" * 32


def test_space_at_an_end_is_seen() -> None:
    assert cells(" to", "to", "\n", "a b", "é ") == ['" to"', "to", '"\\n"', "a b", '"é "']


def printed(data: dict[str, Any], format_: str) -> list[dict[str, Any]]:
    from contextlib import redirect_stdout

    text = io.StringIO()
    with redirect_stdout(text):
        {"json": _output._json, "csv": _output._csv}[format_](pd.DataFrame(data))
    if format_ == "csv":
        return list(csv.DictReader(io.StringIO(text.getvalue())))
    rows: list[dict[str, Any]] = json.loads(text.getvalue())
    return rows


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_json_and_csv_give_every_digit(value: float) -> None:
    (from_json,), (from_csv,) = (printed({"x": [value]}, kind) for kind in ("json", "csv"))
    assert from_json["x"] == float(from_csv["x"]) == value
    assert repr(from_json["x"]) == from_csv["x"]


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_single_precision_has_the_digits_that_it_has(value: float) -> None:
    data = {"x": np.array([value], dtype=np.float32)}
    (from_json,), (from_csv,) = (printed(data, kind) for kind in ("json", "csv"))
    assert np.float32(from_json["x"]) == np.float32(value)
    assert repr(from_json["x"]) == from_csv["x"]
    assert len(from_csv["x"].lstrip("-")) <= 18


def test_what_json_cannot_hold_is_null() -> None:
    data = {"x": [1.5, float("nan"), float("inf")], "y": [[1, float("nan")], None, {"a": 1}]}
    assert printed(data, "json") == [
        {"x": 1.5, "y": [1, None]},
        {"x": None, "y": None},
        {"x": None, "y": {"a": 1}},
    ]

"""What docs/project/performance.md says of the page's table is what the table says."""

import json
from pathlib import Path

import pytest

from benchmarks import first_answer, view
from benchmarks.common import PAGE

ROWS = """\
|  | 9 heads, 5 edges | 90 heads, 500 edges |
| --- | --- | --- |
| first paint | 144 / 999 | 900 / 1001 |
| slider, thrown | 60 / 50 | 20 / 51 |
| click | 3 / 4 | 4 / 333 |
| script | 70 | 80 |
"""


def test_words_name_what_is_over_its_limit() -> None:
    assert view.words(ROWS) == (
        "Over the limit, page by page:\n\n"
        "- 9 heads, 5 edges: nothing\n"
        "- 90 heads, 500 edges: first paint; slider, thrown; click"
    )


def test_the_words_on_the_page_are_of_the_table_above_them() -> None:
    block = PAGE.read_text("utf-8").partition("<!-- view -->\n")[2].partition("\n<!-- end of")[0]
    _, rows, said = block.split("\n\n", 2)
    assert said == view.words(rows)


def test_the_first_answer_has_medians_and_ratios_by_round(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without = [{"server start": [4.0, 8.0], "server stop": [1.0, None]} for _ in range(3)]
    with_it = [{"server start": [wall, 6.0], "demo": [9.0, 12.0]} for wall in (1.0, 2.0, 4.0)]
    rounds = {"recording it": [], "without one": without, "with the archive": with_it}
    report = tmp_path / "first-answer.json"
    report.write_text(
        json.dumps({"machine": "Here.", "load": 3, "processors": 2, "bytes": 5e6, "rounds": rounds})
    )
    monkeypatch.setattr(first_answer, "REPORT", report)
    said = first_answer.report()
    assert "The archive is 5 MB;" in said
    assert "compare the columns, not the seconds" in said
    assert "| server start |  | 4.0 (8.0) | 2.0 (6.0) | 0.50 |" in said
    assert "| server stop |  | 1.0 |  |  |" in said
    assert "| demo |  |  | 9.0 (12.0) |  |" in said

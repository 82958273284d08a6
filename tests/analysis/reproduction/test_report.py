"""The report: what the paper prints beside ours, from the bundled table and from the weights."""

from pathlib import Path

import pandas as pd
import pytest

from headgraph.analysis.errors import AnalysisError
from headgraph.analysis.reproduction import Report, reproduce
from headgraph.analysis.reproduction.claims import DIFFERS, MATCHES, NOT_RUN, READING, claim
from tests.chromium import needs_chromium, page


@pytest.mark.parametrize(
    ("paper", "value", "ours", "verdict"),
    [
        ("2.876", 2.8761, "2.876", MATCHES),
        ("2.876", 2.8766, "2.877", DIFFERS),
        (".0635", 0.06349, ".0635", MATCHES),
        (".8", 0.84, ".8", MATCHES),
        ("52", 52, "52", MATCHES),
        ("5", 4, "4", DIFFERS),
    ],
)
def test_a_claim_goes_by_the_printed_digits(
    paper: str, value: float, ours: str, verdict: str
) -> None:
    found = claim("x", paper, value)
    assert (found.ours, found.verdict) == (ours, verdict)
    assert claim("x", paper, value, reading=True).verdict == READING


def test_the_difference_is_that_of_all_digits() -> None:
    assert claim("x", "2.876", 2.8766).difference == "+0.0006"


@pytest.fixture(scope="module")
def report() -> Report:
    return reproduce("gpt2-small")


def test_the_bundled_table_gives_the_strongest_pairs(report: Report) -> None:
    rows = report.frame()
    of = rows.groupby("where")["verdict"].agg(set)
    assert of["Fig. 1"] == of["Fig. 5"] == {MATCHES}
    assert of["Fig. 8"] == of["Fig. 7"] == of["Fig. 6"] == {NOT_RUN}
    known = rows.set_index("quantity")
    assert known.loc["CS: of them in a class that Fig. 1 draws", "ours"] == "16"
    assert known.loc["OK L4H11 to L5H1 (ours: rank 1)", "ours"] == "39.331"


def test_what_is_a_reading_is_not_judged(report: Report) -> None:
    rows = report.frame()
    table = rows[rows["where"] == "Table 1"].set_index("quantity")
    assert table.loc["PK, OQ", ["ours", "verdict"]].tolist() == [".475", READING]
    assert table.loc["Linear CKA (rows as examples), OV", "verdict"] == NOT_RUN


def test_every_printed_figure_is_on_the_page(report: Report) -> None:
    rows, html = report.frame(), report.html()
    assert isinstance(rows, pd.DataFrame)
    for figure in rows["paper"]:
        assert f"<td>{figure}</td>" in html


def test_another_model_is_refused() -> None:
    with pytest.raises(AnalysisError, match=r"induction-2l is not GPT-2 small \(fingerprint "):
        reproduce("induction-2l")


def test_a_page_has_its_ending(report: Report, tmp_path: Path) -> None:
    with pytest.raises(AnalysisError, match=r"page\.pdf ends in '\.pdf': expected a page ending"):
        report.write(tmp_path / "page.pdf")
    assert list(tmp_path.iterdir()) == []


@needs_chromium
def test_the_page_needs_nothing_outside_itself(report: Report, tmp_path: Path) -> None:
    path = report.write(tmp_path / "report.html")
    assert list(tmp_path.iterdir()) == [path]
    asked: list[str] = []
    with page(dark=True) as browser:
        browser.on("request", lambda request: asked.append(request.url))
        said: list[str] = []
        browser.on("console", lambda message: said.append(message.text))
        browser.goto(path.as_uri())
        assert browser.locator("h2").count() == len(report.parts)
        shown = browser.locator("figure img").evaluate_all(
            "images => images.map(image => image.complete && image.naturalWidth > 0)"
        )
    assert shown
    assert all(shown)
    assert {url.partition(":")[0] for url in asked} <= {"file", "data"}
    assert said == []

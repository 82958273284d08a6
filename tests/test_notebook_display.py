"""What a notebook shows by itself: tables, reports, answers, pages and figures, all escaped."""

from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import nbclient
import nbformat
import pandas as pd
import pytest

import headgraph
from headgraph.base.notebook import NotebookReport, facts, framed
from headgraph.loader._annotate import AnnotationReport
from headgraph.loader.report import DropReport, ExportReport, LoadReport
from headgraph.queries.answer import Answer
from tests.tables import random_table

EVIL = "<script>alert(1)</script>\x1b]0;t\x07"
CELLS = {
    "import headgraph; table = headgraph.read_table('gpt2-small'); table": "text/html",
    "headgraph.plan('induction-2l', calibrate=False)": "text/html",
    "headgraph.load(table, None, dry_run=True)": "text/html",
    "headgraph.view(table, most=30)": "text/html",
    "headgraph.wiring(table, per_pairing=3)": "image/svg+xml",
    "headgraph.heatmap(table, dark=True)": "image/svg+xml",
    "headgraph.bundled()": "text/html",
}


def test_a_notebook_shows_them_by_themselves() -> None:
    cells = [nbformat.v4.new_code_cell(source) for source in CELLS]
    book = nbformat.v4.new_notebook(cells=cells)
    nbclient.NotebookClient(book, timeout=120).execute()
    for cell, kind in zip(cells, CELLS.values(), strict=True):
        (output,) = cell.outputs
        assert kind in output.data, cell.source
        assert len(output.data["text/plain"]) < 2000, "the plain form is short too"
    page, figure = cells[3].outputs[0].data["text/html"], cells[4].outputs[0].data["image/svg+xml"]
    assert page.startswith("<iframe srcdoc=")
    title = ElementTree.fromstring(figure).find("{http://www.w3.org/2000/svg}title")
    assert title is not None
    assert "gpt2-small" in str(title.text)


def reports() -> list[NotebookReport]:
    given: dict[str, Any] = {"run": EVIL, "heads": 12_345, "edges": 3}
    load: dict[str, Any] = {
        "id": "a" * 64, "outcome": "loaded", "replaced": "", "dry_run": True, "pairs": 3,
        "pairings": ("OQ",), "selection": EVIL, "labelled": 0, "label_source": EVIL,
        "notes": (EVIL,), "seconds": 0.1,
    }  # fmt: skip
    return [
        LoadReport(**given, **load),
        DropReport(**given, id="b", whose=EVIL),
        ExportReport(**given, files=(), notes=(EVIL,)),
        AnnotationReport(EVIL, 12_345, ("induction",)),
    ]


@pytest.mark.parametrize("report", reports(), ids=lambda it: type(it).__name__)
def test_a_report_is_a_sentence_and_its_fields(report: NotebookReport) -> None:
    html = report._repr_html_()
    root = ElementTree.fromstring(f"<div>{html}</div>")
    assert "12,345" in [cell.text for cell in root.iter("td")]
    assert root.findtext("p", "").split(":")[0]
    assert "<script" not in html
    assert "\x1b" not in html


SHOWN: dict[str, Callable[[], Any]] = {
    "table": lambda: random_table(model=EVIL),
    "page": lambda: headgraph.view(random_table(model=EVIL)),
    "answer": lambda: Answer({"name": [EVIL]}),
    "no rows": lambda: empty(EVIL),
}


def empty(why: str) -> Answer:
    answer = Answer({"name": []})
    answer.attrs["no_rows"] = why
    return answer


@pytest.mark.parametrize("name", SHOWN)
def test_names_of_others_are_no_html(name: str) -> None:
    html = SHOWN[name]()._repr_html_()
    assert "script&gt;" in html
    assert "<script" not in html


def test_an_answer_says_what_its_attributes_say() -> None:
    assert empty("no run has hubs")._repr_html_() == "<p>no run has hubs</p>"
    answer = Answer({"n": [1]})
    assert answer._repr_html_() == pd.DataFrame({"n": [1]})._repr_html_()
    answer.attrs |= {"truncated": True, "hints": ["no label Hed"]}
    assert answer._repr_html_().endswith("<p>cut off after 1 rows</p><p>no label Hed</p>")


def test_what_is_made_of_an_answer_is_an_ordinary_frame() -> None:
    answer = Answer({"n": [2, 1]})
    assert type(answer.sort_values("n")) is pd.DataFrame
    assert type(answer[answer["n"] > 1]) is pd.DataFrame


def test_facts_without_a_value_are_left_out() -> None:
    html = facts([("a", ""), ("b", None), ("c", 0), ("d", True), ("e", ("x", "y"))])
    cells = [cell.text for cell in ElementTree.fromstring(html).iter("td")]
    assert cells == ["0", "yes", "x; y"]


def test_a_page_cannot_leave_its_frame() -> None:
    frame = ElementTree.fromstring(framed('<p title="a">&amp;</p>', '"><b>'))
    assert frame.attrib["srcdoc"] == '<p title="a">&amp;</p>'
    assert frame.attrib["title"] == '"><b>'
    assert "allow-same-origin" not in frame.attrib["sandbox"]

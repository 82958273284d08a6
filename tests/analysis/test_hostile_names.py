"""Pictures and pages of models whose names are no names: drawn, well-formed, and said plainly."""

import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fontTools.subset import Options

import headgraph
from headgraph.analysis.errors import FigureError
from headgraph.analysis.figures import style
from headgraph.analysis.figures.output import render
from headgraph.analysis.robustness import robustness_figure
from headgraph.analysis.wiring import wiring_panels
from headgraph.pk_engine.bundled import table_path
from headgraph.pk_engine.scoring._compute import compute
from headgraph.pk_engine.table.affinity import AffinityTable
from headgraph.pk_engine.table.selection import Selection
from tests.hostile import NAMES, named, obeyed

DATA = Path(__file__).parents[2] / "docs" / "data"
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def small() -> AffinityTable:
    return compute("induction-2l", selection=Selection())


@pytest.fixture(scope="module")
def gpt2() -> AffinityTable:
    return AffinityTable.read(table_path("gpt2-small"))


@pytest.fixture(autouse=True, scope="module")
def bare_fonts() -> Iterator[None]:
    """Fonts in a PDF are cut to the letters it has; reading their kerning took most of that."""
    every = [*Options._drop_tables_default, "GDEF", "GPOS", "GSUB"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Options, "_drop_tables_default", every)
        yield


def causality(name: str) -> Any:
    every = pd.read_csv(DATA / "causality.csv").query("model == 'induction-2l'")
    rows = every.groupby("pairing").head(8)  # which name stands where is not a matter of how many
    return headgraph.causality(rows.assign(model=name, source=name, chosen=name, replaced_by=name))


def ablation(name: str) -> Any:
    rows = pd.read_csv(DATA / "ablation.csv").query("model == 'induction-2l'")
    return headgraph.ablation_figure(rows.assign(model=name, what=name))


def training(name: str) -> Any:
    rows = {"step": [0, 1], "loss": [2.0, 1.0], "pk": [1.0, 2.0], "source_previous_token": 0.5,
            "target_induction": 0.5}  # fmt: skip
    texts = dict.fromkeys(("series", "pairing", "source", "target"), name)
    return headgraph.training_figure(pd.DataFrame(rows | texts))


def robustness(name: str) -> Any:
    rows = {"pairing": "OQ", "metric": "pk", "variant": "folded", "spearman": 0.9,
            "top20_overlap": 0.8}  # fmt: skip
    return robustness_figure(pd.DataFrame([rows]), name=name)


def identity(table: AffinityTable) -> Any:
    return headgraph.identity(table, kind="induction")


OF_ROWS: dict[str, Callable[[str], Any]] = {
    "causality": causality, "ablation": ablation, "training": training, "robustness": robustness,
}  # fmt: skip
OF_TABLE: dict[str, Callable[[AffinityTable], Any]] = {
    **{name: getattr(headgraph, name) for name in ("wiring", "heatmap", "hubs", "scatter")},
    "wiring_panels": wiring_panels, "identity": identity,
}  # fmt: skip


def check_picture(figure: Any, pdf: bool = True) -> None:
    """Well-formed in each format, without a warning of matplotlib, and nothing hidden in it."""
    root = ET.fromstring(render(figure, "svg"))
    title = root.find(f"{SVG}title")
    assert title is not None
    assert title.text
    assert not obeyed(title.text, keep="")
    assert len(title.text) <= 140
    figure.set_dpi(50)
    assert render(figure, "png").startswith(b"\x89PNG")
    # its fonts take longer than all else, and the same words have been drawn twice here
    assert not pdf or render(figure, "pdf").startswith(b"%PDF")
    for text in figure.findobj(lambda artist: hasattr(artist, "get_fontsize")):
        assert not obeyed(text.get_text())
        assert not text.get_fontsize() < 3


@pytest.mark.parametrize("kind", ["title", "nul", "mathtext", "long", "emoji", "empty"])
@pytest.mark.parametrize("picture", OF_ROWS)
def test_rows_with_any_name_are_drawn(picture: str, kind: str) -> None:
    check_picture(OF_ROWS[picture](NAMES[kind]), pdf=kind in ("mathtext", "emoji"))


@pytest.mark.parametrize("kind", ["breaks", "dollars", "long", "half", "space"])
def test_tables_with_any_name_are_drawn(small: AffinityTable, kind: str) -> None:
    check_picture(headgraph.wiring(named(small, NAMES[kind])), pdf=kind in ("long", "half"))


@pytest.mark.parametrize("picture", OF_TABLE)
def test_every_picture_takes_the_worst_name(gpt2: AffinityTable, picture: str) -> None:
    worst = NAMES["mathtext"] + NAMES["nul"] + NAMES["emoji"] + NAMES["half"]
    check_picture(OF_TABLE[picture](named(gpt2, worst)))


def test_dollars_are_drawn_and_written_as_they_are() -> None:
    figure = ablation("$a$ \\$ $")
    (panel,) = figure.axes
    assert panel.get_title("left") == r"\$a\$ \\$ \$"  # matplotlib takes these escapes back
    assert style.verbatim(style.legible("$a$ \\$ $")) == "$a$ \\$ $"
    wide = style.text_width(style.legible("$a$"), 10)
    assert wide == pytest.approx(
        style.text_width("a", 10) + 2 * style.text_width(r"\$", 10), rel=0.2
    )


@pytest.mark.parametrize("kind", NAMES)
def test_the_page_shows_any_name(small: AffinityTable, kind: str) -> None:
    from headgraph.analysis.view import view

    html = view(named(small, NAMES[kind])).html()
    assert not obeyed(html, keep="\n\t")
    html.encode()


def test_rows_that_are_no_numbers_are_one_sentence() -> None:
    rows = pd.read_csv(DATA / "ablation.csv").astype(object)
    rows.loc[0, "low"] = "²" * 5000
    with pytest.raises(FigureError, match=r"row 1, has low '²+ \.\.\. ²+': expect"):
        headgraph.ablation_figure(rows)
    with pytest.raises(FigureError, match=r"row 1, has seed 0\.5: expected a who"):
        headgraph.ablation_figure(pd.read_csv(DATA / "ablation.csv").assign(seed=0.5))
    assert np.isfinite(pd.read_csv(DATA / "ablation.csv")["low"]).all()

"""Pictures of causality and ablation: what they show, and what they refuse."""

from pathlib import Path

import pandas as pd
import pytest

from headgraph.analysis.ablation.figure import ablation_figure as ablation
from headgraph.analysis.errors import FigureError
from headgraph.analysis.patching import rank_correlation
from headgraph.analysis.patching.figure import causality

DATA = Path(__file__).parents[3] / "docs" / "data"


def texts(figure: object) -> str:
    return "\n".join(text.get_text() for text in figure.findobj(lambda a: hasattr(a, "get_text")))  # type: ignore[attr-defined]


def test_a_panel_for_each_model_and_pairing_with_its_correlation() -> None:
    rows = pd.read_csv(DATA / "causality.csv")
    rows = rows[rows["model"].isin(["induction-2l", "slm-4096"])]
    figure = causality(rows)
    assert len(figure.axes) == 2 * 3
    found = rank_correlation(rows[rows["model"] == "slm-4096"], seed=0)
    (row,) = found[(found["pairing"] == "OV") & (found["measure"] == "effect")].itertuples()
    assert f"OV: ρ = {row.spearman:.2f} (".replace("-", "−") in texts(figure)
    points = [axes.collections[0].get_offsets() for axes in figure.axes]
    assert [len(part) for part in points] == [64] * 3 + [96] * 3


def test_a_bar_for_each_row_with_its_percentile() -> None:
    rows = pd.read_csv(DATA / "ablation.csv")
    figure = ablation(DATA / "ablation.csv", dark=True)
    assert len(figure.axes) == rows["model"].nunique()
    for percentile in rows["percentile"]:
        assert f"{percentile:.0f} %" in texts(figure)
    drawn = [line.get_xdata()[0] for line in figure.axes[0].lines if line.get_marker() == "D"]
    assert drawn == list(rows.loc[rows["model"] == rows["model"][0], "delta"])


def test_other_rows_are_refused(tmp_path: Path) -> None:
    rows = pd.read_csv(DATA / "causality.csv").head(8)
    with pytest.raises(
        FigureError, match=r"the rows lack what, n_heads, .* expected those of headgraph"
    ):
        ablation(rows)
    with pytest.raises(FigureError, match="the rows lack target: expected those of headgraph"):
        causality(rows.drop(columns="target"))
    with pytest.raises(FigureError, match="measure='pk': expected effect, local, gain"):
        causality(rows, measure="pk")
    with pytest.raises(FigureError, match="every effect of induction-2l is 0: nothing to draw"):
        causality(rows.assign(effect=0.0))
    with pytest.raises(
        FigureError, match=r"there are no rows to draw: expected those of headgraph\.verify_edge"
    ):
        causality(rows.head(0))
    with pytest.raises(FigureError, match=r"none\.csv cannot be read: No such file"):
        causality([tmp_path / "none.csv"])

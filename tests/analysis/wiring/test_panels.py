"""The wiring diagram in three panels."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from matplotlib.collections import LineCollection
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure

from headgraph import cli
from headgraph.analysis.errors import FigureError
from headgraph.analysis.figures import style
from headgraph.analysis.wiring._behaviour import read_strengths, shade
from headgraph.analysis.wiring.diagram import wiring
from headgraph.analysis.wiring.panels import wiring_panels
from headgraph.pk_engine.table.affinity import AffinityTable
from tests.tables import random_table

MODEL = "induction-2l"


def lines(figure: Figure, panel: int) -> LineCollection:
    (found,) = [c for c in figure.axes[panel].collections if isinstance(c, LineCollection)]
    return found


def marks(figure: Figure, panel: int) -> dict[tuple[int, int], str]:
    """(layer, head) -> fill of every head's mark."""
    return {
        (int(y), int(x)): to_hex(color)
        for points in figure.axes[panel].collections
        if not isinstance(points, LineCollection)
        for (x, y), color in zip(
            points.get_offsets(),
            np.resize(points.get_facecolor(), (len(points.get_offsets()), 4)),
            strict=True,
        )
    }


@pytest.mark.parametrize("dark", [False, True])
def test_every_pair_is_a_line_between_its_heads_wide_by_score(
    small: AffinityTable, dark: bool
) -> None:
    figure = wiring_panels(small, dark=dark)
    frame, drawn = small.frame, []
    for panel, pairing in enumerate(("OQ", "OK", "OV")):
        found = lines(figure, panel)
        rows = frame[frame["pairing"] == pairing].set_index(["source_head", "target_head"])["pk"]
        assert len(found.get_segments()) == 64
        widths = found.get_linewidths()
        for segment, width in zip(found.get_segments(), widths, strict=True):
            (source, below), (target, above) = segment
            assert (below, above) == (0, 1)
            drawn.append((rows[int(source), int(target)], width))
    drawn.sort()
    assert all(a[1] <= b[1] for a, b in pairwise(drawn)), "one scale for all"
    assert figure.texts[0].get_text() == "induction-2l: all pairs of OQ, OK, OV by PK"
    assert "from 1.35 to 8.42" in figure.texts[1].get_text()
    fills = marks(figure, 0)
    assert len(fills) == 16
    theme = style.theme(dark)
    assert fills[0, 7] == theme.role("previous_token").color.lower()
    assert fills[1, 2] == theme.role("induction").color.lower()
    assert fills[0, 0] == theme.plain.lower()


def test_cs_has_its_own_scale_and_words(small: AffinityTable) -> None:
    figure = wiring(small, metric="cs", panels=True)
    assert all(line for line in figure.texts[1].get_text().split("\n")), "no empty line"
    assert figure.texts[0].get_text() == "induction-2l: all pairs of OQ, OK, OV by CS"
    best = small.frame.loc[small.frame["cs"].idxmax()]
    widest = [max(lines(figure, panel).get_linewidths()) for panel in range(3)]
    assert ["OQ", "OK", "OV"][int(np.argmax(widest))] == best["pairing"]


def test_behaviour_shades_heads_by_its_strength(small: AffinityTable, tmp_path: Path) -> None:
    rows = pd.DataFrame(
        {
            "layer": [0, 0, 0, 1],
            "head": [7, 1, 2, 2],
            "previous_token": [1.0, 0.5, 0.05, 0.0],
            "induction": [0.0, 0.2, 0.0, 0.75],
        }
    )
    fills = marks(wiring_panels(small, behaviour=rows), 1)
    green, blue = (to_rgb(style.LIGHT.role(r).color) for r in ("previous_token", "induction"))
    plain = to_rgb(style.LIGHT.plain)
    assert fills[0, 7] == to_hex(green)
    assert to_rgb(fills[0, 1]) == pytest.approx(
        [0.5 * a + 0.5 * b for a, b in zip(green, plain, strict=True)], abs=0.01
    )
    assert to_rgb(fills[1, 2]) == pytest.approx(
        [0.75 * a + 0.25 * b for a, b in zip(blue, plain, strict=True)], abs=0.01
    )
    assert fills[0, 2] == fills[1, 7] == to_hex(plain)
    path = tmp_path / "behaviour.csv"
    rows.to_csv(path, index=False)
    assert marks(wiring_panels(small, behaviour=path), 1) == fills
    long = rows.melt(["layer", "head"], var_name="behaviour", value_name="score")
    named = long.assign(head=[f"L{a}H{b}" for a, b in zip(long.layer, long["head"], strict=True)])
    for other in (long, named, named.drop(columns="layer")):
        assert marks(wiring_panels(small, behaviour=other), 1) == fills


def test_shades_are_ordered_in_grey() -> None:
    from tests.analysis.figures.vision import lightness

    for theme in (style.LIGHT, style.DARK):
        for role in ("previous_token", "induction"):
            grey = [lightness(shade(role, strength, theme)) for strength in (0, 0.5, 1)]
            assert grey in (sorted(grey), sorted(grey, reverse=True))
            assert abs(grey[0] - grey[2]) > 20


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"layer": [0], "head": [0]}, "has the columns layer, head: expected layer and head, and"),
        ({"layer": [0], "head": [0], "induction": [1.5]}, "holds a score outside 0 to 1"),
        ({"layer": [0], "head": [0], "induction": [-0.1]}, "holds a score outside 0 to 1"),
        ({"layer": [2], "head": [0], "induction": [1]}, "names L2H0, which this model does not"),
        ({"layer": [0.5], "head": [0], "induction": [1]}, "row 1, has layer 0.5: expected a whole"),
        (
            {"layer": [0, 0], "head": [0, None], "behaviour": ["induction"] * 2, "score": [1, 1]},
            "row 2, has head nan: expected a whole number",
        ),
        ({"head": ["x"], "induction": [1]}, "'x' is not a head"),
    ],
)
def test_a_behaviour_file_that_does_not_fit(columns: dict, message: str) -> None:
    with pytest.raises(FigureError, match=message):
        read_strengths(pd.DataFrame(columns), {(0, 0)})


def test_a_score_that_no_position_allowed_is_none_and_rounding_is_forgiven() -> None:
    rows = pd.DataFrame(
        {
            "layer": [0, 0],
            "head": [0, 1],
            "previous_token": [np.nan, 0.2],
            "induction": [1 + 1e-7, np.nan],
        }
    )
    found = read_strengths(rows, {(0, 0), (0, 1)})
    assert found == {(0, 0): ("induction", 1.0), (0, 1): ("previous_token", 0.2)}


def test_options_that_do_not_go_together(small: AffinityTable, tmp_path: Path) -> None:
    with pytest.raises(FigureError, match=r"behaviour shades the heads .* add panels=True"):
        wiring(small, behaviour=tmp_path / "b.csv")
    with pytest.raises(FigureError, match="panels and tokens exclude each other"):
        wiring(small, panels=True, tokens=MODEL)
    with pytest.raises(FigureError, match=r"b.csv cannot be read: No such file"):
        wiring(small, panels=True, behaviour=tmp_path / "b.csv")


def test_panels_of_1024_heads_and_of_too_many_lines() -> None:
    large = random_table(32, 32, pairings=["OK"])
    figure = wiring_panels(large)
    assert len(lines(figure, 1).get_segments()) == 20
    assert "the 20 strongest pairs of OK by PK" in figure.texts[0].get_text()
    assert len(marks(figure, 1)) == 1024
    gap = figure.axes[0].transData.transform([[0, 0], [1, 1]])
    size = max(c.get_sizes().max() for c in figure.axes[1].collections[1:]) ** 0.5
    assert size * figure.dpi / 72 < np.diff(gap, axis=0).min(), "marks of neighbours stay apart"
    with pytest.raises(FigureError, match="more than 500 lines in a panel"):
        wiring_panels(large, per_pairing=600)


def test_the_command_draws_panels(tmp_path: Path, small: AffinityTable) -> None:
    table = small.write(tmp_path / "t.parquet")
    path = tmp_path / "p.svg"
    args = ["figure", "wiring", str(table), "--panels", "-o", str(path)]
    assert CliRunner().invoke(cli.headgraph, args, catch_exceptions=False).exit_code == 0
    assert "<title>induction-2l: all pairs of OQ, OK, OV by PK</title>" in path.read_text("utf-8")

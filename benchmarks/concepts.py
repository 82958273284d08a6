"""The picture and the figures of docs/start/concepts.md: angles, a real pair, and chance.

python -m benchmarks.concepts
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from benchmarks.common import DOCS, GPT2, table, write
from headgraph import AffinityTable, principal_angles
from headgraph.analysis.figures import panels, save, style
from headgraph.pk_engine.bundled import table_path
from headgraph.pk_engine.metrics.random_reference import reference_mean, reference_sd

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PAIRING = "OK"
STRONG = ("L4H11", "L5H1")
BINS = 60


def main() -> None:
    """Compute the angles of three pairs, draw both variants, write the page's figures."""
    scores = AffinityTable.read(table_path("gpt2-small"))
    rows = scores.frame[scores.frame["pairing"] == PAIRING]
    median = rows.iloc[len(rows) // 2]  # rows are sorted by PK
    pairs = {
        "strongest": STRONG,
        "median": (_name(median, "source"), _name(median, "target")),
    }
    cosines = {
        name: principal_angles(GPT2, *pair, PAIRING)["cosine"].to_numpy()
        for name, pair in pairs.items()
    }
    cosines["random"] = _random(scores.meta.d_model, scores.meta.d_head)
    for dark in (False, True):
        path = DOCS / "images" / f"concepts{'-dark' if dark else ''}.svg"
        save(_figure(cosines, pairs, rows, scores, dark=dark), path, force=True)
    _page(cosines, pairs, rows, scores)


def _name(row: Any, end: str) -> str:
    return f"L{row[f'{end}_layer']}H{row[f'{end}_head']}"


def _random(d: int, m: int) -> Any:
    """Principal cosines of two random subspaces, seeded."""
    rng = np.random.default_rng(0)
    first, second = (np.linalg.qr(rng.standard_normal((d, m)))[0] for _ in range(2))
    return np.linalg.svd(first.T @ second, compute_uv=False)


def _figure(
    cosines: dict[str, Any],
    pairs: dict[str, Sequence[str]],
    rows: pd.DataFrame,
    scores: AffinityTable,
    *,
    dark: bool,
) -> Any:
    colors = style.theme(dark)
    with style.styled(colors):
        figure = style.new_figure(style.WIDTH, 300.0, colors)
        style.headline(
            figure,
            "What the Projection Kernel measures",
            "PK adds up the squared cosines of the principal angles between two subspaces.\n"
            "Left: two planes in three dimensions. Middle and right: GPT-2 small, pairing OK.",
        )
        left, middle, right = panels.panel_grid(figure, 1, 3, gap=(52.0, 0.0), top=96.0)
        _planes(left, colors)
        _curves(middle, cosines, pairs, colors)
        _chance(right, rows, scores, colors)
    return figure


def _planes(axes: "Axes", colors: style.Theme) -> None:
    """Two planes that share a line: one principal angle is 0, the other is drawn."""
    panels.panel_title(axes, "two subspaces")
    tilt = np.deg2rad(40.0)
    across = np.array([[1.0, 0.0, 0.0]])
    for turned, look in ((0.0, colors.pairings["OQ"]), (tilt, colors.pairings["OV"])):
        along = np.array([[0.0, np.cos(turned), np.sin(turned)]])
        corners = np.vstack([across + along, across - along, -across - along, -across + along])
        axes.fill(*_flat(corners), color=look.color, alpha=0.28, linewidth=0)
        axes.plot(*_flat(np.vstack([corners, corners[:1]])), color=look.color, linewidth=1.0)
    axes.plot(*_flat(np.vstack([across * 1.15, -across * 1.15])), color=colors.ink, linewidth=1.2)
    arc = np.linspace(0, tilt, 30)
    ring = np.column_stack([np.ones_like(arc), 0.75 * np.cos(arc), 0.75 * np.sin(arc)])
    axes.plot(*_flat(ring), color=colors.ink, linewidth=1.2)
    x, y = _flat(np.array([[1.0, 0.75 * np.cos(tilt / 2), 0.75 * np.sin(tilt / 2)]]))
    axes.annotate("angle 2", (x[0], y[0]), (5, -3), textcoords="offset points")
    x, y = _flat(-across * 1.15)
    axes.annotate("shared line:\nangle 1 is 0", (x[0], y[0]), (-2, 4),
                  textcoords="offset points", fontsize=style.SMALL, ha="right")  # fmt: skip
    axes.set_aspect("equal")
    axes.margins(0.08, 0.2)
    axes.axis("off")


def _flat(points: Any) -> tuple[Any, Any]:
    """A parallel projection from three dimensions to the page."""
    return points @ np.array([0.55, 1.0, 0.0]), points @ np.array([-0.55, 0.18, 1.0])


def _curves(
    axes: "Axes", cosines: dict[str, Any], pairs: dict[str, Sequence[str]], colors: style.Theme
) -> None:
    """cos^2 of each principal angle, largest first: the area below a curve is its PK."""
    panels.panel_title(axes, "PK is the area")
    looks = zip(cosines, (colors.pairings["OK"].color, colors.muted, colors.ink), strict=True)
    for name, color in looks:
        squares = np.square(cosines[name])
        places = np.arange(1, len(squares) + 1)
        axes.plot(places, squares, color=color, linewidth=1.4, label=_label(name, pairs, squares),
                  linestyle=":" if name == "random" else "-")  # fmt: skip
        if name == "strongest":
            axes.fill_between(places, squares, color=color, alpha=0.2, linewidth=0)
    axes.set_xlabel("principal angle, smallest first")
    axes.set_ylabel("cos² of the angle")
    axes.set_ylim(0, 1.32)
    axes.set_yticks([0, 0.5, 1])
    axes.legend(loc="upper right", borderpad=0, handlelength=1.4)


def _label(name: str, pairs: dict[str, Sequence[str]], squares: Any) -> str:
    ends = " > ".join(pairs[name]) if name in pairs else "two random subspaces"
    return f"{ends}: PK {squares.sum():.1f}"


def _chance(axes: "Axes", rows: pd.DataFrame, scores: AffinityTable, colors: style.Theme) -> None:
    """All pairs beside what random subspaces share."""
    panels.panel_title(axes, "PK by chance")
    mean, sd = _reference(scores)
    axes.hist(rows["pk"], bins=BINS, color=colors.pairings["OK"].color, alpha=0.75)
    axes.axvspan(mean - 3 * sd, mean + 3 * sd, color=colors.ink, alpha=0.85, linewidth=0)
    axes.annotate(f"random subspaces:\n{mean:.2f} ± {sd:.2f}", (mean, 1.0),
                  (14, -12), xycoords=("data", "axes fraction"), textcoords="offset points",
                  va="top", fontsize=style.SMALL)  # fmt: skip
    axes.set_yscale("log")
    axes.set_xlabel("PK")
    axes.set_ylabel(f"pairs of {len(rows):,}")


def _reference(scores: AffinityTable) -> tuple[float, float]:
    d, m = scores.meta.d_model, scores.meta.d_head
    return float(reference_mean(m, m, d)), float(reference_sd(m, m, d))


def _page(
    cosines: dict[str, Any],
    pairs: dict[str, Sequence[str]],
    rows: pd.DataFrame,
    scores: AffinityTable,
) -> None:
    mean, sd = _reference(scores)
    body = [
        [
            " to ".join(pairs[name]) if name in pairs else "two random subspaces",
            f"{np.square(values).sum():.2f}",
            f"{int((values > np.cos(np.deg2rad(45))).sum())} of {len(values)}",
        ]
        for name, values in cosines.items()
    ]
    above = float((rows["pk"] > mean + 3 * sd).mean())
    text = [
        f"The mean is {mean:.2f}, with a standard deviation of {sd:.3f}. In GPT-2 small, "
        f"{100 * above:.0f} % of the {len(rows):,} pairs of an earlier head's output and a later "
        "head's key lie more than three standard deviations above this mean.",
        "",
        "The table compares the strongest of these pairs and a median one with two random "
        "subspaces. `python -m benchmarks.concepts` writes it.",
        "",
        table(["pair", "PK (at most 64)", "angles below 45 degrees"], body),
    ]
    write("concepts", "\n".join(text), Path(DOCS / "start" / "concepts.md"))


if __name__ == "__main__":
    main()

"""The tables and pictures of studies/training.md: when the edge, the heads and the loss came about.

python -m benchmarks.training

Reads what `examples/induction_trajectories.py` left in docs/data/training, a CSV file a seed.
"""

import json
import statistics
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from benchmarks.common import DOCS, STUDIES, table, write
from headgraph.analysis.figures import save, style
from headgraph.analysis.figures.panels import panel_grid, panel_title
from headgraph.analysis.training import abruptness, change_of, trajectory
from headgraph.analysis.training._abruptness import STEEPEST
from headgraph.analysis.training.figure import training_figure
from headgraph.pk_engine.bundled import checkpoints_path, model_path

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DOC = STUDIES / "training.md"
DATA = DOCS / "data" / "training"
IMAGES = DOCS / "images"
CURVES = {
    "pk": "PK of the edge",
    "pk_mean": "mean PK of all pairs",
    "previous_token": "previous-token score",
    "induction": "induction score",
    "loss": "loss",
}
DRAWN = ("pk", "induction", "loss")
MODEL = "induction-2l"


def curves() -> dict[int, pd.DataFrame]:
    """What was seen while training, by seed."""
    found = {int(path.stem.removeprefix("seed-")): path for path in DATA.glob("seed-*.csv")}
    return {seed: pd.read_csv(found[seed]) for seed in sorted(found)}


def measured(seeds: Mapping[int, pd.DataFrame]) -> pd.DataFrame:
    """Abruptness of every curve of every seed, a row each."""
    return pd.DataFrame(
        {"seed": seed, "curve": curve, **vars(abruptness(rows["step"], rows[curve]))}
        for seed, rows in seeds.items()
        for curve in CURVES
    )


def seeds_tables(seeds: Mapping[int, pd.DataFrame], found: pd.DataFrame) -> str:
    """Medians and ranges over seeds, then the shares seed by seed."""
    looks = {len(rows) for rows in seeds.values()}
    last = {int(rows["step"].iloc[-1]) for rows in seeds.values()}
    lines = []
    for curve, name in CURVES.items():
        part = found[found["curve"] == curve]
        ranges = [_range(part[column], digits) for column, digits in _COLUMNS.items()]
        lines.append([name, *ranges])
    head = ["curve", "steepest share", "width", "10 % at step", "50 % at step", "90 % at step"]
    by_seed = [
        [str(seed), f"{rows['source'].iloc[0]} to {rows['target'].iloc[0]}",
         f"{rows['pk'].iloc[0]:.2f} to {rows['pk'].iloc[-1]:.2f}",
         *(_share(found, seed, curve) for curve in DRAWN)]
        for seed, rows in seeds.items()
    ]  # fmt: skip
    seeds_head = ["seed", "edge (OK)", "its PK", *(f"share, {CURVES[curve]}" for curve in DRAWN)]
    return (
        f"Seeds {', '.join(map(str, seeds))}, {', '.join(map(str, sorted(last)))} steps each, "
        f"{min(looks)} looks; the steepest stretch is {STEEPEST:.0%} of the steps. "
        f"Median over seeds, and lowest to highest:\n\n{table(head, lines)}\n\n"
        f"{_who_leads(found)}\n\n{table(seeds_head, by_seed)}"
    )


_COLUMNS = {"share": 2, "width": 2, "start": 0, "middle": 0, "end": 0}


def _range(values: "pd.Series[float]", digits: int) -> str:
    low, high = values.min(), values.max()
    return f"{statistics.median(values):.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def _share(found: pd.DataFrame, seed: int, curve: str) -> str:
    part = found[(found["seed"] == seed) & (found["curve"] == curve)]
    return f"{part['share'].iloc[0]:.2f}"


def _who_leads(found: pd.DataFrame) -> str:
    """In how many seeds the edge came before and more slowly than what it is for."""
    wide = found.pivot(index="seed", columns="curve")
    many = len(wide)

    def less(column: str, one: str, other: str) -> str:
        return f"{int((wide[column][one] < wide[column][other]).sum())} of {many}"

    return (
        "The edge's PK has a smaller steepest share than the induction score in "
        f"{less('share', 'pk', 'induction')} seeds and than the loss in "
        f"{less('share', 'pk', 'loss')}; it reaches 10 % of its change before the induction score "
        f"reaches 10 % of its own in {less('start', 'pk', 'induction')} seeds, and 90 % after it "
        f"in {less('end', 'induction', 'pk')}. The mean of all pairs reaches half of its change "
        f"before the edge does in {less('middle', 'pk_mean', 'pk')}."
    )


def rerun() -> str:
    """How the rerun that the checkpoints are of ended, beside the bundled model."""
    ended = json.loads((checkpoints_path(MODEL) / "rerun.json").read_text("utf-8"))
    bundled = json.loads((model_path(MODEL) / "training.json").read_text("utf-8"))
    lines = []
    for name, said in (("bundled model", bundled), ("rerun", ended)):
        pair, best = said["strongest_ok"], said["scores"]
        lines.append([
            name, str(said["step"]), f"{said['loss']['second_copy']:.4f}",
            f"{pair['source']} to {pair['target']}, {pair['pk']:.2f}",
            f"{max(best['previous_token'][0]):.3f}", f"{max(best['induction'][1]):.3f}",
        ])  # fmt: skip
    head = ["", "steps", "loss", "strongest OK pair, PK", "best previous token", "best induction"]
    return table(head, lines)


def followed(rows: pd.DataFrame) -> str:
    """The checkpoints of the bundled model, a row each."""
    columns = {
        "step": 0, "loss": 3, "pk": 2, "z": 1, "pk_rank": 0, "source_outlet": 0, "target_inlet": 0,
        "source_previous_token": 2, "target_induction": 2,
    }  # fmt: skip
    lines = [
        [f"{getattr(row, name):.{digits}f}" for name, digits in columns.items()]
        for row in rows.itertuples()
    ]
    return table([f"`{name}`" for name in columns], lines)


def picture(seeds: Mapping[int, pd.DataFrame], found: pd.DataFrame, *, dark: bool) -> "Figure":
    """Each curve as a share of its whole change, a panel for each seed."""
    theme = style.theme(dark)
    looks = {
        "pk": (theme.pairings["OK"].color, ()),
        "induction": (theme.role("induction").color, (4.0, 1.6)),
        "loss": (theme.ink, (1.2, 1.4)),
    }
    with style.styled(theme):
        lines = -(-len(seeds) // 3)
        figure = style.new_figure(
            style.WIDTH, 84.0 + 150.0 * lines + 40.0 * (lines - 1) + 58, theme
        )
        style.headline(
            figure,
            f"{MODEL}: PK of one edge, induction score and loss over training",
            f"Share of each curve's whole change, {len(seeds)} seeds. The edge is the OK pair "
            "with the highest PK at the end.",
        )
        axes = panel_grid(figure, lines, 3, gap=(30.0, 40.0), bottom=58.0)
        for place, (seed, rows) in enumerate(seeds.items()):
            panel = axes[place]
            for curve, (color, dashes) in looks.items():
                label = CURVES[curve]
                (line,) = panel.plot(
                    rows["step"], change_of(rows[curve]), color=color, linewidth=1.5, label=label
                )
                if dashes:
                    line.set_dashes(dashes)
            panel.grid(axis="both")
            panel.tick_params(length=0)
            panel.set_xlim(0, rows["step"].iloc[-1])
            panel.set_ylim(-0.06, 1.06)
            if place + 3 >= len(seeds):
                panel.set_xlabel("training step")
            panel_title(panel, f"seed {seed}: {rows['source'].iloc[0]} to {rows['target'].iloc[0]}")
        for panel in axes[len(seeds) :]:
            panel.remove()
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="lower center", ncols=3, handlelength=3.0)
    return figure


def main() -> None:
    """Write tables and pictures."""
    seeds = curves()
    found = measured(seeds)
    write("seeds", seeds_tables(seeds, found), DOC)
    write("rerun", rerun(), DOC)
    said = json.loads((model_path(MODEL) / "training.json").read_text("utf-8"))
    edge = said["strongest_ok"]
    rows = trajectory(MODEL, pairs=f"{edge['source']}>{edge['target']}:OK")
    write("checkpoints", followed(rows), DOC)
    for dark in (False, True):
        end = f"{'-dark' if dark else ''}.svg"
        _save(training_figure(rows, dark=dark), IMAGES / f"training{end}")
        _save(picture(seeds, found, dark=dark), IMAGES / f"training-seeds{end}")


def _save(figure: "Figure", path: Path) -> None:
    save(figure, path, force=True)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()

"""The picture of a training run: what it draws, and what it refuses."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from benchmarks.training import CURVES, DATA, curves, measured
from headgraph import cli
from headgraph.analysis.errors import FigureError
from headgraph.analysis.training import abruptness
from headgraph.analysis.training.figure import training_figure as training

STEPS = [0, 1, 16, 256]


def rows(pairs: int = 1, *, behaved: bool = True, loss: bool = True) -> pd.DataFrame:
    parts = []
    for number in range(pairs):
        score = np.linspace(0, 0.9, len(STEPS)) if behaved else np.nan
        parts.append(pd.DataFrame({
            "series": "made up", "step": STEPS, "loss": [4.0, 3.9, 3.0, 0.1] if loss else np.nan,
            "pairing": "OK", "source": f"L0H{number}", "target": "L1H0",
            "pk": np.linspace(2, 6 + number, len(STEPS)), "source_previous_token": score,
            "target_induction": score,
        }))  # fmt: skip
    return pd.concat(parts).sort_values("step", kind="stable")


def test_a_panel_each_for_loss_pk_and_behaviour_over_one_axis() -> None:
    given = rows(2)
    figure = training(given)
    loss, pk, behaviour = figure.axes
    np.testing.assert_array_equal(loss.lines[0].get_ydata(), [4.0, 3.9, 3.0, 0.1])
    assert [line.get_label() for line in pk.lines] == ["L0H0 to L1H0, OK", "L0H1 to L1H0, OK"]
    np.testing.assert_array_equal(pk.lines[1].get_ydata(), np.linspace(2, 7, 4))
    # the heads' own lines: two sources, and the target that they share once
    names = [str(line.get_label()).partition(",")[0] for line in behaviour.lines]
    assert names == ["L0H0", "L0H1", "L1H0"]
    assert len({panel.get_xlim() for panel in figure.axes}) == 1
    assert loss.get_xscale() == "symlog"  # 256 is many times 1


def test_step_0_alone_has_an_axis() -> None:
    low, high = training(rows().head(1)).axes[0].get_xlim()
    assert low < 0 < high


def test_few_steps_stand_on_a_plain_axis() -> None:
    late = rows().assign(step=[0, 200, 300, 1150])
    assert training(late).axes[0].get_xscale() == "linear"


def test_many_steps_keep_their_lines_in_sight() -> None:
    part, count = rows().iloc[:1], 154
    many = pd.concat([part.assign(step=1000 * step) for step in range(count)])
    for given, marked in ((many, True), (rows(), False)):
        lines = [line for panel in training(given).axes for line in panel.lines]
        assert len(lines) == 4
        assert {len(line.get_xdata()) for line in lines} == {given["step"].nunique()}
        assert {line.get_markevery() is not None for line in lines} == {marked}


@pytest.mark.parametrize(("behaved", "loss", "panels"), [(False, True, 2), (False, False, 1)])
def test_what_is_unknown_has_no_panel(behaved: bool, loss: bool, panels: int) -> None:
    assert len(training(rows(behaved=behaved, loss=loss)).axes) == panels


def test_the_command_draws_a_file_of_rows(tmp_path: Path) -> None:
    source, out = tmp_path / "rows.csv", tmp_path / "out.svg"
    rows().to_csv(source, index=False)
    done = CliRunner().invoke(cli.headgraph, ["figure", "training", str(source), "-o", str(out)])
    assert done.exit_code == 0, done.output
    assert "<title>made up: PK and loss over 4 checkpoints</title>" in out.read_text()


def test_files_that_are_no_trajectory(tmp_path: Path) -> None:
    with pytest.raises(FigureError, match=r"none.csv cannot be read: No such file"):
        training(tmp_path / "none.csv")
    with pytest.raises(
        FigureError, match=r"the rows lack pk: expected those of headgraph\.trajectory"
    ):
        training(rows().drop(columns="pk"))
    with pytest.raises(FigureError, match="the rows, row 2, have no source: expected one in every"):
        training(rows(2).assign(source=["L0H0", None, *["L0H1"] * 6]))
    with pytest.raises(FigureError, match="10 pairs cannot be told apart: expected at most 9"):
        training(rows(10))
    with pytest.raises(
        FigureError, match=r"there are no rows to draw: expected those of headgraph\.trajectory"
    ):
        training(rows().iloc[:0])


def test_the_figures_of_at_least_five_seeds_are_here_and_comparable() -> None:
    seeds = curves()
    assert len(seeds) >= 5
    assert len({tuple(rows["step"]) for rows in seeds.values()}) == 1
    for rows_ in seeds.values():
        assert rows_["pk_rank"].iloc[-1] == 1  # by the edge's definition
        assert rows_["best_induction"].iloc[-1] > 0.9  # the heads are there
        assert rows_["pk"].iloc[0] < 3  # and were not before: random subspaces share 2
    found = measured(seeds)
    assert len(found) == len(seeds) * len(CURVES)
    one = found[(found["seed"] == 0) & (found["curve"] == "loss")].iloc[0]
    table = pd.read_csv(DATA / "seed-0.csv")
    assert one["share"] == abruptness(table["step"], table["loss"]).share
    assert json.loads(one.to_json())["middle"] < table["step"].iloc[-1]


def test_what_the_page_says_is_seen_holds_in_the_data() -> None:
    found = measured(curves()).pivot(index="seed", columns="curve")
    assert (found["share"]["pk"] < found["share"]["induction"]).all()
    assert (found["share"]["pk"] < found["share"]["loss"]).all()
    assert (found["start"]["pk"] < found["start"]["induction"]).all()
    assert (found["end"]["pk"] > found["end"]["induction"]).all()

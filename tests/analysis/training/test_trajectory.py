"""Pairs followed over checkpoints: some made by hand, and the ones that ship."""

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import headgraph
from headgraph import cli
from headgraph.analysis.errors import TrainingError
from headgraph.analysis.training import checkpoints, trajectory
from headgraph.base.errors import UnknownHead
from headgraph.pk_engine import Selection
from headgraph.pk_engine.bundled import checkpoints_path, model_path
from headgraph.pk_engine.errors import OutputExists
from headgraph.pk_engine.table.affinity import AffinityTable
from tests.pk_engine import unequal_checkpoints
from tests.pk_engine.checkpoints import gpt2_tensors, save

D, R = 16, 8  # of the model that is made by hand: d_model and d_head, two layers of two heads
SD = math.sqrt(2 * R * R * (D - R) ** 2 / (D * D * (D - 1) * (D + 2)))
EDGE = "L0H0>L1H0:OK"
SHARED = {0: 0, 10: 4, 100: 8}  # step -> directions that L0H0 writes and L1H0 reads as its key


def checkpoint(folder: Path, shared: int) -> None:
    """L0H0 writes axes 0 to 7, L0H1 the others; L1H0 reads so many of 0 to 7 as its key."""
    tensors, axes = gpt2_tensors(), np.eye(D, dtype=np.float32)
    tensors["h.0.attn.c_proj.weight"] = axes
    keys = [*range(shared), *range(R, D - shared)]
    tensors["h.1.attn.c_attn.weight"][:, D : 2 * D] = axes[:, [*keys, *range(R)]]
    save(folder, tensors)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "by-hand"
    for step, shared in SHARED.items():
        checkpoint(folder / f"step-{step}", shared)
    (folder / "notes").mkdir()
    (folder / "losses.csv").write_text("step,loss\n0,4.5\n5,3\n100,0.25\n")
    return folder


def test_pk_of_a_pair_is_the_number_of_shared_directions(run: Path) -> None:
    rows = trajectory(run, pairs=EDGE, pairings="OK", behaviour=False)
    assert rows["step"].tolist() == [0, 10, 100]  # in order of number, not of name
    np.testing.assert_allclose(rows["pk"], [0, 4, 8], atol=1e-5)
    np.testing.assert_allclose(rows["z"], np.array([-4, 0, 4]) / SD, atol=1e-4)
    np.testing.assert_array_equal(rows["loss"], [4.5, math.nan, 0.25])
    assert (set(rows["series"]), set(rows["pairing"])) == ({"by-hand"}, {"OK"})
    assert rows.filter(like="previous_token").isna().all(axis=None)


def test_hub_scores_are_sums_of_z_over_all_pairs(run: Path) -> None:
    rows = trajectory(run, pairs=EDGE, pairings="OK", behaviour=False)
    # L0H0 also leads to L1H1, whose key reads all of it; L0H1 gives L1H0 what L0H0 does not
    np.testing.assert_allclose(rows["source_outlet"], np.array([0, 4, 8]) / SD, atol=1e-4)
    np.testing.assert_allclose(rows["target_inlet"], 0, atol=1e-4)


def test_the_top_pairs_are_those_of_the_last_checkpoint(run: Path) -> None:
    rows = trajectory(run, top=2, pairings="OK", behaviour=False)
    assert len(rows) == 6
    last = rows[rows["step"] == 100]
    assert last["pk_rank"].tolist() == [1, 2]
    assert set(zip(last["source"], last["target"], strict=True)) == {
        ("L0H0", "L1H0"), ("L0H0", "L1H1"),
    }  # fmt: skip


def test_without_a_choice_the_strongest_pair_of_each_pairing_is_followed(run: Path) -> None:
    rows = trajectory(run, behaviour=False)
    assert rows.groupby("step")["pairing"].apply(list).tolist() == [["OQ", "OK", "OV"]] * 3


def test_tables_say_which_run_and_step_they_are_of(run: Path, tmp_path: Path) -> None:
    trajectory(run, top=1, pairings="OK", behaviour=False, tables=tmp_path)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["by-hand-step0.parquet", "by-hand-step10.parquet", "by-hand-step100.parquet"]
    table = AffinityTable.read(tmp_path / "by-hand-step10.parquet")
    assert (table.meta.series, table.meta.step, table.meta.model) == ("by-hand", 10.0, "by-hand")
    assert len(table) == 4
    with pytest.raises(OutputExists, match="step0"):
        trajectory(run, top=1, pairings="OK", behaviour=False, tables=tmp_path)
    trajectory(run, top=1, pairings="OK", behaviour=False, tables=tmp_path, force=True)


def test_the_command_prints_and_writes_the_rows(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "rows.csv"
    done = CliRunner().invoke(
        cli.headgraph, ["trajectory", str(run), "--pairs", EDGE, "--no-behaviour", "-o", str(out),
               "--format", "json"],
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    printed = json.loads(done.stdout)
    assert [row["step"] for row in printed] == [0, 10, 100]
    written = pd.read_csv(out)
    rows = headgraph.trajectory(run, pairs=EDGE, behaviour=False)
    assert written["source"].tolist() == rows["source"].tolist()
    np.testing.assert_allclose(written["pk"], rows["pk"])


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"pairs": EDGE, "top": 1}, "pairs and top exclude each other: give one of them"),
        ({"top": 0}, "top=0: expected 1 or more"),
        ({"pairs": "L0H0-L1H0"}, "'L0H0-L1H0' is not a pair: expected a source, a target and a"),
        (
            {"pairs": "L1H0>L0H0:OK"},
            "by-hand has no pair L1H0>L0H0:OK: expected a head and one of a",
        ),
    ],
)
def test_what_cannot_be_followed(run: Path, options: dict[str, object], text: str) -> None:
    with pytest.raises(TrainingError, match=text):
        trajectory(run, behaviour=False, **options)  # type: ignore[arg-type]


def test_folders_without_checkpoints(run: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"no folder .*: expected one with a model folder step"):
        checkpoints(tmp_path / "none")
    with pytest.raises(TrainingError, match="has 0 checkpoints: expected two or more"):
        checkpoints(tmp_path)
    for name in ("step-1", "step-01"):
        (tmp_path / name).mkdir()
    with pytest.raises(TrainingError, match="are both step 1: expected one model folder a step"):
        checkpoints(tmp_path)


def test_losses_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "losses.csv").write_text("step,nats\n0,1\n")
    with pytest.raises(TrainingError, match=r"has the columns step, nats: expected step and loss"):
        checkpoints(tmp_path)


def test_the_checkpoints_that_ship_are_small_and_end_at_the_bundled_model() -> None:
    found = checkpoints("induction-2l")
    said = json.loads((model_path("induction-2l") / "training.json").read_text())
    assert (found[-1].path, found[-1].step) == (model_path("induction-2l"), said["step"])
    assert found[-1].loss == said["loss"]["second_copy"]
    assert found[0].step == 0
    files = [path for path in checkpoints_path("induction-2l").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 2_000_000
    for one in found[:-1]:
        own = json.loads((one.path / "training.json").read_text())
        assert own["step"] == one.step
        same = ("seed", "batch", "learning_rate", "task", "shape")
        assert all(own["settings"][name] == said["settings"][name] for name in same)


def test_the_induction_edge_of_the_model_that_ships() -> None:
    pytest.importorskip("transformer_lens", reason="the model is run")
    said = json.loads((model_path("induction-2l") / "training.json").read_text())
    edge = said["strongest_ok"]
    rows = trajectory("induction-2l", pairs=f"{edge['source']}>{edge['target']}:OK", n_prompts=8)
    first, last = rows.iloc[0], rows.iloc[-1]
    assert last["pk"] == pytest.approx(edge["pk"], abs=1e-4)
    assert last["pk_rank"] == 1
    source, target = int(edge["source"][3:]), int(edge["target"][3:])
    # other sequences than the training's own
    assert last["source_previous_token"] == pytest.approx(
        said["scores"]["previous_token"][0][source], abs=0.02
    )
    assert last["target_induction"] == pytest.approx(
        said["scores"]["induction"][1][target], abs=0.02
    )
    assert abs(first["z"]) < 3  # before training nothing stands out
    assert first["loss"] == pytest.approx(math.log(96), abs=0.2)
    assert first["target_induction"] < 0.1
    assert rows["loss"].iloc[-1] < 0.01


def test_pairs_of_an_encoder_decoder(tmp_path: Path) -> None:
    for step in (0, 1):
        unequal_checkpoints.checkpoint(tmp_path / "t5" / f"step-{step}", "parts")
    pairs = "d0h1>X1H0:OQ,E0H0>E1H3:OQ"
    rows = trajectory(tmp_path / "t5", pairs=pairs, pairings="OQ", behaviour=False)
    ends = [*zip(rows["source"], rows["target"], strict=True)]
    assert ends == [("D0H1", "X1H0"), ("E0H0", "E1H3")] * 2
    table = headgraph.compute(
        tmp_path / "t5" / "step-1", pairings="OQ", backend="numpy", selection=Selection()
    )
    named = table.frame.set_index(["source", "target"])
    assert rows["pk"].tolist() == [named.loc[pair, "pk"] for pair in ends]
    with pytest.raises(UnknownHead, match="t5 has no head X1H9"):
        trajectory(tmp_path / "t5", pairs="D0H1>X1H9:OQ", pairings="OQ", behaviour=False)

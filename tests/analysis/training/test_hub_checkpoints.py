"""Checkpoints that are branches of a repository on a hub, as Pythia's are; the hub is loopback."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from headgraph.analysis.errors import TrainingError
from headgraph.analysis.training import checkpoint_table, checkpoints, tasks, trajectory
from headgraph.pk_engine.errors import EngineError, ModelError, OutputExists
from headgraph.pk_engine.models.hub import download
from headgraph.pk_engine.scoring.cluster.client import connected
from headgraph.pk_engine.table.affinity import AffinityTable
from tests.pk_engine.checkpoints import gpt2_tensors, save
from tests.pk_engine.conftest import point_at
from tests.pk_engine.hub_server import HubServer, Repo, folder_files

MODEL = "lab/tiny-70m"
STEPS = [0, *(2**power for power in range(10)), *range(1000, 144000, 1000)]
EDGE: dict[str, Any] = {"pairs": "L0H0>L1H1:OK", "pairings": "OK", "behaviour": False}


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    """A repository with a branch for each of 154 steps, whose weights differ."""
    plain = folder_files(save(tmp_path / "plain"))
    with HubServer() as server:
        point_at(server.url, tmp_path, monkeypatch)
        server.repos[MODEL] = repo = Repo()
        for step in STEPS:
            repo.commit({**plain, "README.md": b"%d" % step}, f"step{step}")
        for step in (0, 512, 143000):
            weights = folder_files(save(tmp_path / f"at-{step}", gpt2_tensors(seed=step)))
            repo.commit(weights, f"step{step}")
        repo.commit(folder_files(tmp_path / "at-143000"), "main", "steps", "step-by-step")
        yield server


def contents(tmp_path: Path) -> list[str]:
    """Names of the files of all commits in the cache, and how many contents there are."""
    cache = tmp_path / "cache" / "models--lab--tiny-70m"
    names = [path.name for path in cache.glob("snapshots/*/*")]
    return [*sorted(names), str(len(list(cache.glob("blobs/*"))))]


def test_the_branches_are_the_checkpoints(hub: HubServer) -> None:
    found = checkpoints(MODEL)
    assert [one.step for one in found] == STEPS
    assert len(found) == 154
    assert {(one.series, one.model) for one in found} == {("tiny-70m", MODEL)}
    assert [path for _, path in hub.requests if MODEL in path] == [f"/api/models/{MODEL}/refs"]


@pytest.mark.parametrize("remove", [False, True])
def test_each_is_fetched_scored_and_let_go(hub: HubServer, tmp_path: Path, remove: bool) -> None:
    chosen = {**EDGE, "steps": [512, 0, 143000], "tables": tmp_path / "t"}
    held: list[list[str]] = []
    rows = trajectory(
        MODEL, **chosen, remove_fetched=remove, progress=lambda *_: held.append(contents(tmp_path))
    )
    kept = ["config.json"] * 3 if remove else ["config.json", "model.safetensors"] * 3
    assert contents(tmp_path) == [*sorted(kept), "1" if remove else "4"]
    assert max(len(names) for names in held) == (4 if remove else 7)
    assert rows["step"].tolist() == [0, 512, 143000]
    for step, pk in zip(rows["step"], rows["pk"], strict=True):
        table = AffinityTable.read(tmp_path / "t" / f"tiny-70m-step{step}.parquet")
        assert (table.meta.model, table.meta.step) == (MODEL, step)
        assert table.meta.revision == hub.repos[MODEL].refs[f"step{step}"]
        local = trajectory_of(tmp_path, step)
        assert pk == local


def trajectory_of(tmp_path: Path, step: int) -> float:
    """PK of the pair by the model's own folder, without a hub."""
    from headgraph import compute
    from headgraph.pk_engine import Selection

    frame = compute(
        tmp_path / f"at-{step}", pairings="OK", backend="numpy", selection=Selection()
    ).frame
    return float(frame.set_index(["source", "target"]).loc[("L0H0", "L1H1"), "pk"])


def test_what_the_cache_had_before_stays(hub: HubServer, tmp_path: Path) -> None:
    first, last = (checkpoints(MODEL)[place] for place in (0, -1))
    download.fetch(MODEL, "main")  # the commit of the last
    for one in (first, last):
        checkpoint_table(one, "OK", remove_fetched=True)
    assert contents(tmp_path) == ["config.json", "config.json", "model.safetensors", "2"]
    # the weights of the second are those of a commit that is gone: nothing of them is kept
    hub.repos[MODEL].commit({**folder_files(tmp_path / "at-143000"), "x": b""}, "step7000")
    same = next(one for one in checkpoints(MODEL) if one.step == 7000)
    checkpoint_table(same, "OK", remove_fetched=True)
    assert contents(tmp_path)[-2:] == ["model.safetensors", "2"]  # another commit shares them


def test_an_interrupted_run_goes_on(hub: HubServer, tmp_path: Path) -> None:
    chosen = {**EDGE, "steps": [0, 512, 143000], "tables": tmp_path / "t"}

    def stop(what: str, done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trajectory(MODEL, **chosen, remove_fetched=True, progress=stop)
    with pytest.raises(OutputExists):
        trajectory(MODEL, **chosen)
    hub.requests.clear()
    rows = trajectory(MODEL, **chosen, resume=True)
    assert hub.files_sent == ["model.safetensors"]  # of step 512 alone
    pd.testing.assert_frame_equal(rows, trajectory(MODEL, **chosen, force=True))
    hub.repos[MODEL].commit(folder_files(tmp_path / "at-143000"), "step0")
    with pytest.raises(TrainingError, match="is not the whole table of tiny-70m at step 0"):
        trajectory(MODEL, **chosen, resume=True)


def test_what_is_no_training_run(hub: HubServer, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="has no checkpoint of step 5: expected some of 0, 1, "):
        trajectory(MODEL, **EDGE, steps=[0, 5])
    with pytest.raises(TrainingError, match="resume reads the tables in tables"):
        trajectory(MODEL, **EDGE, resume=True)
    with pytest.raises(TrainingError, match="resume and force exclude each other"):
        trajectory(MODEL, **EDGE, resume=True, force=True, tables=tmp_path)
    with pytest.raises(ModelError, match="the hub has no such model or keeps it private"):
        checkpoints("lab/nothing")
    hub.repos["lab/one"] = Repo()
    hub.repos["lab/one"].commit({"config.json": b"{}"}, "main", "step3")
    with pytest.raises(TrainingError, match="has 1 branch named stepN on the hub: expected two"):
        checkpoints("lab/one")
    hub.repos["lab/one"].refs["step4"] = "../../etc"
    with pytest.raises(ModelError, match="cannot be trusted with lab/one: branch 'step4' is at"):
        checkpoints("lab/one")
    hub.status = 500
    with pytest.raises(ModelError, match=r"does not list its revisions \(status 500\)"):
        checkpoints(MODEL)


@pytest.fixture
def client(hub: HubServer, tmp_path: Path) -> Iterator[Any]:
    """Two workers in processes of their own, with the same hub and cache."""
    distributed = pytest.importorskip("distributed")
    env = {"HF_ENDPOINT": hub.url, "HF_HUB_CACHE": str(tmp_path / "cache"), "HF_TOKEN_PATH": "no"}
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, env=env, dashboard_address=":0", memory_limit=0,
            silence_logs=50,
        ) as cluster,
        connected(cluster.scheduler_address) as found,
    ):  # fmt: skip
        yield found


def test_a_cluster_makes_the_same_tables(
    hub: HubServer, tmp_path: Path, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen: dict[str, Any] = {**EDGE, "pairs": None, "steps": [0, 512, 143000]}
    here = trajectory(MODEL, **chosen, tables=tmp_path / "here", remove_fetched=True)
    hub.requests.clear()
    there = trajectory(
        MODEL, **chosen, tables=tmp_path / "there", remove_fetched=True, client=client
    )
    pd.testing.assert_frame_equal(here, there)
    names = sorted(path.name for path in (tmp_path / "here").iterdir())
    assert names == sorted(path.name for path in (tmp_path / "there").iterdir())
    for name in names:
        both = (AffinityTable.read(tmp_path / folder / name) for folder in ("here", "there"))
        assert len({table.sha256 for table in both}) == 1
    assert hub.files_sent == ["model.safetensors"] * 3
    assert contents(tmp_path) == ["config.json"] * 3 + ["1"]

    # an interruption cancels what waits, and a repeated call goes on
    def stop(what: str, done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trajectory(
            MODEL, **chosen, tables=tmp_path / "there", force=True, client=client, progress=stop
        )
    assert not client.futures
    (tmp_path / "there" / names[1]).unlink()
    resumed = trajectory(MODEL, **chosen, tables=tmp_path / "there", resume=True, client=client)
    pd.testing.assert_frame_equal(here, resumed)

    # what a worker says of a folder
    for step in (0, 1):
        save(tmp_path / "run" / f"step-{step}", gpt2_tensors(seed=step))
    with monkeypatch.context() as patch:
        patch.setattr(tasks, "weights_of", lambda folder: b"those of this machine")
        with pytest.raises(
            EngineError, match="refused: it read other weights of the checkpoint run at step"
        ):
            trajectory(tmp_path / "run", **EDGE, client=client, progress=lambda *_: None)
    config = tmp_path / "run" / "step-0" / "config.json"
    config.write_text("{")
    with pytest.raises(EngineError, match="the checkpoint run at step 0 failed 3 times: "):
        trajectory(tmp_path / "run", **EDGE, client=client)

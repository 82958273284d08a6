"""What is lost in the middle of a job costs no more than its own tasks, and is one sentence."""

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from headgraph.base.errors import HeadgraphError
from headgraph.pk_engine import AffinityTable, Selection, compute
from headgraph.pk_engine.errors import EngineError
from headgraph.pk_engine.metrics.layer_order import Group
from headgraph.pk_engine.scoring.cluster import tasks as cluster_tasks
from headgraph.pk_engine.scoring.cluster import worker as worker_module
from headgraph.pk_engine.scoring.cluster.client import connected
from headgraph.pk_engine.scoring.cluster.loss import stating_loss
from headgraph.pk_engine.scoring.cluster.sharing import Sharing
from headgraph.pk_engine.scoring.cluster.tasks import Work
from headgraph.pk_engine.scoring.progress import RESUMED
from tests.commands import headgraph
from tests.pk_engine.checkpoints import LLAMA_CONFIG, llama_tensors, save
from tests.pk_engine.scoring.cluster.jobs import HOW, at_group, said_by
from tests.test_cli import ROOT

dask, distributed = (pytest.importorskip(name) for name in ("dask", "distributed"))


@pytest.mark.parametrize("count", [1, 2])
def test_a_killed_worker_costs_its_own_tasks(client: Any, model: Path, count: int) -> None:
    """After both, the tasks wait for new workers, which are checked first."""
    client.wait_for_workers(2, timeout=240)

    def kill() -> None:
        for process in list(client.run(os.getpid).values())[:count]:
            os.kill(process, signal.SIGKILL)

    how = HOW | {"selection": Selection(top_per_target=2)}
    table = compute(model, client=client, progress=at_group(4, kill), **how)
    assert table.sha256 == compute(model, **how).sha256


def test_a_task_whose_workers_end_is_one_sentence() -> None:
    """Dask allows three; only the task that ran counts, which is the first of a worker."""

    class Task:
        status = "pending"
        cancel = staticmethod(lambda: None)

    none: Any = None
    work = Work(keys={0: "a", 1: "b"}, call=none, words="the task {}".format, check=none)
    tasks = cluster_tasks._Tasks(none, work, None)

    def lose(worker: str) -> None:
        tasks.running = {Task(): (tasks.left.take(worker, [worker]), worker) for _ in range(2)}
        tasks._take_back()

    for number in range(3):
        lose(str(number))
    assert (tasks.lost, len(tasks.left)) == ({0: 3, 1: 0}, 2)
    said = said_by(lambda: lose("3"))
    assert said.startswith("the task 0 ended 4 workers, most often for lack of memory: give")


def test_the_targets_of_a_lost_worker_are_free_again() -> None:
    groups = [Group(range(s, s + 1), range(t, t + 1)) for t in (0, 1) for s in (0, 1, 2)]
    sharing = Sharing({n: group.targets for n, group in enumerate(groups)})
    assert [sharing.take(name, "ab") for name in ("a", "b", "a")] == [0, 3, 1]
    sharing.put_back(1)
    sharing.forget("a")
    assert [sharing.take(name, "bc") for name in ("b", "c", "c", "b")] == [4, 1, 2, 5]


def test_what_failed_on_a_worker_goes_to_another() -> None:
    """A late worker with damaged files took the same task three times and ended the job."""
    sharing = Sharing({0: "x", 1: "x"})
    assert sharing.take("bad", ["bad", "good"]) == 0
    sharing.put_back(0, failed_on="bad")
    assert sharing.take("bad", ["bad", "good"]) == 1
    sharing.put_back(1, failed_on="bad")
    assert (sharing.take("bad", ["bad", "good"]), len(sharing)) == (None, 2)
    assert sharing.take("good", ["bad", "good"]) == 0
    sharing.put_back(0, failed_on="good")
    assert sharing.take("bad", ["bad", "good"]) == 0, "it failed on all"
    assert sharing.take("bad", ["bad"]) == 1, "the other is gone"


# the command itself, which stops for ever once two groups are saved
CLIENT = """
import sys, time
from pathlib import Path
from headgraph import cli
from headgraph.pk_engine.scoring.resume import Partial
save, groups = Partial.save, [0]
def counting(self, state):
    save(self, state)
    groups[0] += 1
    if groups[0] == 2:
        Path(sys.argv[1]).touch()
        time.sleep(60)
Partial.save = counting
cli.main(sys.argv[2:])
"""


def test_a_killed_client_resumes(cluster: Any, model: Path, tmp_path: Path) -> None:
    output, ready = tmp_path / "t.parquet", tmp_path / "ready"
    command = ["compute", str(model), "-o", str(output), "--memory", "1e-9", "--backend", "numpy",
               "--scheduler", cluster.scheduler_address, "--all"]  # fmt: skip
    with subprocess.Popen([sys.executable, "-c", CLIENT, str(ready), *command], cwd=ROOT) as work:
        deadline = time.monotonic() + 120
        while not ready.exists() and work.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        work.kill()
    assert not output.exists()
    done = headgraph(*command[:-3], "--all", DASK_SCHEDULER_ADDRESS=cluster.scheduler_address)
    assert (done.returncode, done.stdout) == (0, f"{output}\n"), done.stderr
    note = "note: resuming an interrupted compute: 2 of 12 groups of layers are done\n"
    assert done.stderr.startswith(note)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ready", "t.parquet"]
    assert AffinityTable.read(output).sha256 == compute(model, selection=Selection(), **HOW).sha256


def test_a_scheduler_that_ends_is_one_sentence_and_the_work_goes_on(
    model: Path, tmp_path: Path
) -> None:
    resumed: list[int] = []
    partial, how = tmp_path / "partial", HOW | {"selection": Selection()}
    with (
        dask.config.set({"distributed.comm.timeouts.connect": "1s"}),
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=1, processes=False, dashboard_address=":0",
            silence_logs=50,
        ) as other,
        connected(other.scheduler_address) as client,
    ):  # fmt: skip
        end = at_group(3, lambda: other.sync(other.scheduler.close))
        with pytest.raises(HeadgraphError, match="connection to the Dask scheduler is lost"):
            compute(model, client=client, partial=partial, progress=end, **how)

    def listen(what: str, done: int, total: int) -> None:
        if what == RESUMED:
            resumed.append(done)

    table = compute(model, partial=partial, progress=listen, **how)
    assert resumed
    assert resumed[0] >= 3
    assert table.sha256 == compute(model, **how).sha256


def test_ctrl_c_cancels_what_waits(client: Any, model: Path) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compute(model, client=client, progress=at_group(2, stop), **HOW)
    client.sync(asyncio.sleep, 0)  # futures are released on the client's loop, in order
    assert not client.futures


def test_a_task_that_runs_ends_when_it_is_cancelled(client: Any, tmp_path: Path) -> None:
    begun, ended = tmp_path / "begun", tmp_path / "ended"

    def work() -> None:
        progress = worker_module.until_cancelled(distributed.get_worker())
        begun.touch()
        try:
            while True:
                progress("Comparing heads", 0, 1)
                time.sleep(0.01)
        except worker_module.Cancelled:
            ended.touch()
            raise

    task = client.submit(work, pure=False)
    deadline = time.monotonic() + 120
    while not begun.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    task.cancel()
    while not ended.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert ended.exists()


def test_a_group_that_fails_three_times_is_the_workers_message(client: Any, tmp_path: Path) -> None:
    tensors = llama_tensors()
    tensors["model.layers.1.self_attn.k_proj.weight"][0, 0] = np.nan
    folder = save(tmp_path / "model", tensors, LLAMA_CONFIG)
    said = said_by(lambda: compute(folder, client=client, **HOW))
    assert re.match(r"the comparison of L\d with L\d failed 3 times: the K matrix of L1H0 ", said)


@pytest.mark.parametrize(
    ("status", "error", "lost"),
    [
        ("running", distributed.comm.CommClosedError(), True),
        (
            "running",
            distributed.client.FutureCancelledError("k", "scheduler-connection-lost"),
            True,
        ),
        ("running", TypeError("a fault"), False),
        ("closed", TypeError("'NoneType' object is not subscriptable"), True),
        ("closing", KeyError("workers"), True),
        ("connecting", AttributeError("'NoneType' object has no attribute 'broadcast'"), True),
        ("closed", EngineError("the worker is refused"), False),
    ],
)
def test_what_a_client_raises_without_a_scheduler_is_a_lost_connection(
    status: str, error: Exception, lost: bool
) -> None:
    client: Any = SimpleNamespace(status=status)
    with (
        pytest.raises((EngineError, type(error)), match=r"[a-z]") as told,
        stating_loss(client, "the call"),
    ):
        raise error
    assert (told.value is not error) == lost
    assert not lost or re.match("the connection .* lost: .*repeat the call, which", str(told.value))

"""On a Dask cluster of two processes, a table is that of one machine, whatever is lost."""

import asyncio
import os
import pickle
import pydoc
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from headgraph.base.errors import HeadgraphError
from headgraph.pk_engine import AffinityTable, Selection, bundled, compute
from headgraph.pk_engine.errors import EngineError
from headgraph.pk_engine.metrics.layer_order import Group
from headgraph.pk_engine.scoring.cluster import client as cluster_module
from headgraph.pk_engine.scoring.cluster import tasks as cluster_tasks
from headgraph.pk_engine.scoring.cluster import worker as worker_module
from headgraph.pk_engine.scoring.cluster.client import connected
from headgraph.pk_engine.scoring.cluster.sharing import Sharing
from headgraph.pk_engine.scoring.cluster.tasks import Work
from headgraph.pk_engine.scoring.group import score_group
from headgraph.pk_engine.scoring.job import Job
from headgraph.pk_engine.scoring.progress import COMPARING, RESUMED
from tests.commands import headgraph
from tests.pk_engine.checkpoints import LLAMA_CONFIG, llama_tensors, save
from tests.pk_engine.scoring.test_streaming import RULES
from tests.pk_engine.unequal_checkpoints import CONFIGS, checkpoint
from tests.test_cli import ROOT

dask, distributed = (pytest.importorskip(name) for name in ("dask", "distributed"))
HOW: dict[str, Any] = {"memory": 1e-9, "backend": "numpy"}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A scheduler with two workers of one thread, each in a process of its own.

    A killed worker starts again, on a busy machine after more than the 15 seconds in which Dask
    would give it up.
    """
    with (
        dask.config.set({"distributed.deploy.lost-worker-timeout": "5 minutes"}),
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=":0", memory_limit=0,
            silence_logs=50,
        ) as found,
    ):  # fmt: skip
        yield found


@pytest.fixture
def client(cluster: Any) -> Iterator[Any]:
    with connected(cluster.scheduler_address) as found:
        yield found


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four layers, so 12 groups of one with one when pairs go forward and backward."""
    return checkpoint(tmp_path_factory.mktemp("m") / "model", "latent")


def at_group(number: int, act: Callable[[], Any]) -> Any:
    """Progress that acts once so many groups are done."""

    def listen(what: str, done: int, total: int) -> None:
        if what == COMPARING and done == number:
            act()

    return listen


@pytest.mark.parametrize("rule", RULES, ids=Selection.describe)
def test_every_rule_gives_the_table_of_one_machine(
    client: Any, model: Path, rule: Selection
) -> None:
    how = HOW | {"selection": rule, "metrics": "pk,max_cosine"}
    assert compute(model, client=client, **how).sha256 == compute(model, **how).sha256


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize(("order", "kv"), [("forward", None), ("all", "expand")])
def test_unequal_layers_decoys_and_every_layer_order(
    client: Any, tmp_path: Path, name: str, order: str, kv: str | None
) -> None:
    folder = checkpoint(tmp_path / name, name)
    how = HOW | {"selection": Selection(), "layer_order": order, "kv": kv, "pairings": "OQ,OK,KK"}
    assert compute(folder, client=client, **how).sha256 == compute(folder, **how).sha256


def test_every_metric_and_a_null_model(client: Any, tmp_path: Path) -> None:
    folder = save(tmp_path / "model", llama_tensors(), LLAMA_CONFIG)
    every = "pk,cs,simple_cs,cka,cka_columns,procrustes,procrustes_columns,max_cosine"
    how = HOW | {"metrics": every, "pairings": "OQ", "selection": Selection(fdr=1, null="backward")}
    assert compute(folder, client=client, **how).sha256 == compute(folder, **how).sha256


def test_results_merge_in_any_order_and_a_spec_comes_back_from_pickle(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = compute(model, selection=Selection(min_z=0.5), **HOW)

    def shuffled(self: Job, groups: Any, state: Any, threads: Any) -> Iterator[Any]:
        for number in random.Random(0).sample(range(len(groups)), len(groups)):
            spec = pickle.loads(pickle.dumps(self.spec))
            yield number, pickle.loads(pickle.dumps(score_group(spec, groups[number]))), ""

    monkeypatch.setattr(Job, "_scored", shuffled)
    assert compute(model, selection=Selection(min_z=0.5), **HOW).sha256 == whole.sha256


def test_what_travels_is_what_the_rule_can_keep(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    scored = Job._scored

    def told(*args: Any) -> Iterator[Any]:
        for it in scored(*args):
            sizes.extend(len(part.rows["pk"]) for part in it[1].parts.values())
            yield it

    monkeypatch.setattr(Job, "_scored", told)
    compute(model, selection=Selection(top=3), **HOW)
    assert len(sizes) == 12 * 3
    assert max(sizes) == 3


def test_results_leave_the_workers_when_they_are_merged(
    client: Any, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also after waiting in vain, which leaves futures in cycles."""
    monkeypatch.setattr(cluster_tasks, "POLL", 0.005)
    held: list[int] = []
    compute(model, client=client, progress=lambda *_: held.append(len(client.futures)), **HOW)
    assert len(held) >= 13
    assert max(held) <= 2 * cluster_tasks.AHEAD
    assert not client.futures


@pytest.mark.parametrize("count", [1, 2])
def test_a_killed_worker_costs_its_own_tasks(client: Any, model: Path, count: int) -> None:
    """After both, the tasks wait for new workers, which are checked first."""
    client.wait_for_workers(2)

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
        tasks.running = {Task(): (tasks.left.take(worker), worker) for _ in range(2)}
        tasks._take_back()

    for number in range(3):
        lose(str(number))
    assert (tasks.lost, len(tasks.left)) == ({0: 3, 1: 0}, 2)
    said = said_by(lambda: lose("3"))
    assert said.startswith("the task 0 ended 4 workers, most often for lack of memory: give")


@pytest.mark.parametrize(("workers", "shared"), [(1, 0), (2, 1), (3, 0)])
def test_workers_keep_their_targets(workers: int, shared: int) -> None:
    """Three runs of four groups: two workers of one speed share only the last."""
    groups = [Group(range(s, s + 2), range(t, t + 3)) for t in (0, 3, 6) for s in (0, 2, 4, 6)]
    sharing = Sharing({n: group.targets for n, group in enumerate(groups)})
    taken: dict[int, list[int]] = {worker: [] for worker in range(workers)}
    while len(sharing):
        for worker in range(min(workers, len(sharing))):
            taken[worker].append(sharing.take(str(worker)))
    assert sorted(number for numbers in taken.values() for number in numbers) == list(range(12))
    runs = [[it for it, _ in groupby(groups[n].targets for n in ns)] for ns in taken.values()]
    assert sum(map(len, runs)) == 3 + shared


def test_the_targets_of_a_lost_worker_are_free_again() -> None:
    groups = [Group(range(s, s + 1), range(t, t + 1)) for t in (0, 1) for s in (0, 1, 2)]
    sharing = Sharing({n: group.targets for n, group in enumerate(groups)})
    assert [sharing.take(name) for name in ("a", "b", "a")] == [0, 3, 1]
    sharing.put_back(1)
    sharing.forget("a")
    assert [sharing.take(name) for name in ("b", "c", "c", "b")] == [4, 1, 2, 5]


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


def said_by(call: Callable[[], object]) -> str:
    with pytest.raises(HeadgraphError) as error:
        call()
    said = str(error.value)
    assert len(said) < 300, said
    return said


def test_a_group_that_fails_three_times_is_the_workers_message(client: Any, tmp_path: Path) -> None:
    tensors = llama_tensors()
    tensors["model.layers.1.self_attn.k_proj.weight"][0, 0] = np.nan
    folder = save(tmp_path / "model", tensors, LLAMA_CONFIG)
    said = said_by(lambda: compute(folder, client=client, **HOW))
    assert re.match(r"the comparison of L\d with L\d failed 3 times: the K matrix of L1H0 ", said)


def test_a_worker_with_another_headgraph_is_refused(
    client: Any, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_tasks, "VERSION", "9.9.9")
    said = said_by(lambda: compute(model, client=client, **HOW))
    assert said.startswith("the worker tcp://127.0.0.1:")
    assert "is refused: it has headgraph '0." in said
    assert "this machine has headgraph 9.9.9" in said
    monkeypatch.setattr(pydoc, "locate", none_there)
    assert "is refused: it has no headgraph" in said_by(
        lambda: compute(model, client=client, **HOW)
    )


def none_there(name: str) -> None:
    """What pydoc answers where there is no such module."""


def test_a_worker_with_other_weights_is_refused(
    client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bundled name stands for the files of each machine; here this machine's are others."""
    monkeypatch.setattr(bundled, "model_path", lambda name: changed(tmp_path / "0", layer=0))
    said = said_by(lambda: compute("induction-2l", client=client, **HOW))
    assert said.startswith("the worker tcp://127.0.0.1:")
    assert said.endswith("it reads other weights than this machine; give all the same files")
    # a difference that only later layers show, after this machine has done the first group
    monkeypatch.setattr(bundled, "model_path", lambda name: changed(tmp_path / "1", layer=1))
    partial, how = tmp_path / "partial", HOW | {"layer_order": "all"}
    with pytest.raises(InterruptedError):
        compute("induction-2l", partial=partial, progress=at_group(3, stop), **how)
    said = said_by(lambda: compute("induction-2l", client=client, partial=partial, **how))
    assert "read other weights of layer L1 than the workers before" in said
    assert partial.exists()


def stop() -> None:
    raise InterruptedError


def changed(folder: Path, layer: int) -> Path:
    """induction-2l with other numbers in one layer."""
    if not folder.exists():
        from safetensors.numpy import load_file, save_file

        source = Path(bundled.__path__[0]) / "induction-2l"
        tensors = load_file(source / "model.safetensors")
        inside = (it for it in sorted(tensors) if f".{layer}." in it and "attn" in it)
        name = next(it for it in inside if tensors[it].ndim == 2)
        tensors[name] = tensors[name] + 1
        folder.mkdir()
        (folder / "config.json").write_text((source / "config.json").read_text())
        save_file(tensors, folder / "model.safetensors")
    return folder


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
        cluster_tasks.stating_loss(client),
    ):
        raise error
    assert (told.value is not error) == lost
    assert not lost or "connection to the Dask scheduler is lost" in str(told.value)


def test_a_model_in_memory_cannot_travel(client: Any, model: Path) -> None:
    class InMemory:
        name = "bridge"

    spec: Any = type("Spec", (), {"weights": InMemory()})
    said = said_by(lambda: list(cluster_module.scored_on(client, spec, {}, None)))
    assert said.startswith("bridge is read through TransformerLens, in this process: expected")


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "127.0.0.1", "ftp://a:1", "", "tcp://:x"])
def test_an_address_without_a_scheduler(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_module, "CONNECT", 0.3)

    def connect() -> None:
        with connected(address):
            pass

    said = said_by(connect)
    assert said.startswith(f"no Dask scheduler answers at {address!r} (")
    assert said.endswith("expected an address such as tcp://HOST:8786")


def test_a_scheduler_file(cluster: Any, model: Path, tmp_path: Path) -> None:
    file, output = tmp_path / "scheduler.json", str(tmp_path / "t.parquet")
    command = ["compute", str(model), "-o", output, "--scheduler-file", str(file)]
    done = headgraph(*command)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    file.write_text('{"type": "Scheduler"}')
    assert "holds no address: expected the file that a scheduler" in headgraph(*command).stderr
    file.write_text(f'{{"address": "{cluster.scheduler_address}"}}')
    assert headgraph(*command).returncode == 0
    both = headgraph(*command, "--scheduler", "tcp://a:1")
    assert both.returncode == 2
    assert "--scheduler and --scheduler-file exclude each other" in both.stderr


def test_a_cluster_with_certificates(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variables that the page names, with certificates that only this user can read."""
    pytest.importorskip("cryptography")
    monkeypatch.setattr(cluster_module, "CONNECT", 5)
    security = distributed.Security.temporary()
    names = {"CA_FILE": security.tls_ca_file, "CLIENT__CERT": security.tls_client_cert,
             "CLIENT__KEY": security.tls_client_key}  # fmt: skip
    page, variables = (ROOT / "docs/guides/cluster.md").read_text("utf-8"), {}
    for name, text in names.items():
        (tmp_path / name).touch(mode=0o600)
        (tmp_path / name).write_text(text)
        variables[f"DASK_DISTRIBUTED__COMM__TLS__{name}"] = str(tmp_path / name)
        assert f"DASK_DISTRIBUTED__COMM__TLS__{name}=" in page
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, protocol="tls", security=security,
        dashboard_address=":0", silence_logs=50,
    ) as other:  # fmt: skip
        assert other.scheduler_address.startswith("tls://")

        def connect() -> str:
            with connected(other.scheduler_address) as client:
                return compute(model, client=client, **HOW).sha256

        assert "no Dask scheduler answers" in said_by(connect)
        found = dask.config.merge(dask.config.config, dask.config.collect_env(variables))
        with dask.config.set(distributed=found["distributed"]):
            assert connect() == compute(model, **HOW).sha256


def test_the_job_script_of_the_slurm_recipe_is_what_the_page_says() -> None:
    jobqueue = pytest.importorskip("dask_jobqueue")
    page = (ROOT / "docs/guides/cluster.md").read_text("utf-8")
    recipe = page.partition("<!-- slurm -->")[2].partition("<!-- end of slurm -->")[0]
    code, text = re.findall(r"```(?:python|text)\n(.*?)```", recipe, re.DOTALL)
    compile(code, "the recipe", "exec")
    made = re.search(r"^cluster = (SLURMCluster\(.*\))$", code, re.MULTILINE)
    assert made is not None
    with eval(made[1], {"SLURMCluster": jobqueue.SLURMCluster}) as cluster:
        script = cluster.job_script()
    script = script.replace(sys.executable, "python")
    assert re.sub(r"tcp://\S+", "tcp://HOST:PORT", script).split() == text.split()

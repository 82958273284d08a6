"""A worker that cannot take part costs nothing but itself, and the user is told of it once."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from headgraph.base import version
from headgraph.base.spelling import argument
from headgraph.pk_engine import Selection, compute
from headgraph.pk_engine.scoring import job
from headgraph.pk_engine.scoring.cluster import agreement
from headgraph.pk_engine.scoring.cluster import tasks as cluster_tasks
from headgraph.pk_engine.scoring.cluster import worker as worker_module
from headgraph.pk_engine.scoring.cluster.agreement import AllDiffer, EarlierWrong
from headgraph.pk_engine.scoring.cluster.refusal import Refused
from headgraph.pk_engine.scoring.cluster.tasks import Work
from headgraph.pk_engine.scoring.group import GroupScores, score_group
from headgraph.pk_engine.scoring.progress import COMPARING, REFUSED, noting
from tests.pk_engine.scoring.cluster.jobs import HOW, at_group, said_by

distributed = pytest.importorskip("distributed")
LATE = "late"


@contextmanager
def joined(client: Any) -> Iterator[Any]:
    """One more worker, which runs in this process, so that a test can change what it does."""

    async def begin() -> Any:
        return await distributed.Worker(
            client.scheduler.address, nthreads=1, name=LATE, dashboard=False
        )

    worker = client.sync(begin)
    try:
        yield worker
    finally:
        client.sync(worker.close)


def patient(folder: Path, *args: Any, **how: Any) -> GroupScores:
    """`score_group`; after some groups it waits until the late worker is refused.

    The late worker's scores are wrong, and those of other weights.
    """
    name = str(distributed.get_worker().name)
    found = score_group(*args, **how)
    (folder / f"{name}.{time.monotonic_ns()}").touch()
    if name == LATE:
        for part in found.parts.values():
            part.rows["pk"] += 1
        return GroupScores(**{**vars(found), "digests": dict.fromkeys(found.digests, b"other")})
    deadline = time.monotonic() + 120
    while (folder / "late").exists() and not (folder / "refused").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return found


def other_version(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(version, "VERSION", "0.0.1")


def other_first_layer(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(worker_module, "layer_digest", lambda raw: b"other")


@pytest.mark.parametrize(
    ("change", "joins", "said", "works"),
    [
        (other_version, 0, "it has headgraph '0.0.1', and this machine has headgraph 0.", False),
        (other_version, 4, "it has headgraph '0.0.1', and this machine has headgraph 0.", False),
        (other_first_layer, 4, "it reads other weights than this machine; give all the", False),
        (lambda patch: None, 4, "it read other weights of layer L", True),
    ],
    ids=["version, from the beginning", "version", "weights of the first layer", "of a later one"],
)
def test_the_job_goes_on_with_the_other_workers(
    client: Any, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    change: Callable[[pytest.MonkeyPatch], None], joins: int, said: str, works: bool,
) -> None:  # fmt: skip
    whole = compute(model, selection=Selection(), **HOW)
    monkeypatch.setattr(cluster_tasks, "POLL", 0.05)
    monkeypatch.setattr(job, "score_group", partial(patient, tmp_path))
    change(monkeypatch)
    told: list[str] = []
    late = joined(client)

    def join() -> None:
        late.__enter__()
        (tmp_path / "late").touch()

    def listen(what: str, done: int, total: int) -> None:
        if what == COMPARING and done == joins != 0:
            join()
        if what.startswith(REFUSED):
            told.append(what)
            (tmp_path / "refused").touch()

    if joins == 0:
        join()
    try:
        table = compute(model, client=client, progress=listen, selection=Selection(), **HOW)
    finally:
        late.__exit__(None, None, None)
    assert table.sha256 == whole.sha256
    assert len(told) == 1
    assert told[0].startswith("the worker tcp://127.0.0.1:")
    assert f" is refused: {said}" in told[0]
    assert len(told[0]) < 300
    assert any(path.name.startswith(LATE + ".") for path in tmp_path.iterdir()) == works


@pytest.mark.parametrize("checked", [False, True], ids=["at all", "after its check"])
def test_a_late_worker_that_does_not_answer_keeps_nobody_waiting(
    client: Any, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, checked: bool
) -> None:
    """As one that was stopped: neither its thread nor what Dask asks it directly comes back."""
    monkeypatch.setattr(cluster_tasks, "POLL", 0.05)
    late, over, busy, waited = joined(client), tmp_path / "over", [], []
    if checked:
        monkeypatch.setattr(job, "score_group", partial(until_asked, tmp_path))

    async def never(*_: Any, **__: Any) -> None:
        (tmp_path / "asked").touch()
        deadline = time.monotonic() + 120
        while not over.exists():
            await asyncio.sleep(0.01)
            if time.monotonic() > deadline:
                waited.append("until the end")
                return

    def join() -> None:
        worker = late.__enter__()
        worker.handlers["run"] = never
        worker.set_resources = never
        if not checked:
            busy.append(client.submit(wait_for, over, workers=[worker.address], pure=False))
        (tmp_path / "late").touch()

    how: dict[str, Any] = HOW | {"selection": Selection()}
    try:
        table = compute(model, client=client, progress=at_group(4, join), **how)
    finally:
        over.touch()
        late.__exit__(None, None, None)
        for future in busy:
            future.release()  # the client is that of other tests too, which count its futures
    assert not waited
    assert (tmp_path / "asked").exists() == checked
    assert table.sha256 == compute(model, **how).sha256


def test_a_worker_that_could_not_tell_the_scheduler_is_checked_again(
    client: Any, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_tasks, "POLL", 0.05)
    monkeypatch.setattr(job, "score_group", partial(until_asked, tmp_path))
    late, failed, told = joined(client), [], []

    def join() -> None:
        worker = late.__enter__()
        set_resources = worker.set_resources

        async def second_time(**quantities: float) -> None:
            if not failed:
                failed.append(quantities)
                raise OSError("Timed out during handshake")
            (tmp_path / "asked").touch()
            await set_resources(**quantities)

        worker.set_resources = second_time
        (tmp_path / "late").touch()

    def listen(what: str, done: int, total: int) -> None:
        if what == COMPARING and done == 4:
            join()
        told.extend([what] * what.startswith(REFUSED))

    how: dict[str, Any] = HOW | {"selection": Selection()}
    try:
        table = compute(model, client=client, progress=listen, **how)
    finally:
        (tmp_path / "asked").touch()
        late.__exit__(None, None, None)
    assert (len(failed), told) == (1, [])
    assert table.sha256 == compute(model, **how).sha256


def until_asked(folder: Path, *args: Any, **how: Any) -> GroupScores:
    """`score_group`; once the late worker has joined, wait until that one has passed its check."""
    if (folder / "late").exists():
        wait_for(folder / "asked")
    return score_group(*args, **how)


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 120
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.01)


NONE: Any = None
WORK = Work(keys={0: "a"}, call=NONE, words="the task {}".format, check=NONE)


def test_a_job_without_good_workers_ends_unless_one_may_come_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    steps: list[str] = []
    tasks = cluster_tasks._Tasks(NONE, WORK, lambda what, *_: steps.append(what))
    tasks.refused.add("b", "it is odd")
    tasks.admitted.add("a")
    tasks._state_lack(["a", "b"])
    assert steps == []  # the worker a is not there yet as one that takes tasks
    with monkeypatch.context() as patch:
        patch.setattr(cluster_tasks, "SILENT", -1)
        tasks._state_lack(["a", "b"])  # nor a while later: it may not answer at all
    assert steps == ["the worker b is refused: it is odd", cluster_tasks.WAITING]
    steps.clear()
    tasks._state_lack(["b"])
    tasks._state_lack([])
    assert steps == [cluster_tasks.WAITING] * 2  # a may come back
    monkeypatch.setattr(cluster_tasks, "RETURN", 0)
    tasks._state_lack(["a", "b"])
    tasks._state_lack([])
    assert said_by(lambda: tasks._state_lack(["b"])) == "the worker b is refused: it is odd"
    tasks.refused.keep(["a"])  # what comes back as b is checked again
    assert "b" not in tasks.refused


def test_without_progress_it_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    tasks = cluster_tasks._Tasks(NONE, WORK, None)
    tasks.refused.add("b", "it is odd")
    with pytest.warns(UserWarning, match="the worker b is refused: it is odd$") as told:
        tasks.refused.tell()
    assert len(told) == 1
    tasks.refused.tell()  # a warning would be an error here


def test_a_command_says_it_once_in_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    show = noting(None)
    for _ in range(2):  # scores, then a null model
        refused = Refused(show)
        refused.add("b", f"leave {argument('variant')} out")
        refused.tell()
    assert capsys.readouterr().err == "note: the worker b is refused: leave --variant out\n"


class Weights:
    """Of three layers; the digest of each is its number."""

    def __init__(self) -> None:
        layers = {at: SimpleNamespace(name=f"L{at}") for at in range(3)}
        self.shape = SimpleNamespace(by_index=layers)

    def raw_layer(self, at: int) -> bytes:
        return bytes([at])


def test_who_read_other_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """By this machine's files, which are read only where two differ."""
    monkeypatch.setattr(agreement, "layer_digest", lambda raw: raw)
    weights: Any = Weights()

    def objection(taken: dict[int, bytes], *found: tuple[str, dict[int, bytes]]) -> str:
        known, said = agreement.Agreement(weights, taken), ""
        for worker, digests in found:
            said = known.objection(digests, worker)
            taken |= {} if said else digests
        return said

    good, bad = {0: b"\0", 1: b"\1"}, {1: b"x"}
    assert objection({}, ("a", good), ("b", good)) == ""
    assert objection({}, ("a", good), ("b", bad)) == (
        "it read other weights of layer L1 than this machine; give all the same files"
    )
    late = [("a", good), ("a", good), ("b", {2: b"x"})]
    assert objection({}, *late).startswith("it read other weights of layer L2 than this machine")
    assert objection({}, *late[1:]) == "", "it may be the first to read this layer"
    again = [("a", good), ("b", bad), ("b", {2: b"x"})]
    assert objection({}, *again).startswith("it read other weights of layer L2"), "b came back"
    with pytest.raises(EarlierWrong, match=r"a worker before 'b' read other weights of layer L1$"):
        objection({}, ("a", bad), ("b", good))
    with pytest.raises(EarlierWrong, match=r"the worker 'b' read other weights of layer L2$"):
        objection({}, ("a", good), ("b", {2: b"x"}), ("b", bad))
    with pytest.raises(EarlierWrong, match=r"layer L2$"):
        objection({2: b"x"}, ("a", good), ("b", bad))  # of an interrupted compute
    with pytest.raises(AllDiffer, match=r"'b' read other .* this machine has yet others"):
        objection({}, ("a", {1: b"y"}), ("b", bad))

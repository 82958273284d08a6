"""On a Dask cluster of two processes, a table is that of one machine."""

import pickle
import platform
import random
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from headgraph.base.names import NULLS
from headgraph.pk_engine import AffinityTable, Selection, compute
from headgraph.pk_engine.metrics.layer_order import Group
from headgraph.pk_engine.models.weights import ModelWeights
from headgraph.pk_engine.nulls import add_nulls
from headgraph.pk_engine.nulls import groups as null_groups
from headgraph.pk_engine.scoring.cluster import tasks as cluster_tasks
from headgraph.pk_engine.scoring.cluster.client import parts_on
from headgraph.pk_engine.scoring.cluster.sharing import Sharing
from headgraph.pk_engine.scoring.cluster.worker import admit, keep_memory
from headgraph.pk_engine.scoring.group import score_group
from headgraph.pk_engine.scoring.job import Job
from tests.pk_engine.checkpoints import LLAMA_CONFIG, llama_tensors, save
from tests.pk_engine.conftest import point_at
from tests.pk_engine.hub_server import SECRET, HubServer, Repo, folder_files
from tests.pk_engine.scoring.cluster.jobs import HOW, at_group, pages, said_by
from tests.pk_engine.scoring.test_streaming import RULES
from tests.pk_engine.unequal_checkpoints import CONFIGS, checkpoint


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


def test_every_metric_and_null_model(
    client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = save(tmp_path / "model", llama_tensors(), LLAMA_CONFIG)
    every = "pk,cs,simple_cs,cka,cka_columns,procrustes,procrustes_columns,max_cosine"
    rule = Selection(fdr=1, null=",".join(NULLS))
    how = HOW | {"metrics": every, "pairings": "OQ", "selection": rule, "samples": 3}
    here = compute(folder, **how)
    monkeypatch.delattr(null_groups, "_here")  # what this process would do
    assert compute(folder, client=client, **how).sha256 == here.sha256
    # layers that the workers read otherwise since the scores were taken
    table = compute(folder, pairings="OQ", selection=Selection())
    other = AffinityTable(table.frame, replace(table.meta, fingerprint="0" * 64))
    said = said_by(lambda: add_nulls(other, ModelWeights(folder), ["within"], client=client))
    assert said.startswith("the workers read other weights for a null model than for the scores: ")


def test_a_model_that_changes_between_two_jobs_is_read_again(client: Any, tmp_path: Path) -> None:
    """Jobs of one group, so that one of the two workers has an earlier model in memory."""
    how = HOW | {"memory": 1}
    for seed in range(3):
        model = save(tmp_path / "model", llama_tensors(seed), LLAMA_CONFIG)
        assert compute(model, client=client, **how).sha256 == compute(model, **how).sha256


def test_a_hub_id_is_fetched_on_the_workers(
    client: Any, hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commit that this machine has, though its branch moves before the workers ask."""
    point_at(hub.url, tmp_path, monkeypatch)
    hub.requests.clear()
    folders = [save(tmp_path / name, llama_tensors(seed), LLAMA_CONFIG)
               for seed, name in enumerate("ab")]  # fmt: skip
    repo = hub.repos["team/model"] = Repo()
    first = repo.commit(folder_files(folders[0]), "main")
    moved = at_group(0, lambda: repo.commit(folder_files(folders[1]), "main"))
    how = HOW | {"selection": Selection()}
    table = compute("team/model", client=client, progress=moved, **how)
    assert (table.meta.revision, repo.refs["main"] != first) == (first, True)
    assert table.sha256 == compute("team/model", revision=first, **how).sha256
    assert hub.files_sent.count("model.safetensors") == 2, "one for each cache"


def test_a_worker_that_may_not_fetch_the_model_is_refused(
    client: Any, hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    point_at(hub.url, tmp_path, monkeypatch)
    monkeypatch.setenv("HF_TOKEN", SECRET)
    hub.repos["team/gated"] = repo = Repo(readers={SECRET})
    repo.commit(folder_files(save(tmp_path / "m", llama_tensors(), LLAMA_CONFIG)), "main")
    said = said_by(lambda: compute("team/gated", client=client, **HOW))
    assert re.match(r"the worker tcp://\S+ is refused: team/gated is gated: .* set HF_TOKEN", said)


def test_results_merge_in_any_order_and_a_spec_comes_back_from_pickle(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = compute(model, selection=Selection(min_z=0.5), **HOW)

    def shuffled(self: Job, groups: Any, *_: Any) -> Iterator[Any]:
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


@pytest.mark.parametrize(("workers", "shared"), [(1, 0), (2, 1), (3, 0)])
def test_workers_keep_their_targets(workers: int, shared: int) -> None:
    """Three runs of four groups: two workers of one speed share only the last."""
    groups = [Group(range(s, s + 2), range(t, t + 3)) for t in (0, 3, 6) for s in (0, 2, 4, 6)]
    sharing = Sharing({n: group.targets for n, group in enumerate(groups)})
    taken: dict[int, list[int]] = {worker: [] for worker in range(workers)}
    while len(sharing):
        for worker in range(min(workers, len(sharing))):
            number = sharing.take(str(worker), [str(it) for it in range(workers)])
            assert number is not None
            taken[worker].append(number)
    assert sorted(number for numbers in taken.values() for number in numbers) == list(range(12))
    runs = [[it for it, _ in groupby(groups[n].targets for n in ns)] for ns in taken.values()]
    assert sum(map(len, runs)) == 3 + shared


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
def test_a_worker_keeps_freed_memory_as_this_process_does(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dask's setting gives each array to the system, which then clears all its pages anew."""
    for it in client.nthreads():
        client.submit(admit, "a quantity", int, workers=[it], pure=False).result()
    # on the threads of tasks: the first has memory of its own, which may have room for the array
    tasks = [client.submit(pages, workers=[it], pure=False) for it in client.nthreads()]
    assert max(task.result() for task in tasks) < 100 * 256 / 10
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "65536")
    monkeypatch.setenv("MALLOC_MMAP_THRESHOLD_", "131072")
    assert not keep_memory(), "a user chose them"


def test_a_model_in_memory_cannot_travel(client: Any, model: Path) -> None:
    class InMemory:
        name = "bridge"

    spec: Any = type("Spec", (), {"weights": InMemory()})
    said = said_by(lambda: list(parts_on(client, spec, {}, score_group, None, lambda *_: "")))
    assert said.startswith("bridge is read through TransformerLens, in this process: expected")

"""`plan` for other machines: measured there, or known by two rates; more memory, more workers."""

import json
import re
from pathlib import Path
from typing import Any

import click
import pytest

from headgraph.base.errors import HeadgraphError
from headgraph.pk_engine.linalg.backends import Backend
from headgraph.pk_engine.models.weights import ModelWeights
from headgraph.pk_engine.planning._plan import Plan, plan
from headgraph.pk_engine.planning.choices import on_workers
from headgraph.pk_engine.planning.command import plan as plan_command
from headgraph.pk_engine.planning.costs import Amounts, calls, total, total_amounts
from headgraph.pk_engine.planning.machine import Machine
from headgraph.pk_engine.scoring._compute import spec_of
from tests.commands import headgraph
from tests.pk_engine.planning.test_planning import GPT2_CONFIG, LLAMA_7B, folder
from tests.test_cli import ROOT

PAGE = (ROOT / "docs/project/performance.md").read_text("utf-8")


def by_hand(model: Path | str, **options: Any) -> Plan:
    return plan(model, **{"gflops": 80.0, **options})


@pytest.fixture
def llama(tmp_path: Path) -> Path:
    return folder(tmp_path / "llama", LLAMA_7B)


def measured() -> list[tuple[int, int, float, float]]:
    """(layers, key/value heads, seconds, seconds planned then) of the models on the page."""
    table = PAGE.partition("<!-- large models -->")[2].partition("<!-- end")[0]
    rows = re.findall(r"^\| (\d+) \| (\d+) \|(.*)\|$", table, re.MULTILINE)
    cells = [(int(n), int(kv), rest.split("|")) for n, kv, rest in rows]
    assert cells, "the page has no table of large models"
    return [(n, kv, float(rest[3]), float(rest[5])) for n, kv, rest in cells]


@pytest.mark.parametrize(("layers", "kv", "took", "planned"), measured())
def test_two_rates_are_enough_for_what_was_measured(
    tmp_path: Path, layers: int, kv: int, took: float, planned: float
) -> None:
    runs = PAGE.partition("<!-- runs -->")[2].partition("<!-- end")[0]
    rate = float(runs.strip().splitlines()[-1].split("|")[3])  # of square products, that day
    model = folder(tmp_path, LLAMA_7B | {"num_hidden_layers": layers, "num_key_value_heads": kv})
    found = by_hand(model, gflops=rate, decoys=False)  # there were none yet
    for expected in (sum(found.seconds.values()), planned):
        assert took / 1.5 < expected < 1.5 * took


def test_a_machine_that_was_measured_comes_back_from_its_file(tmp_path: Path) -> None:
    here = plan("induction-2l", metrics=["pk", "max_cosine"], backend="numpy")
    assert here.machine is not None
    file = here.machine.write(tmp_path / "here.json")
    assert Machine.read(file) == here.machine
    there = plan("induction-2l", metrics=["pk", "max_cosine"], machine=file)
    assert there.seconds == here.seconds
    assert there.backend == "numpy"
    assert set(there.seconds) == {"reading and factoring", "products", "singular values"}
    other = plan("induction-2l", machine=Machine(Backend(), {"reading": 1e6, "products": 1e9}))
    assert sum(other.seconds.values()) > 0, "a rate that was not measured comes from another"


def test_a_cuda_device_need_not_be_here(llama: Path) -> None:
    found = plan(llama, device="cuda:7")
    assert (found.backend, found.groups, found.seconds) == ("torch on cuda:7", 1, {})
    fast = by_hand(llama, gflops=5000.0, device="cuda", memory_bandwidth=2000.0)
    assert fast.backend == "torch on cuda"
    assert 0 < sum(fast.seconds.values()) < sum(by_hand(llama).seconds.values()) / 50
    assert plan(llama, device="cuda", memory=4, calibrate=False).groups > 1


def test_the_work_is_that_of_the_plan_and_is_shared_by_workers() -> None:
    weights = ModelWeights("induction-2l")
    spec = spec_of(weights, ("OQ", "OV"), ("pk", "max_cosine"), None, "all", "numpy", None,
                   "float32", 1e-9)  # fmt: skip
    work = total_amounts(spec)
    assert work[:3] == total(calls(spec, "kernel", "columns"))
    width = weights.shape.d_head
    assert work.singular == width**3 * sum(call.compared for call in calls(spec, "singular"))
    # groups of one layer with one: targets are read once for two sources, all four roles each time
    values = 8 * weights.shape.d_model * width
    targets, sources = 2 * (4 + 2) * values, 4 * (4 + 1) * values
    equal = [group for group in spec.groups() if group.sources == group.targets]
    assert len(spec.groups()) == 4
    assert work.reading <= targets + sources + len(equal) * 6 * values
    machine = Machine.by_hand(Backend(), 80.0, None, width)
    alone = sum(machine.seconds(work).values())
    assert on_workers(spec, machine, 1) == pytest.approx(alone)
    assert alone / 4 <= on_workers(spec, machine, 4) < alone
    # a worker without a group is not counted
    assert on_workers(spec, machine, 10**15) == on_workers(spec, machine, 4)


def test_more_memory_and_more_workers_are_shown(llama: Path) -> None:
    found = by_hand(llama)
    assert found.best is not None
    assert found.best.memory > 2
    rows = found.frame().set_index("quantity")["value"]
    assert rows["best memory"] == found.best.memory
    times = [rows[f"time with {n} workers"] for n in (2, 4, 8)]
    assert times == sorted(times, reverse=True)
    assert rows["expected time"] / 2 <= times[0] < rows["expected time"] / 1.8
    assert rows["time with 8 GB"] < rows["expected time"]
    two = by_hand(llama, workers=2)
    assert sum(two.seconds.values()) == pytest.approx(times[0], rel=1e-3)
    assert "time with 2 workers" not in set(two.frame()["quantity"])
    # what does not fit the machine is not proposed
    assert found.machine is not None
    small = plan(llama, machine=Machine(Backend(), found.machine.rates, memory=6_000_000_000))
    assert small.best is not None
    assert small.best.peak_memory < 0.8 * 6e9


@pytest.mark.parametrize(("null", "shared"), [("backward", 2), ("rotations", 2), ("covariance", 1)])
def test_workers_share_the_null_models_of_groups(llama: Path, null: str, shared: int) -> None:
    one, two = (by_hand(llama, null=null, workers=n).seconds["null models"] for n in (1, 2))
    assert one / two == pytest.approx(shared)


@pytest.mark.parametrize(
    ("nulls", "samples", "other", "more"),
    [
        ("backward", None, "backward,within", 2.0),
        ("rotations", 10, "rotations", 2.0),
        ("covariance", 400, "covariance", 2.0),
        ("isotropic", None, "backward", float("inf")),
    ],
)
def test_null_models_are_in_it(
    tmp_path: Path, nulls: str, samples: int | None, other: str, more: float
) -> None:
    model = folder(tmp_path, GPT2_CONFIG)
    one = by_hand(model, null=nulls, samples=samples).seconds.get("null models", 0.0)
    two = by_hand(model, null=other, samples=samples and 2 * samples).seconds["null models"]
    assert one < two <= 1.01 * max(more, 4 * (nulls == "covariance")) * max(one, 1e-9)
    if nulls == "backward":  # all pairs of layers, against those forward and backward
        assert 0.9 < one / sum(by_hand(model).seconds.values()) < 1.3


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"gflops": -1.0}, "gflops=-1: expected a number above 0"),
        ({"gflops": float("nan")}, "gflops=nan: expected a number above 0"),
        ({"gflops": 1.0, "memory_bandwidth": 0.0}, "memory_bandwidth=0: expected a number above 0"),
        ({"memory_bandwidth": 1.0}, "memory_bandwidth without gflops: give both"),
        ({"gflops": 1.0, "workers": 0}, "workers=0: expected a whole number of at least 1"),
        ({"gflops": 1.0, "machine": "m"}, "machine with gflops or memory_bandwidth: expected one"),
        ({"machine": "none.json"}, "none.json"),
        ({"null": "nope"}, "null='nope': expected some of isotropic"),
        ({"null": "backward", "layer_order": "all"}, "layer_order='all' with a null"),
        ({"device": "cuda", "backend": "numpy"}, "NumPy has no device 'cuda'"),
        ({"device": "tpu"}, "no device 'tpu'"),
        ({"device": 3}, "unknown device 3: expected a text"),
        ({"device": "cuda", "backend": "numpy", "gflops": 1.0}, "NumPy has no device 'cuda'"),
        ({"device": "tpu", "gflops": 1.0}, "no device 'tpu'"),
        ({"machine": "m", "dtype": "float64"}, "machine with backend, device or dtype: the"),
    ],
)
def test_what_cannot_be_planned(options: dict[str, Any], said: str) -> None:
    if options.get("device") == "tpu":
        pytest.importorskip("torch")
    with pytest.raises(HeadgraphError) as error:
        plan("induction-2l", calibrate=False, **options)
    assert said in str(error.value)
    assert len(str(error.value)) < 300


def test_a_file_of_something_else(tmp_path: Path) -> None:
    good = json.loads(
        Machine(Backend(), {"reading": 1.0, "products": 2.0}).write(tmp_path / "m").read_text()
    )
    for bad, said in (
        ([], "holds a list"),
        ({"headgraph machine": 2}, "describes no machine"),
        (good | {"rates": {"reading": 1}}, "says rates = "),
        (good | {"rates": {"reading": 1, "singular": 1}}, "says rates = "),
        (good | {"backend": good["backend"] | {"device": "rocm"}}, "says backend = "),
        (good | {"backend": good["backend"] | {"device": "cuda"}}, "says backend = "),
        (good | {"rates": {"reading": 1, "products": -1}}, "says rates = "),
        (good | {"rates": {"reading": 1, "products": 10**400}}, "says rates = "),
        (good | {"threads": 10**400}, "says threads = "),
        (good | {"memory": 10**400}, "says memory = "),
        (good | {"room": 10**400}, "says room = "),
        (good | {"threads": 0}, "says threads = 0"),
        (good | {"memory": "much"}, "says memory = 'much'"),
        (good | {"more": 1}, "is damaged"),
        (good | {"backend": {"name": "x"}}, "says backend = "),
    ):
        file = tmp_path / "bad.json"
        file.write_text(json.dumps(bad))
        with pytest.raises(HeadgraphError, match=said):
            Machine.read(file)


def test_the_command(tmp_path: Path) -> None:
    file = str(tmp_path / "here.json")
    done = headgraph("plan", "induction-2l", "--backend", "numpy", "--calibrate", file)
    assert done.returncode == 0, done.stderr
    assert headgraph("plan", "induction-2l", "--calibrate", file).returncode == 1
    again = headgraph("plan", "induction-2l", "--machine", file, "--workers", "2", "--format",
                      "json")  # fmt: skip
    rows = {row["quantity"]: row["value"] for row in json.loads(again.stdout)}
    assert rows["expected time"] > 0
    assert rows["backend"] == "numpy"
    wrong = headgraph("plan", "induction-2l", "--machine", file, "--gflops", "1")
    assert wrong.returncode == 2


@pytest.mark.parametrize(
    "line",
    [
        "--machine m --device cuda",
        "--machine m --backend torch",
        "--machine m --dtype float64",
        "--no-time --calibrate m",
        "--no-time --machine m",
        "--no-time --gflops 1",
        "--no-time --workers 2",
        "--no-time --null backward",
        "--force",
    ],
)
def test_options_that_exclude_each_other(line: str) -> None:
    with pytest.raises(click.UsageError, match=r"exclude each other|without --calibrate"):
        plan_command.main(["induction-2l", *line.split()], standalone_mode=False)


def test_amounts_are_added() -> None:
    assert Amounts().plus(Amounts(1, 2, 3, 4, 5)) == Amounts(1, 2, 3, 4, 5)

"""`headgraph plan`: its counts against known numbers, its memory against a process that runs."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headgraph import pk_engine
from headgraph.pk_engine.errors import EngineError, ModelError, UnknownFamily
from headgraph.pk_engine.linalg.backends import Backend
from headgraph.pk_engine.metrics import singular_values
from headgraph.pk_engine.planning import costs
from headgraph.pk_engine.planning._plan import Plan, plan
from headgraph.pk_engine.planning.calibration import Calibration
from headgraph.pk_engine.scoring._compute import compute
from headgraph.pk_engine.table.selection import Selection
from tests.commands import headgraph
from tests.pk_engine.checkpoints import LLAMA_CONFIG, llama_tensors, save
from tests.sentences import refused
from tests.shared import GPT2, needs_shared

GPT2_CONFIG = {"model_type": "gpt2", "n_layer": 12, "n_head": 12, "n_embd": 768}
LLAMA_7B = {
    "model_type": "llama",
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 32,
    "hidden_size": 4096,
    "dtype": "bfloat16",
}


def folder(at: Path, config: dict[str, Any]) -> Path:
    """A folder with config.json alone."""
    at.mkdir(exist_ok=True)
    (at / "config.json").write_text(json.dumps(config))
    return at


def counted(model: Path | str, **options: Any) -> Plan:
    return plan(model, calibrate=False, **options)


def test_gpt2_from_its_configuration_alone(tmp_path: Path) -> None:
    found = counted(folder(tmp_path, GPT2_CONFIG), decoys=False)
    assert found.pairs == {"OQ": 9504, "OK": 9504, "OV": 9504}
    assert found.bytes_read == 12 * 4 * 768 * 768 * 4
    assert found.factors == 12 * 48 * 768 * 64 * 4
    # d^2 m for the O of all layers but the last, and the Q, K, V of all but the first; d^2 a pair
    assert found.operations.forming == 11 * 48 * 768**2 * 64
    assert found.operations.products == 768**2 * 28512
    assert found.operations.blocks == 0
    assert found.seconds == {}
    assert found.backend == ("torch" if "torch" in sys.modules else "numpy")


def test_decoys_double_the_products(tmp_path: Path) -> None:
    model = folder(tmp_path, GPT2_CONFIG)
    found, without = counted(model), counted(model, decoys=False)
    assert found.pairs == without.pairs
    assert found.operations.products == 2 * without.operations.products
    # what the last layer writes and what the first reads are formed too
    assert found.operations.forming == 12 * 48 * 768**2 * 64


def test_a_path_to_config_json_is_enough(tmp_path: Path) -> None:
    path = folder(tmp_path / "tiny", GPT2_CONFIG) / "config.json"
    assert counted(path) == counted(str(path)) == counted(path.parent)
    assert counted(path).model == "tiny"


@needs_shared
def test_the_estimates_hold_for_the_real_weights() -> None:
    assert counted(GPT2).bytes_read == pytest.approx(
        (GPT2 / "model.safetensors").stat().st_size, rel=0.05
    )


@pytest.mark.parametrize("kv", [None, "native", "expand"])
@pytest.mark.parametrize("layer_order", ["forward", "all", "within"])
def test_pairs_are_those_that_compute_scores(
    tmp_path: Path, kv: str | None, layer_order: str
) -> None:
    model = save(tmp_path, llama_tensors(), LLAMA_CONFIG)
    options: dict[str, Any] = {"pairings": "all", "kv": kv, "layer_order": layer_order}
    assert counted(model, **options).pairs == dict(compute(model, **options).meta.scored)


def test_composition_scores_of_a_grouped_model_count_query_heads(tmp_path: Path) -> None:
    model = folder(tmp_path, LLAMA_CONFIG)
    assert counted(model).pairs == {"OQ": 16, "OK": 8, "OV": 8}
    assert counted(model, metrics=["pk", "cs"]).pairs == {"OQ": 16, "OK": 16, "OV": 16}
    assert counted(model, metrics=["cs"]).factors > counted(model).factors


def test_a_large_model_is_taken_in_groups(tmp_path: Path) -> None:
    model = folder(tmp_path, LLAMA_7B)
    whole, by_default = counted(model, memory=100), counted(model)
    assert by_default.pairs == whole.pairs == dict.fromkeys(("OQ", "OK", "OV"), 507_904)
    assert whole.groups == 1
    assert whole.bytes_read == 32 * 4 * 4096**2 * 2  # bfloat16, once
    assert by_default.groups > 1
    assert by_default.bytes_read > whole.bytes_read
    assert by_default.operations.forming > whole.operations.forming
    assert by_default.factors <= 2e9 < by_default.peak_memory < 4e9 < whole.peak_memory


def test_singular_values_are_counted_apart(tmp_path: Path) -> None:
    model = folder(tmp_path, GPT2_CONFIG)
    found = counted(model, metrics=["max_cosine"])
    assert found.operations == counted(model).operations  # PK's own
    assert found.decompositions == 28_512


@pytest.mark.parametrize("memory", [1.0, 1e-9])
@pytest.mark.parametrize("order", ["forward", "within", "all"])
@pytest.mark.parametrize("kv", ["native", "expand"])
def test_the_estimated_decompositions_are_those_that_are_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, order: str, memory: float, kv: str
) -> None:
    made: list[int] = []
    linalg = singular_values.namespace(np.empty(0)).linalg
    whole = linalg.svdvals

    def svdvals(products: Any) -> Any:
        made.append(len(products))
        return whole(products)

    model = save(tmp_path, llama_tensors(), LLAMA_CONFIG)
    options: dict[str, Any] = {
        "pairings": "OQ,OK,KK,QQ", "metrics": "procrustes,max_cosine", "layer_order": order,
        "memory": memory, "kv": kv, "backend": "numpy",
    }  # fmt: skip
    said = plan(model, calibrate=False, **options)
    monkeypatch.setattr(linalg, "svdvals", svdvals)
    compute(model, **options)
    assert said.decompositions == sum(made)
    rows = said.frame().set_index("quantity")["value"]
    assert rows["singular value decompositions"] == sum(made)
    # O with Q, O with K, K with K, Q with Q, of 4 query and 2 key/value heads, for both metrics
    layers = {"forward": 1, "within": 2, "all": 4}[order]
    assert sum(made) == 2 * layers * (16 + 8 + 4 + 16)


@pytest.mark.parametrize("memory", [float("nan"), 0.0, -1.0])
def test_memory_is_an_amount(memory: float) -> None:
    with pytest.raises(EngineError, match=r"^memory=\S+: expected gigabytes above 0, such as 2$"):
        counted("induction-2l", memory=memory)
    with pytest.raises(EngineError, match=r"^memory=\S+: expected gigabytes above 0"):
        compute("induction-2l", memory=memory)


def test_few_heads_are_compared_by_their_own_products(tmp_path: Path) -> None:
    model = folder(tmp_path, {"model_type": "gpt2", "n_layer": 2, "n_head": 2, "n_embd": 128})
    pairs = 2 * 6  # the first layer's heads with the second layer's targets
    operations = 2 * 128 * 64**2 * pairs
    assert counted(model, decoys=False).operations == costs.Operations(blocks=operations)
    assert counted(model).operations == costs.Operations(blocks=2 * operations)


def test_the_time_grows_with_the_layers(tmp_path: Path) -> None:
    small = {"model_type": "gpt2", "n_layer": 2, "n_head": 4, "n_embd": 64}
    two = plan(folder(tmp_path / "2", small), metrics=["pk", "max_cosine"])
    many = plan(folder(tmp_path / "60", small | {"n_layer": 60}), metrics=["pk", "max_cosine"])
    assert two.seconds.keys() == {"reading and factoring", "products", "singular values"}
    for what, took in two.seconds.items():
        assert 0 < took < many.seconds[what], what


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_every_backend_is_measured(tmp_path: Path, backend: str) -> None:
    pytest.importorskip(backend)
    model = folder(tmp_path, LLAMA_CONFIG | {"dtype": "bfloat16"})
    found = plan(model, metrics=["cs", "cka_columns"], backend=backend, dtype="float64")
    assert found.backend == backend
    assert all(took > 0 for took in found.seconds.values())


def test_errors_of_plan(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"holds no model: expected a config\.json"):
        plan(tmp_path)
    with pytest.raises(ModelError, match=r"lacks n_embd.*gives d_model"):
        plan(folder(tmp_path, {"model_type": "gpt2", "n_layer": 1, "n_head": 1}))
    with pytest.raises(UnknownFamily, match="'mystery'"):
        plan(folder(tmp_path, {"model_type": "mystery"}))
    model = folder(tmp_path, GPT2_CONFIG)
    with pytest.raises(EngineError, match="unknown kv 'both'"):
        plan(model, kv="both")
    with pytest.raises(EngineError, match="unknown layer order"):
        plan(model, layer_order="backward")
    with pytest.raises(EngineError, match="unknown metric"):
        plan(model, metrics=["speed"])
    with pytest.raises(ModelError, match="which has no revision 'main'"):
        plan(model, revision="main")


@pytest.mark.parametrize("model", [5, None, object()])
def test_only_a_name_or_a_path_is_planned(model: Any) -> None:
    with pytest.raises(ModelError, match=r"^an? \w+ cannot be planned: expected a bundled name"):
        plan(model)


def test_the_computing_device_is_synchronized(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    waited: list[str] = []
    monkeypatch.setattr(torch.cuda, "synchronize", waited.append)
    Calibration(Backend("torch", "cuda:1"))._wait()
    Calibration(Backend("torch", "cpu"))._wait()
    assert waited == ["cuda:1"]


def test_rows_and_command(tmp_path: Path) -> None:
    model = folder(tmp_path, GPT2_CONFIG)
    done = headgraph("plan", str(model / "config.json"), "--no-time", "--format", "json")
    assert done.returncode == 0, done.stderr
    rows = {row["quantity"]: row for row in json.loads(done.stdout)}
    assert rows["pairs"] == {"quantity": "pairs", "value": 28512, "unit": ""}
    assert rows["weights read"] == {"quantity": "weights read", "value": 113.2, "unit": "MB"}
    assert "expected time" not in rows
    timed = headgraph("plan", "induction-2l")
    assert "expected time" in timed.stdout
    assert headgraph("plan", str(tmp_path / "none")).returncode == 1
    assert headgraph("plan", str(model), "--layer-order", "up").returncode == 1


def test_the_same_in_python() -> None:
    import headgraph as face

    found = face.plan("induction-2l", calibrate=False)
    assert isinstance(found, pk_engine.Plan)
    table = compute("induction-2l", selection=Selection())
    assert found.pairs == dict(table.meta.scored)
    assert found.frame().columns.tolist() == ["quantity", "value", "unit"]


@pytest.mark.skipif(sys.platform != "linux", reason="peaks are counted in other units elsewhere")
@pytest.mark.parametrize(("memory", "decoys"), [(2.0, True), (0.05, False)])
def test_peak_memory_is_that_of_a_process(
    eight_layers: Path, tmp_path: Path, memory: float, decoys: bool
) -> None:
    wanted = counted(eight_layers, backend="numpy", memory=memory, decoys=decoys).peak_memory
    options = ["--backend", "numpy", "--memory", str(memory), *["--no-decoys"] * (not decoys)]
    peak = peak_of("compute", str(eight_layers), "-o", str(tmp_path / "t.parquet"), *options)
    assert 0.7 * peak < wanted < 1.3 * peak


@needs_shared
@pytest.mark.skipif(sys.platform != "linux", reason="peaks are counted in other units elsewhere")
def test_peak_memory_of_gpt2(tmp_path: Path) -> None:
    """With a second metric; that of PK alone is above."""
    wanted = counted(GPT2, backend="numpy", metrics=["pk", "cs"], decoys=False).peak_memory
    options = ["--backend", "numpy", "--metrics", "pk,cs", "--no-decoys"]
    peak = peak_of("compute", str(GPT2), "-o", str(tmp_path / "t.parquet"), *options)
    assert 0.7 * peak < wanted < 1.3 * peak


@pytest.fixture(scope="module")
def eight_layers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Llama of 8 layers of 16 heads of 64: 134 MB of weights, as much of bases."""
    config = LLAMA_CONFIG | {
        "num_hidden_layers": 8,
        "num_attention_heads": 16,
        "num_key_value_heads": 16,
        "hidden_size": 1024,
        "head_dim": 64,
    }
    rng = np.random.default_rng(0)
    tensors = {
        f"model.layers.{layer}.self_attn.{role}_proj.weight": rng.standard_normal(
            (1024, 1024), np.float32
        )
        for layer in range(8)
        for role in "qkvo"
    }
    return save(tmp_path_factory.mktemp("eight-layers"), tensors, config)


def peak_of(*args: str) -> int:
    """Most bytes that a command ever had in memory."""
    # asked of a small process that waits for it: this one is large, and a child inherits its peak
    code = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, "
        "stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL); "
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    command = [sys.executable, "-S", "-c", code, sys.executable, "-m", "headgraph", *args]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(done.stdout) * 1024


def test_samples_without_a_null_name_an_option_that_plan_has() -> None:
    said = refused(lambda: plan("induction-2l", samples=5))
    assert said == (
        "samples=5 without null: only a null model draws samples. Leave it out, or give a null, "
        "such as null='covariance'"
    )

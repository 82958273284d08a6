"""The bundled model has the heads that its training.json says, and the recipe makes it again."""

import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from headgraph.base.names import parse_head
from headgraph.pk_engine.bundled import model_path
from tests.commands import STRICT
from tests.pk_engine import oracle

torch = pytest.importorskip("torch", reason="the bundled model is run with torch")
transformers = pytest.importorskip("transformers", reason="and with transformers")

FOLDER = model_path("induction-2l")
EXAMPLES = Path(__file__).parents[3] / "examples"


@pytest.fixture(scope="module")
def said() -> dict[str, Any]:
    return json.loads((FOLDER / "training.json").read_text())


@pytest.fixture(scope="module")
def examples() -> Iterator[tuple[ModuleType, ModuleType]]:
    sys.path.insert(0, str(EXAMPLES))
    import induction_model
    import induction_task

    yield induction_model, induction_task
    sys.path.remove(str(EXAMPLES))


@pytest.fixture(scope="module")
def gpt2() -> Any:
    return load(FOLDER)


def load(folder: Path) -> Any:
    model, found = transformers.GPT2LMHeadModel.from_pretrained(
        folder, attn_implementation="eager", output_loading_info=True
    )
    assert not any(found.values())  # nothing missing, so nothing was made up; nothing left over
    return model.eval()


def repetitions(period: int, sequences: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    x = np.array([rng.permutation(96)[:period] for _ in range(sequences)])
    return np.concatenate([x, x], axis=1)


def patterns_of(model: Any, tokens: np.ndarray) -> np.ndarray:
    """Layer x sequence x head x query x key."""
    with torch.no_grad():
        out = model(torch.from_numpy(tokens), output_attentions=True)
    return np.stack([layer.numpy() for layer in out.attentions])


def scores_of(patterns: np.ndarray, tokens: np.ndarray) -> dict[str, np.ndarray]:
    """By what the tokens are, not by offsets: where did this symbol stand before, what followed?"""
    length = tokens.shape[1]
    found: dict[str, list[np.ndarray]] = {}
    for n, row in enumerate(tokens):
        for query in range(1, length):
            keys = {"previous_token": query - 1}
            before = [key for key in range(query) if row[key] == row[query]]
            if before:
                keys |= {"duplicate_token": before[0], "induction": before[0] + 1}
            for name, key in keys.items():
                found.setdefault(name, []).append(patterns[:, n, :, query, key])
    return {name: np.mean(values, axis=0) for name, values in found.items()}


def test_the_folder_is_small_and_is_what_training_json_is_about(said: dict[str, Any]) -> None:
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 2_000_000
    stored = (FOLDER / "model.safetensors").read_bytes()
    assert hashlib.sha256(stored).hexdigest() == said["sha256"]


def test_transformers_computes_what_was_trained(
    gpt2: Any, examples: tuple[ModuleType, ModuleType]
) -> None:
    model = examples[0].AttentionOnly(examples[0].Shape())
    state = gpt2.state_dict()
    model.load_state_dict({name: state[name] for name in model.state_dict()})
    tokens = torch.from_numpy(np.random.default_rng(0).integers(96, size=(8, 64)))
    with torch.no_grad():
        trained, _ = model(tokens)
        run = gpt2(tokens).logits
    torch.testing.assert_close(run, trained, rtol=0, atol=1e-5)
    assert all(not p.any() for name, p in gpt2.named_parameters() if ".mlp." in name)


def test_scores_are_those_of_training_json(
    gpt2: Any, said: dict[str, Any], examples: tuple[ModuleType, ModuleType]
) -> None:
    tokens = examples[1].repeated(examples[1].Task()).numpy()
    for name, scores in scores_of(patterns_of(gpt2, tokens), tokens).items():
        np.testing.assert_allclose(scores, said["scores"][name], atol=1e-4)


@pytest.mark.parametrize("period", [10, 16, 25])
def test_its_heads_are_clear_on_other_sequences_too(gpt2: Any, period: int) -> None:
    tokens = repetitions(period, sequences=16, seed=period)
    scores = scores_of(patterns_of(gpt2, tokens), tokens)
    assert scores["previous_token"][0].max() > 0.8
    assert scores["induction"][1].max() > 0.8
    # and the names mean something: neither kind is in the other's layer
    assert scores["previous_token"][1].max() < 0.5
    assert scores["induction"][0].max() < 0.5


def test_previous_token_heads_stop_where_training_had_no_first_copies(
    gpt2: Any, said: dict[str, Any]
) -> None:
    task = said["settings"]["task"]
    shortest, context = task["shortest_period"], task["context"]
    # period by period, the last place at which a first copy can stand
    ends = [
        context // (2 * period) * 2 * period - period
        for period in range(shortest, task["longest_period"] + 1)
    ]
    first_without = max(ends)
    assert first_without == 50  # the folder's README says so
    tokens = repetitions(32, sequences=16, seed=0)
    head = int(np.argmax(said["scores"]["previous_token"][0]))
    mean = patterns_of(gpt2, tokens)[0, :, head].mean(axis=0)
    attention = np.diagonal(mean, offset=-1)  # entry i: from position i + 1 to i
    assert attention[: first_without - 1].min() > 0.8
    assert attention[first_without - 1 :].max() < 0.2


def test_transformer_lens_detects_the_same_heads(said: dict[str, Any]) -> None:
    bridge = pytest.importorskip("transformer_lens.model_bridge").TransformerBridge
    from transformer_lens.head_detector import detect_head

    model = bridge.boot_transformers(FOLDER)
    model.cfg.default_prepend_bos = False  # the model has no such symbol
    text = [
        " ".join(f"s{token:02}" for token in row) for row in repetitions(20, sequences=4, seed=1)
    ]
    for name, layer in (("previous_token", 0), ("induction", 1)):
        detected = detect_head(model, text, f"{name}_head")
        least = said["settings"][f"{name}_threshold"]
        clear = [head for head, score in enumerate(said["scores"][name][layer]) if score >= least]
        assert clear
        strongest = detected.flatten().topk(len(clear)).indices.tolist()
        assert sorted(divmod(at, 8) for at in strongest) == [(layer, head) for head in clear]


def test_strongest_ok_pair_joins_a_previous_token_head_to_an_induction_head(
    said: dict[str, Any],
) -> None:
    heads = oracle.gpt2_heads(FOLDER)
    pk = oracle.all_pk(heads["O"][0], heads["K"][1])  # layer-0 sources x layer-1 targets
    source, target = np.unravel_index(pk.argmax(), pk.shape)
    told = said["strongest_ok"]
    assert (parse_head(told["source"]), parse_head(told["target"])) == ((0, source), (1, target))
    assert told["pk"] == pytest.approx(pk.max(), abs=1e-4)
    previous = np.array(said["scores"]["previous_token"][0])
    induction = np.array(said["scores"]["induction"][1])
    assert previous[source] > 0.8
    assert induction[target] > 0.8
    # and not by a hair: all such pairs come before all others, far from random subspaces
    joined = np.outer(previous > 0.8, induction > 0.8)
    assert 0 < joined.sum() < joined.size
    assert pk[joined].min() > 1.3 * pk[~joined].max()
    assert pk[joined].min() > 3 * told["random_mean"]


def test_readme_says_how_many_seeds_came_out_so(said: dict[str, Any]) -> None:
    seeds = json.loads((FOLDER / "seeds.json").read_text())
    assert seeds["fulfilled"] == sum(row["fulfils"] for row in seeds["seeds"])
    same = {row["seed"]: row["sha256"] for row in seeds["seeds"]}
    assert same[said["settings"]["seed"]] == said["sha256"]  # two runs, the same bytes
    readme = (FOLDER / "README.md").read_text()
    assert re.findall(r"(\d+) of (\d+) seeds", readme) == [
        (str(seeds["fulfilled"]), str(seeds["of"]))
    ]


def test_the_scores_know_a_perfect_head(examples: tuple[ModuleType, ModuleType]) -> None:
    period, length = 5, 10
    patterns = torch.zeros(1, 1, 3, length, length)  # one layer, one sequence, three heads
    for query in range(length):
        patterns[0, 0, 0, query, max(query - 1, 0)] = 1
        patterns[0, 0, 1, query, max(query - period + 1, 0)] = 1
        patterns[0, 0, 2, query, max(query - period, 0)] = 1
    scores = examples[1].head_scores(patterns, period)
    assert scores["previous_token"][0].tolist() == pytest.approx([1, 1 / 9, 1 / 9])
    assert scores["induction"][0].tolist() == [0, 1, 0]
    assert scores["duplicate_token"][0].tolist() == [0, 0, 1]


def test_only_what_follows_from_before_is_trained_on(
    examples: tuple[ModuleType, ModuleType],
) -> None:
    task, generator = examples[1].Task(), torch.Generator().manual_seed(0)
    for _ in range(5):
        tokens, known = examples[1].training_batch(task, 8, generator)
        assert known.any()
        for row, foreseen in zip(tokens.tolist(), known.tolist(), strict=True):
            for at, wanted in enumerate(row[1:]):
                before = row[:at]
                follows = row[at] in before and row[before.index(row[at]) + 1] == wanted
                assert follows or not foreseen[at]


@pytest.fixture
def torch_as_before() -> Iterator[None]:
    """The script sets what holds for all of a process."""
    threads, exact = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(exact)


@pytest.mark.usefixtures("torch_as_before", "examples")
def test_the_same_seed_gives_the_same_bytes_with_and_without_checkpoints(tmp_path: Path) -> None:
    """In this process, and in a new one that has drawn no random numbers before."""
    import train_induction

    one, two, steps = tmp_path / "one", tmp_path / "two", tmp_path / "steps"
    torch.rand(7)
    train_induction.main(["--steps", "3", "--out", str(one)], standalone_mode=False)
    script = [sys.executable, *STRICT, EXAMPLES / "train_induction.py", "--steps", "3"]
    more = ["--out", two, "--checkpoints", steps]
    done = subprocess.run([*script, *more], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    files = [
        "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json",
        "training.json",
    ]  # fmt: skip
    assert sorted(path.name for path in one.iterdir()) == files
    for name in files[:-1]:
        assert (one / name).read_bytes() == (two / name).read_bytes(), name
    assert sorted(path.name for path in steps.iterdir()) == [
        "step-00000", "step-00001", "step-00002", "step-00003",
    ]  # fmt: skip
    whole, half = load(one), load(steps / "step-00003")
    assert half.dtype == torch.float16
    for name, tensor in whole.state_dict().items():
        torch.testing.assert_close(half.state_dict()[name], tensor.half(), rtol=0, atol=0)
    assert json.loads((steps / "step-00002" / "training.json").read_text())["step"] == 2
    recorded = json.loads((one / "training.json").read_text())
    assert (recorded["step"], recorded["above_thresholds"]) == (3, False)

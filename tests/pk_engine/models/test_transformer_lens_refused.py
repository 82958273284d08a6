"""What is refused of folders through TransformerLens, and that no code of theirs runs."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

pytest.importorskip("transformer_lens", reason="it is the source that is tested")

import torch

from headgraph.pk_engine import compute
from headgraph.pk_engine.errors import EngineError, ModelError, WeightsError
from headgraph.pk_engine.models.lens._network import network_bridge
from headgraph.pk_engine.models.lens.boot import boot
from headgraph.pk_engine.models.lens.weights import of_bridge
from tests.commands import STRICT
from tests.pk_engine import checkpoints
from tests.pk_engine.lens_models import coder, save
from tests.pk_engine.models.test_weights import Code
from tests.sentences import refused
from tests.shared import MODELS, needs_shared

__all__ = ["coder"]


def test_a_folder_that_lacks_tensors(coder: Path, tmp_path: Path) -> None:
    tensors = load_file(coder / "model.safetensors")
    del tensors["model.layers.1.self_attn.q_proj.weight"]
    shutil.copy(coder / "config.json", tmp_path)
    save_file(tensors, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(WeightsError, match=r"lack 1 tensors .* be random: model\.layers\.1\.self"):
        boot(tmp_path)


@needs_shared
def test_attention_alone_is_not_enough() -> None:
    with pytest.raises(
        WeightsError, match=r"lack 77 tensors .* and 75 more; attention weights alone"
    ):
        boot(MODELS / "gpt2-attention")


def test_architectures_without_heads_of_their_own(tmp_path: Path) -> None:
    t5 = {"d_model": 24, "d_kv": 6, "d_ff": 12, "num_layers": 2, "num_heads": 4, "vocab_size": 32}
    with pytest.raises(ModelError, match=r"is_encoder_decoder = True.* transformer-lens does"):
        boot(save(tmp_path / "t5", "T5", **t5))
    mamba = {"num_hidden_layers": 2, "hidden_size": 24, "vocab_size": 32, "state_size": 4}
    with pytest.raises(ModelError, match="0 of the 2 layers of mamba have attention heads"):
        boot(save(tmp_path / "mamba", "Mamba", **mamba))


def refuse(folder: Path, config: dict[str, Any], coder: Path) -> str:
    """How a folder with this configuration and Starcoder's weights is refused."""
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    shutil.copy(coder / "model.safetensors", folder)
    with pytest.raises(ModelError) as error:
        boot(folder)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_no_code_of_a_checkpoint_runs(coder: Path, tmp_path: Path) -> None:
    own = {"model_type": "own", "auto_map": {"AutoConfig": "code.Config"}}
    (tmp_path / "code.py").write_text(f"open({str(tmp_path / 'it-ran')!r}, 'w')")
    assert "needs Python code that comes with it" in refuse(tmp_path, own, coder)
    assert not (tmp_path / "it-ran").exists()


def test_no_pickle_runs(coder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(coder / "config.json", tmp_path)
    torch.save({"model.embed_tokens.weight": Code()}, tmp_path / "pytorch_model.bin")
    for folding in ({}, {"fold_ln": True}):
        with pytest.raises(WeightsError, match="nothing else is ever unpickled"):
            boot(tmp_path, **folding)
    assert not (tmp_path / "it-ran").exists()


def test_an_adapter(coder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(coder, tmp_path / "adapter")
    (folder / "adapter_config.json").write_text("{}")
    with pytest.raises(ModelError, match="holds an adapter"):
        boot(folder)


@pytest.mark.parametrize("inner", [False, True])
def test_quantised_models(tmp_path: Path, inner: bool) -> None:
    setting = {"quantization_config": {"quant_method": "bitsandbytes"}}
    config = checkpoints.GPT2_CONFIG | ({"text_config": setting} if inner else setting)
    said = refused(lambda: boot(checkpoints.save(tmp_path, config=config)))
    assert "quantization_config = {'quant_method': 'bitsandbytes'}, which" in said
    assert said.endswith("a quantised model in memory has no matrices of floats")


def test_architectures_that_the_libraries_lack(coder: Path, tmp_path: Path) -> None:
    unknown = refuse(tmp_path, {"model_type": "own"}, coder)
    assert "transformers cannot use" in unknown
    assert "'own' (?)" in unknown
    named = refuse(tmp_path, {"model_type": "fuyu", "architectures": ["FuyuForCausalLM"]}, coder)
    assert "TransformerLens has no architecture 'fuyu' (FuyuForCausalLM)" in named
    config = json.loads((coder / "config.json").read_text()) | {"hidden_size": 32}
    assert "transformers cannot load the Starcoder2ForCausalLM" in refuse(tmp_path, config, coder)


def test_tensors_that_do_not_fit_are_named(tmp_path: Path) -> None:
    """The error of transformers only refers to a report above."""
    sizes = {"hidden_size": 24, "vocab_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4,
             "num_key_value_heads": 2, "intermediate_size": 12, "num_local_experts": 2}  # fmt: skip
    folder = save(tmp_path, "Mixtral", **sizes)
    whole = load_file(folder / "model.safetensors")
    q = "model.layers.0.self_attn.q_proj.weight"
    expert = "model.layers.0.block_sparse_moe.experts.0.w1.weight"
    for change, text in (
        ({q: whole[q][:3, :3]}, f": {q} has the shape (3, 3), expected (24, 24)"),
        ({q: whole[q][:3], q.replace("q_p", "k_p"): whole[q]}, " and 1 more has the shape ("),
        ({expert: whole[expert][:, :3]}, " cannot be converted (stack expects each tensor to be"),
    ):
        tensors = {name: np.ascontiguousarray(w) for name, w in (whole | change).items()}
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
        said = refused(lambda: boot(folder))
        assert said.startswith("transformers cannot load the MixtralForCausalLM in ")
        assert text in said
        assert "report" not in said


def test_objects_that_are_no_model() -> None:
    with pytest.raises(ModelError, match="a dict cannot be scored: expected a folder, a hub id"):
        of_bridge({})  # type: ignore[arg-type]
    with pytest.raises(
        EngineError, match="unknown via 'magic': expected files or transformer-lens"
    ):
        compute("induction-2l", via="magic")


def test_without_torch() -> None:
    """Files need no torch, and what needs it says how to get it."""
    code = """
import sys

class Without:  # the import system of a machine where torch is not installed
    def __init__(self, finder):
        self.finder = finder

    def __getattr__(self, name):
        return getattr(self.finder, name)

    def find_spec(self, name, path=None, target=None):
        return None if name == "torch" else self.finder.find_spec(name, path, target)

sys.meta_path[:] = [Without(finder) for finder in sys.meta_path]
import headgraph
headgraph.compute("induction-2l")
try:
    headgraph.compute("induction-2l", via="transformer-lens")
except Exception as error:
    print(type(error).__name__, error)
"""
    done = subprocess.run([sys.executable, *STRICT, "-c", code], capture_output=True, text=True)
    assert "ModelError via='transformer-lens' needs torch and TransformerLens" in done.stdout
    assert done.stdout.strip().endswith(
        "pip install 'headgraph[lens]' (in a clone: pip install -e '.[lens]')"
    ), done.stderr


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"model_type": ["gpt2"]}, "expected a text such as 'gpt2'"),
        ({"model_type": "none", "architectures": 5}, "a 'none' (?)"),
        ({"model_type": "none", "architectures": [[checkpoints.LONG]]}, "a 'none' (['long-"),
        ({"model_type": "y" * 500, "architectures": ["z" * 500]}, "transformers cannot use"),
        ({"model_type": "none", "auto_map": 5}, "and such code is never run"),
    ],
)
def test_networks_of_no_known_kind(tmp_path: Path, change: dict[str, Any], text: str) -> None:
    config = checkpoints.GPT2_CONFIG | change
    folder = checkpoints.save(tmp_path, config=config)
    assert text in refused(lambda: network_bridge(folder, "m", config, "float32"))


def test_a_network_without_its_adapter(tmp_path: Path) -> None:
    extra = {"h.0.attn.c_attn.lora_A.weight": np.zeros((2, 2), np.float32)}
    folder = checkpoints.save(tmp_path, checkpoints.gpt2_tensors() | extra)
    said = refused(lambda: network_bridge(folder, "m", checkpoints.GPT2_CONFIG, "float32"))
    assert "is an adapter's, which changes the model's own" in said

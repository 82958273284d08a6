"""Every family against TransformerLens, raw and folded; and TransformerLens's own checkpoints."""

import json
import re
import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("transformer_lens", reason="it is what is compared with")
pytest.importorskip("transformers", reason="the small models are built by transformers")

import torch
from safetensors.torch import save_file
from transformer_lens.config import TransformerBridgeConfig
from transformer_lens.model_bridge import TransformerBridge
from transformer_lens.model_bridge.sources.transformers import helpers

from headgraph.pk_engine.bundled import model_path
from headgraph.pk_engine.errors import ModelError
from headgraph.pk_engine.models.weights import ModelWeights
from tests.pk_engine import zoo, zoo_wide
from tests.pk_engine.zoo import KINDS

# TransformerLens 4.3 cannot boot these; test_families.py compares them with the running network
NOT_IN_LENS = {
    "falcon-40b": "its Falcon adapter splits the fused matrix as multi-query: sizes do not sum up",
    "falcon-11b": "its Falcon adapter wants ln_attn, which num_ln_in_parallel_attn = 1 has not",
}
POST_NORM = {"opt-350m", "bloom-post", "bert"}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Any:
    def folder(name: str) -> Path:
        path = zoo.save(KINDS[name].build(), tmp_path_factory.mktemp(name))
        for file in ("tokenizer.json", "tokenizer_config.json"):  # a bridge wants a tokenizer
            shutil.copy(model_path("induction-2l") / file, path / file)
        return path

    return folder


def boot(folder: Path) -> Any:
    with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
        warnings.simplefilter("ignore")
        # for models that take images it would install torchvision, and with it another torch
        patch.setattr(helpers, "_ensure_torchvision", lambda: False)
        return TransformerBridge.boot_transformers(folder, dtype=torch.float32)


def lens_heads(bridge: Any) -> dict[str, np.ndarray]:
    """Role -> layers x heads x d x m."""
    found = {role: getattr(bridge, f"W_{role}").detach().numpy() for role in "QKVO"}
    return found | {"O": found["O"].swapaxes(2, 3)}


def our_heads(weights: ModelWeights) -> dict[str, np.ndarray]:
    layers = list(weights.layers())
    return {role: np.stack([layer[role] for layer in layers]) for role in "QKVO"}


def assert_equal(ours: dict[str, np.ndarray], lens: dict[str, np.ndarray], atol: float) -> None:
    for role in "QKVO":
        assert ours[role].shape == lens[role].shape, role
        np.testing.assert_allclose(ours[role], lens[role], rtol=0, atol=atol, err_msg=role)


@pytest.mark.parametrize("name", sorted(KINDS.keys() - NOT_IN_LENS.keys()))
def test_matrices_are_those_of_transformer_lens(name: str, folders: Any) -> None:
    folder = folders(name)
    bridge = boot(folder)
    weights = ModelWeights(folder)
    assert_equal(our_heads(weights), lens_heads(bridge), atol=0)
    if name in POST_NORM:
        return  # refused here; TransformerLens warns, or folds a norm that is not before attention
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        bridge.process_weights(center_unembed=False, fold_value_biases=False)
    # it centres what is written only where norms take the mean away, without a word
    centred = weights.family.norm.kind == "LayerNorm"
    folded = ModelWeights(folder, fold_ln=True, center_writing=centred)
    assert_equal(our_heads(folded), lens_heads(bridge), atol=1e-6)
    if not centred:
        with pytest.raises(ModelError, match="has RMS norms, which keep the mean"):
            ModelWeights(folder, center_writing=True)


@pytest.mark.parametrize("name", sorted(NOT_IN_LENS))
def test_models_that_transformer_lens_cannot_boot(name: str, folders: Any) -> None:
    """Where this fails, TransformerLens has learnt it: take it off the list."""
    with pytest.raises((RuntimeError, AttributeError)):
        boot(folders(name))


OF_LENS = (
    "afmoe", "apertus", "arcee", "bitnet", "codegen", "cohere", "cohere2", "ernie4_5",
    "ernie4_5_moe", "exaone", "exaone4", "flex_olmo", "glm", "glm4", "glm4_moe", "gpt-sw3",
    "gpt_bigcode", "gpt_oss", "granite", "granitemoe", "granitemoehybrid", "hunyuan_v1_dense",
    "internlm3", "iquestcoder", "jais2", "laguna", "llama4_text", "minimax_m2", "ministral3",
    "modernbert-decoder", "mpt", "nanochat", "nemotron", "olmo", "olmo2", "olmo3", "olmoe",
    "openai-gpt", "phi", "qwen2_moe", "qwen3_moe", "seed_oss", "smollm3", "stablelm",
    "starcoder2", "vaultgemma", "xglm",
)  # fmt: skip
"""The model types outside `zoo` that TransformerLens 4.3 boots too."""


@pytest.mark.filterwarnings("ignore")  # of transformers, about configurations this small
@pytest.mark.parametrize("model_type", OF_LENS)
def test_matrices_of_other_model_types(model_type: str, tmp_path: Path) -> None:
    zoo_wide.build(model_type).save_pretrained(tmp_path)
    for file in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(model_path("induction-2l") / file, tmp_path / file)
    assert_equal(our_heads(ModelWeights(tmp_path)), lens_heads(boot(tmp_path)), atol=0)


# ----- checkpoints in TransformerLens's own format


def native(norm: str | None = "LN", kv: int | None = None) -> tuple[Any, dict[str, Any]]:
    """An attention-only model of TransformerLens, and its configuration as JSON takes it."""
    config = TransformerBridgeConfig(
        d_model=24, n_layers=2, d_head=8, n_heads=4, n_ctx=16, d_vocab=30, attn_only=True,
        normalization_type=norm, n_key_value_heads=kv, seed=0, architecture="TransformerLensNative",
    )  # fmt: skip
    bridge = TransformerBridge.boot_native(config)
    with torch.no_grad():
        for parameter in bridge.original_model.parameters():
            parameter.normal_(std=0.5)
    plain = (str, int, float, bool, type(None))
    settings = {key: v for key, v in bridge.cfg.to_dict().items() if isinstance(v, plain)}
    return bridge, settings


def hooked_format(state: dict[str, Any], heads: int, kv: int | None) -> dict[str, Any]:
    """The names and axes of HookedTransformer.state_dict(), from those of a bridge."""
    renamed = {}
    for name, w in state.items():
        layer, _, rest = name.partition(".attn.")
        if rest.endswith(".weight"):
            role = rest[0].upper()
            shared = "_" if kv and role in "KV" else ""
            count = kv if shared else heads
            axes = w.reshape(w.shape[0], count, -1).permute(1, 2, 0) if role == "O" else (
                w.reshape(count, -1, w.shape[1]).transpose(1, 2))  # fmt: skip
            renamed[f"{layer}.attn.{shared}W_{role}"] = axes.contiguous()
        else:
            renamed[name.replace("ln1.weight", "ln1.w").replace("ln1.bias", "ln1.b")] = w
    return renamed


def write(folder: Path, config: dict[str, Any], state: dict[str, Any], how: str) -> Path:
    (folder / "config.json").write_text(json.dumps(config))
    state = {name: w.contiguous().clone() for name, w in state.items()}
    if how == "safetensors":
        save_file(state, folder / "model.safetensors")
    else:
        torch.save(state, folder / "model_100.pt")
    return folder


@pytest.mark.parametrize("how", ["safetensors", "pt"])
@pytest.mark.parametrize("kv", [None, 2])
@pytest.mark.parametrize("form", ["bridge", "hooked"])
def test_its_own_checkpoints(tmp_path: Path, form: str, kv: int | None, how: str) -> None:
    bridge, config = native(kv=kv)
    state = bridge.state_dict()
    if form == "hooked":
        state = hooked_format(state, 4, kv)
    weights = ModelWeights(write(tmp_path, config, state, how))
    assert weights.family.name == "transformer_lens"
    assert_equal(our_heads(weights), lens_heads(bridge), atol=0)
    bridge.process_weights(center_unembed=False, fold_value_biases=False)
    folded = ModelWeights(tmp_path, fold_ln=True, center_writing=True)
    assert_equal(our_heads(folded), lens_heads(bridge), atol=1e-6)


@pytest.mark.parametrize("norm", ["LNPre", "RMS", "RMSPre", None])
def test_its_norms(tmp_path: Path, norm: str | None) -> None:
    bridge, config = native(norm)
    folder = write(tmp_path, config, bridge.state_dict(), "safetensors")
    if norm is None:
        for option in ({"fold_ln": True}, {"center_writing": True}):
            with pytest.raises(ModelError, match="has no norms"):
                ModelWeights(folder, **option)
        return
    bridge.process_weights(center_unembed=False, fold_value_biases=False)
    folded = ModelWeights(folder, fold_ln=True, center_writing=norm == "LNPre")
    assert_equal(our_heads(folded), lens_heads(bridge), atol=1e-6)


def test_a_norm_whose_scale_was_left_out_is_missed(tmp_path: Path) -> None:
    bridge, config = native()
    state = {name: w for name, w in bridge.state_dict().items() if ".ln1." not in name}
    folder = write(tmp_path, config, state, "safetensors")
    assert ModelWeights(folder).shape.d_head == 8
    with pytest.raises(ModelError, match=r"lack 2 .*blocks\.0\.ln1\.w"):
        ModelWeights(folder, fold_ln=True)


def test_the_folder_that_the_docs_make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    docs = Path(__file__).parents[3] / "docs" / "reference" / "families.md"
    blocks = re.findall(r"```python\n(.*?)```", docs.read_text("utf-8"), re.DOTALL)
    code = next(block for block in blocks if "bridge.state_dict()" in block)
    bridge, _ = native(kv=2)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    exec(code, {"bridge": bridge})
    assert_equal(our_heads(ModelWeights(tmp_path / "folder")), lens_heads(bridge), atol=0)

"""Family files as data: layouts, variants, defaults, refusals, and a family added with one file."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headgraph.pk_engine import Selection, compute
from headgraph.pk_engine.errors import ModelError, UnknownFamily
from headgraph.pk_engine.models.families import catalogue
from headgraph.pk_engine.models.families.catalogue import families, family_of, read_family
from headgraph.pk_engine.models.families.class_defaults import FOLDER
from headgraph.pk_engine.models.families.layout import TensorSpec
from headgraph.pk_engine.models.shape import ModelShape
from headgraph.pk_engine.models.weights import ModelWeights
from tests.pk_engine import oracle
from tests.pk_engine.checkpoints import GPT2_CONFIG, LLAMA_CONFIG, llama_tensors, save
from tests.shared import MODELS, needs_shared

DOCS = Path(__file__).parents[3] / "docs" / "reference" / "families.md"
SHAPE = ModelShape(n_layers=1, n_heads=4, n_kv_heads=2, d_model=5, d_head=3)
ONE_EACH = ModelShape(n_layers=1, n_heads=4, n_kv_heads=4, d_model=5, d_head=3)


def column(role: str, head: int, j: int) -> np.ndarray:
    """A recognisable vector of R^5 for each column of each head's matrix."""
    return np.arange(5) + 1000 * "QKVO".index(role) + 100 * head + 10 * j


def stack(order: list[tuple[str, int]]) -> np.ndarray:
    """Columns side by side, d x (heads m), with these roles' heads side by side."""
    return np.stack([column(role, head, j) for role, head in order for j in range(3)], axis=1)


Q, K, V = ([(role, head) for head in range(n)] for role, n in (("Q", 4), ("K", 2), ("V", 2)))
BY_GROUP = [pair for g in range(2) for pair in (*Q[2 * g : 2 * g + 2], K[g], V[g])]
BY_BLOCK = [(role, head) for pair in ((0, 1), (2, 3)) for role in "QVK" for head in pair]
BY_EXPERT = [("Q", head) for head in (0, 2, 1, 3)]  # two experts, a head for each key
BY_HEAD = [(role, head) for head in range(4) for role in "QKV"]


@pytest.mark.parametrize(
    ("layout", "roles", "stored", "shape"),
    [
        ("d (head m)", "Q", stack(Q), SHAPE),
        ("(head m) d", "K", stack(K).T, SHAPE),
        ("d (role head m)", "QKV", stack([*Q, *K, *V]), SHAPE),
        ("(role head m) d", "VQK", stack([*V, *Q, *K]).T, SHAPE),
        ("(group role head m) d", "QKV", stack(BY_GROUP).T, SHAPE),
        ("(head role m) d", "QKV", stack(BY_HEAD).T, ONE_EACH),
        ("(group role head m) d", "QKV", stack(BY_HEAD).T, ONE_EACH),
        ("(2 role head m) d", "QVK", stack(BY_BLOCK).T, ONE_EACH),
        ("head d m", "Q", stack(Q).reshape(5, 4, 3).transpose(1, 0, 2), SHAPE),
        ("expert (head m) d", "Q", stack(BY_EXPERT).T.reshape(2, 6, 5), SHAPE),
        ("head m d", "V", stack(V).reshape(5, 2, 3).transpose(1, 2, 0), SHAPE),
    ],
)
def test_layouts(layout: str, roles: str, stored: np.ndarray, shape: ModelShape) -> None:
    spec = TensorSpec("w", tuple(roles), layout)
    assert spec.stored_shape(shape) == stored.shape
    parts = spec.split(stored, shape)
    assert set(parts) == set(roles)
    for role, matrix in parts.items():
        assert matrix.shape == (shape.heads_of(role), 5, 3)
        for head in range(len(matrix)):
            for j in range(3):
                assert (matrix[head, :, j] == column(role, head, j)).all()


def test_the_published_configuration_of_mimo() -> None:
    """It has numbers for the kinds of layers, where transformers writes their names."""
    config = {"model_type": "mimo_v2_flash", "num_hidden_layers": 3, "hidden_size": 64,
              "num_attention_heads": 16, "num_key_value_heads": 4, "head_dim": 24, "v_head_dim": 16,
              "hybrid_layer_pattern": [0, 1, 1], "swa_num_key_value_heads": 8}  # fmt: skip
    shape = families()["mimo_v2_flash"].shape(config)
    assert [layer.n_kv_heads for layer in shape.layers] == [4, 8, 8]
    assert {(layer.widths["K"], layer.widths["V"]) for layer in shape.layers} == {(24, 16)}


def test_sizes_that_are_made_of_others() -> None:
    config = {"model_type": "convbert", "num_hidden_layers": 1, "hidden_size": 48,
              "num_attention_heads": 12, "head_ratio": 2}  # fmt: skip
    shape = families()["convbert"].shape(config)
    assert (shape.n_heads, shape.d_head) == (6, 4)
    with pytest.raises(ModelError, match="head_ratio = 0: expected a whole number from 1"):
        families()["convbert"].shape(config | {"head_ratio": 0})
    with pytest.raises(ModelError, match="num_attention_heads / head_ratio = 0: expected a whole"):
        families()["convbert"].shape(config | {"head_ratio": 99})


@pytest.mark.parametrize("sizes", [4, [], [2, 0], [2, "2"], [1000]])
def test_bad_blocks_of_layers(sizes: object) -> None:
    config = {"model_type": "funnel", "d_model": 24, "n_head": 4, "d_head": 6,
              "num_decoder_layers": 1, "block_sizes": sizes}  # fmt: skip
    with pytest.raises(ModelError, match=r"config\.json has (block_sizes|len)") as told:
        families()["funnel"].shape(config)
    assert len(str(told.value)) < 300


def test_heads_in_two_halves() -> None:
    spec = TensorSpec("w", ("Q",), "(half head m) d")
    shape = ModelShape(1, 2, 2, 5, 4)
    first, second = np.arange(20).reshape(2, 2, 5), -np.arange(20).reshape(2, 2, 5)
    stored = np.concatenate([first, second]).reshape(8, 5)
    assert spec.stored_shape(shape) == stored.shape
    read = spec.split(stored, shape)["Q"]
    assert (read == np.concatenate([first, second], axis=1).transpose(0, 2, 1)).all()


@pytest.mark.parametrize(
    ("layout", "roles", "message"),
    [
        ("d (m head)", "Q", "expected d beside one of head m"),
        ("(head m)", "Q", "expected d beside one of head m"),
        ("d (head m)", "QK", "does not suit the roles"),
        ("d (role head m)", "Q", "does not suit the roles"),
        ("role head d m", "QK", "roles have unequal sizes"),
        ("d (head m)", "X", "expected some of Q, K, V, O"),
        ("d (4 head m)", "Q", "expected d beside one of head m"),
    ],
)
def test_invalid_layouts(layout: str, roles: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TensorSpec("w", tuple(roles), layout)


def test_a_key_for_each_head_cannot_be_shared() -> None:
    spec = TensorSpec("w", ("Q", "K", "V"), "(head role m) d")
    with pytest.raises(ModelError, match="holds each head's query, key and value"):
        spec.split(np.zeros((24, 5)), SHAPE)


def test_heads_must_fill_the_blocks() -> None:
    with pytest.raises(ModelError, match=r"in 3 blocks, .* 4 heads: expected a multiple of 3"):
        TensorSpec("w", ("Q", "K", "V"), "(3 role head m) d").split(np.zeros((36, 5)), ONE_EACH)


# ----- sizes


@pytest.mark.parametrize(
    ("config", "heads", "kv", "width"),
    [
        ({"model_type": "llama"}, 4, 4, 6),
        ({"model_type": "llama", "num_key_value_heads": None, "head_dim": None}, 4, 4, 6),
        ({"model_type": "mixtral", "num_attention_heads": 16, "hidden_size": 64}, 16, 8, 4),
        ({"model_type": "mistral", "num_key_value_heads": None}, 4, 4, 6),
        ({"model_type": "qwen3", "num_key_value_heads": 2}, 4, 2, 128),
        ({"model_type": "gemma", "num_key_value_heads": 1}, 4, 1, 256),
        ({"model_type": "falcon", "num_kv_heads": 2}, 4, 1, 6),
        ({"model_type": "falcon", "num_kv_heads": 2, "multi_query": False}, 4, 4, 6),
        ({"model_type": "falcon", "num_kv_heads": 2, "new_decoder_architecture": True}, 4, 2, 6),
    ],
)
def test_sizes_that_the_configuration_leaves_out(
    config: dict[str, Any], heads: int, kv: int, width: int
) -> None:
    config = {"num_hidden_layers": 1, "num_attention_heads": 4, "hidden_size": 24} | config
    shape = family_of(config).shape(config)
    assert (shape.n_heads, shape.n_kv_heads, shape.d_head) == (heads, kv, width)


def test_gemma_3_with_images_as_its_hub_files_are() -> None:
    text = {"hidden_size": 2560, "model_type": "gemma3_text", "num_hidden_layers": 34}
    config = {"model_type": "gemma3", "text_config": text, "vision_config": {"hidden_size": 1152}}
    assert family_of(config).shape(config) == ModelShape(34, 8, 4, 2560, 256)


# ----- refusals


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"add_cross_attention": True}, "add_cross_attention = True, .* another residual stream"),
        ({"is_encoder_decoder": True}, "is_encoder_decoder = True"),
        ({"pruned_heads": {"0": [1]}}, "pruned_heads = .* unequal numbers of heads"),
        ({"num_kv_shared_layers": 2}, "num_kv_shared_layers = 2"),
        ({"kv_lora_rank": 8}, "kv_lora_rank = 8, .* latent attention"),
        (
            {"layer_types": ["full_attention", "linear_attention"]},
            "layer_types = .* no attention heads of this kind; known: 'full_attention', ",
        ),
        (
            {"layer_types": ["linear_attention"] * 3 + ["full_attention"]},
            "layer_types = .* does not handle: a hybrid model, whose other layers have no",
        ),
        ({"full_attention_interval": 4}, "full_attention_interval = 4, .* a hybrid model"),
        ({"attn_layer_period": 8, "attn_layer_offset": 4}, "attn_layer_period = 8, .* a hybrid"),
        ({"attn_layer_indices": [9, 18]}, r"attn_layer_indices = \[9, 18\], .* a hybrid model"),
        ({"full_attn_idxs": [2, 5]}, r"full_attn_idxs = \[2, 5\], .* a hybrid model"),
        ({"hybrid_override_pattern": "M-M*"}, r"hybrid_override_pattern = 'M-M\*', .* a hybrid"),
        ({"layers_block_type": ["mamba", "attention"]}, "layers_block_type = .* a hybrid model"),
        ({"block_types": ["recurrent", "attention"]}, "block_types = .* a hybrid model"),
        ({"attn_type_list": [0, 1]}, "attn_type_list = .* a hybrid model"),
        ({"linear_attn_config": {"kda_layers": [1]}}, "linear_attn_config = .* a hybrid model"),
        ({"block_configs": [{}]}, "block_configs = .* unequal numbers of heads, or none"),
    ],
)
def test_settings_that_change_the_layout_are_refused_by_name(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        ModelWeights(save(tmp_path / "a", config=GPT2_CONFIG | change))
    with pytest.raises(ModelError, match=message):
        ModelWeights(save(tmp_path / "b", llama_tensors(), LLAMA_CONFIG | change))


def test_empty_and_known_settings_are_accepted(tmp_path: Path) -> None:
    harmless = {
        "pruned_heads": {},
        "add_cross_attention": False,
        "layer_types": ["full_attention", "sliding_attention"],
        "full_attention_interval": 1,
        "attn_layer_period": 1,
        "full_attn_idxs": None,
    }
    assert ModelWeights(save(tmp_path, config=GPT2_CONFIG | harmless)).shape.n_heads == 2


def test_a_refused_setting_is_found_in_the_nested_configuration() -> None:
    text = {"kv_lora_rank": 4}
    with pytest.raises(ModelError, match="kv_lora_rank"):
        family_of({"model_type": "gemma3"}).shape({"model_type": "gemma3", "text_config": text})


def test_an_unknown_hybrid_model_is_refused_as_hybrid() -> None:
    config = {"model_type": "qwen9_next", "full_attention_interval": 4}
    with pytest.raises(ModelError) as told:
        family_of(config)
    assert str(told.value) == (
        "config.json has model_type 'qwen9_next', which no family describes, and "
        "full_attention_interval = 4: a hybrid model, whose other layers have no attention heads; "
        "known: 1"
    )


def test_adapters_are_refused(tmp_path: Path) -> None:
    (save(tmp_path) / "adapter_config.json").write_text("{}")
    with pytest.raises(ModelError, match=r"holds an adapter .* beside a whole model"):
        ModelWeights(tmp_path)


SIZES = {"num_hidden_layers": 4, "num_attention_heads": 4, "hidden_size": 24}


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"model_type": "gemma4_text", "num_kv_shared_layers": 3,
          "layer_types": ["sliding_attention", *["full_attention"] * 3]},
         "num_kv_shared_layers = 3: expected fewer, since no layer of the kind 'full_attention'"),
        ({"model_type": "mistral_large4_text", "qk_nope_head_dim": 6, "qk_rope_head_dim": 4,
          "v_head_dim": 5, "kv_lora_rank": 14, "kv_source_layers": [0, 0, 2, 3]},
         r"kv_source_layers = \[0, 0, 2, 3\]: some layers use the keys and values of another"),
        ({"model_type": "deepseek_v4", "num_key_value_heads": 1, "head_dim": 8, "q_lora_rank": 16,
          "o_lora_rank": 12, "o_groups": 3},
         "has 4 heads, which write in 3 groups: expected a multiple of 3"),
        ({"model_type": "glm5_next_text", "qk_nope_head_dim": 6, "qk_rope_head_dim": -1,
          "v_head_dim": 5, "kv_lora_rank": 14},
         "qk_rope_head_dim = -1: expected a whole number from 0 to"),
    ],
)  # fmt: skip
def test_sizes_that_contradict_each_other(config: dict[str, Any], said: str) -> None:
    family = family_of(config)
    with pytest.raises(ModelError, match=said):
        family.stored(family.shape(SIZES | config).layers[0])


# ----- a family of one's own


def example() -> str:
    """The family file in docs/reference/families.md."""
    block = re.search(r"```toml\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL)
    assert block is not None
    return re.sub("^   ", "", block[1], flags=re.MULTILINE)


@pytest.fixture
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "families"
    shutil.copytree(FOLDER, folder, ignore=shutil.ignore_patterns("phi.toml"))
    monkeypatch.setattr(catalogue, "FOLDER", folder)
    return folder


def test_the_example_is_the_file_that_is_used() -> None:
    assert example() == (FOLDER / "phi.toml").read_text()


def test_one_file_adds_a_family(own_folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("transformers", reason="the small model is built by transformers")
    from tests.pk_engine import tap, zoo

    sizes = zoo.HF | {"num_key_value_heads": 2, "intermediate_size": 12, "hidden_size": 32}
    kind = zoo.Kind("PhiConfig", "PhiForCausalLM", sizes, *zoo.TEXT, kv=2, d=32, m=8)
    model = kind.build()
    folder = zoo.save(model, tmp_path / "model")
    with pytest.raises(UnknownFamily, match="model_type 'phi', which no family describes"):
        compute(folder)
    families.cache_clear()  # this process has looked into the folder already
    (own_folder / "phi.toml").write_text(example())
    weights = ModelWeights(folder, fold_ln=True)
    for layer in range(2):
        live = tap.live_heads(kind, model, layer)
        for role, matrix in weights.raw_layer(layer).items():
            np.testing.assert_allclose(matrix, live[role], atol=1e-6)
    table = compute(folder, selection=Selection())
    assert table.meta.family == "phi"
    assert table.meta.scored == {"OQ": 16, "OK": 8, "OV": 8}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('roles = ["V"]', 'roles = ["K"]', "expected Q, K, V and O, each once"),
        ('layout = "d (head m)"', 'layout = "d head"', "expected d beside one of"),
        ('kind = "LayerNorm"', 'kind = "BatchNorm"', "expected one of LayerNorm, RMSNorm, none"),
        ("[norm]", "[nrom]", r"unknown keys \['nrom'\]"),
        ("model_types", "model_type", r"unknown keys \['model_type'\]"),
        ('prefixes = ["model.", ""]', "", r"lacks \['prefixes'\]"),
        ("[config]", "[config", "TOMLDecodeError"),
        ("[norm]", '[[variants]]\nnorm.kind = "none at all"\n\n[norm]', "'none at all'"),
    ],
)
def test_mistakes_in_a_family_file(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "phi.toml"
    assert old in example()
    path.write_text(example().replace(old, new, 1))
    with pytest.raises(ModelError, match=f"the family file {path} cannot be used: .*{message}"):
        read_family(path)


def test_a_wrong_split_would_be_seen() -> None:
    """The comparison with running networks is worth something: layouts differ where it looks."""
    stored = np.arange(36 * 5.0).reshape(36, 5)
    splits = [
        TensorSpec("w", ("Q", "K", "V"), layout).split(stored, ONE_EACH)
        for layout in ("(role head m) d", "(head role m) d")
    ]
    assert any((splits[0][role] != splits[1][role]).any() for role in "QKV")


# ----- trained models


@needs_shared
@pytest.mark.parametrize(
    "model",
    ["gpt2-attention", "gpt-neo-125m-attention", "slm-4096", "capp-gpt2", "stories260K",
     "babyllama-361"],
)  # fmt: skip
def test_every_shared_model_folds_and_computes(model: str) -> None:
    folder = MODELS / model
    centred = ModelWeights(folder).family.norm.kind == "LayerNorm"
    weights = ModelWeights(folder, fold_ln=True, center_writing=centred)
    raw, layer = weights.raw_layer(0), weights.layer(0)
    assert any((raw[role] != layer[role]).any() for role in "QKV")
    if centred:
        assert np.abs(layer["O"].mean(axis=1)).max() < 1e-6
    table = compute(folder)
    assert len(table) > 0
    assert table.meta.family == json.loads((folder / "config.json").read_text())["model_type"]


@needs_shared
def test_gpt_neo_in_bfloat16() -> None:
    """Heads by slices of the stored matrices, PK by its definition in float64."""
    from safetensors.numpy import load_file

    folder = MODELS / "gpt-neo-125m-attention"
    tensors = load_file(folder / "model.safetensors")

    def heads(layer: int, name: str) -> np.ndarray:
        path = f"transformer.h.{layer}.attn.attention.{name}.weight"
        w = tensors[path].astype(np.float64)
        w = w if name == "out_proj" else w.T
        return np.stack([w[:, 64 * h : 64 * (h + 1)] for h in range(12)])

    wanted = oracle.all_pk(heads(2, "out_proj"), heads(7, "k_proj"))
    frame = compute(folder, pairings="OK", selection=Selection()).frame
    frame = frame[(frame.source_layer == 2) & (frame.target_layer == 7)]
    assert len(frame) == 144
    assert np.abs(frame.pk - wanted[frame.source_head, frame.target_head]).max() < 1e-4

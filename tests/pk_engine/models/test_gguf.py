"""GGUF files, written by the gguf package, give the scores of the folders they were made from."""

import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headgraph.analysis.tokens.vocabulary import vocabulary
from headgraph.pk_engine import AffinityTable, Selection, compute
from headgraph.pk_engine.errors import EngineError, ModelError
from headgraph.pk_engine.models.checkpoint.gguf_file import (
    GgufFile,
    settings_of_gguf,
    tokens_of_gguf,
)
from headgraph.pk_engine.models.origin import sentences
from headgraph.pk_engine.models.weights import ModelWeights
from headgraph.pk_engine.planning._plan import plan
from tests.commands import headgraph
from tests.pk_engine import checkpoints
from tests.sentences import refused
from tests.shared import MODELS, needs_shared

gguf = pytest.importorskip("gguf", reason="it writes the files that are read")

from tests.pk_engine import gguf_models as made  # noqa: E402

SMALL: dict[str, Any] = {**checkpoints.LLAMA_CONFIG, "hidden_size": 32, "head_dim": 8}
KEY = ["pairing", "source_layer", "source_head", "target_layer", "target_head"]


def small(folder: Path, seed: int = 0) -> Path:
    """A Llama of two layers, with norms and an embedding, whose sizes are multiples of 32."""
    rng = np.random.default_rng(seed)
    sizes = {"q_proj": (32, 32), "k_proj": (16, 32), "v_proj": (16, 32), "o_proj": (32, 32)}
    tensors: dict[str, np.ndarray] = {"model.embed_tokens.weight": rng.standard_normal((8, 32))}
    for layer in range(2):
        start = f"model.layers.{layer}"
        tensors[f"{start}.input_layernorm.weight"] = rng.standard_normal(32)
        for name, size in sizes.items():
            tensors[f"{start}.self_attn.{name}.weight"] = rng.standard_normal(size)
    stored = {name: w.astype(np.float32) for name, w in tensors.items()}
    return checkpoints.save(folder, stored, SMALL)


def gguf_of(tmp_path: Path, kind: str = "F32", name: str = "model.gguf") -> Path:
    return made.llama(small(tmp_path / "folder"), SMALL, tmp_path / name, kind)


def scores(model: Path) -> AffinityTable:
    return compute(model, selection=Selection(), metrics="pk,cs", fold_ln=True)


def furthest(one: AffinityTable, other: AffinityTable, column: str = "pk") -> float:
    both = one.frame.merge(other.frame, on=KEY)
    assert len(both) == len(one.frame) == len(other.frame)
    return float(np.abs(both[f"{column}_x"] - both[f"{column}_y"]).max())


# ----- scores


@pytest.mark.parametrize(
    ("kind", "within"),
    [("F32", 1e-5), ("F16", 0.01), ("BF16", 0.05), ("Q8_0", 0.1), ("Q5_0", 0.8), ("Q4_0", 1.5)],
)
def test_scores_of_a_small_model(tmp_path: Path, kind: str, within: float) -> None:
    table, plain = scores(gguf_of(tmp_path, kind)), scores(tmp_path / "folder")
    assert furthest(table, plain) < within
    assert furthest(table, plain, "cs") < within
    quantised = {"quantisation": kind} if "_" in kind else {}
    assert table.meta.origin == {"format": "GGUF (llama)"} | quantised
    assert (table.meta.family, table.meta.model) == ("gguf", "model")
    assert (table.meta.n_layers, table.meta.n_heads, table.meta.n_kv_heads) == (2, 4, 2)


@needs_shared
@pytest.mark.parametrize("name", ["stories260K", "babyllama-361", "slm-4096", "capp-gpt2"])
def test_scores_of_trained_models(tmp_path: Path, name: str) -> None:
    folder = MODELS / name
    config = json.loads((folder / "config.json").read_text())
    write = made.llama if "num_key_value_heads" in config else made.gpt2
    plain = scores(folder)
    assert furthest(scores(write(folder, config, tmp_path / "a.gguf")), plain) < 1e-5
    assert furthest(scores(write(folder, config, tmp_path / "b.gguf", "Q8_0")), plain) < 0.05


def test_the_order_within_a_head_changes_no_score(tmp_path: Path) -> None:
    weights, folder = ModelWeights(gguf_of(tmp_path)), ModelWeights(tmp_path / "folder")
    ours, theirs = weights.raw_layer(1), folder.raw_layer(1)
    for role in "VO":
        assert (ours[role] == theirs[role]).all()
    for role in "QK":
        assert not (ours[role] == theirs[role]).all()
        for one, other in zip(ours[role], theirs[role], strict=True):
            assert {tuple(column) for column in one.T} == {tuple(column) for column in other.T}


def test_the_embedding_and_the_norms(tmp_path: Path) -> None:
    weights, folder = ModelWeights(gguf_of(tmp_path)), ModelWeights(tmp_path / "folder")
    ours, theirs = weights.embedding_files(), folder.embedding_files()
    assert (ours.embedding() == theirs.embedding()).all()
    assert (ours.unembedding() == ours.embedding()).all(), "tied, as nothing else is there"


def test_tokens_come_from_the_file(tmp_path: Path) -> None:
    assert vocabulary(gguf_of(tmp_path), 8) == [f" {letter}" for letter in "abcdefgh"]
    assert vocabulary(tmp_path / "model.gguf", 9) is None


def test_layer_norms_are_told_from_rms_norms(tmp_path: Path) -> None:
    tensors = made.llama_tensors(small(tmp_path / "folder"), SMALL)
    sizes = {"block_count": 2, "embedding_length": 32, "attention.head_count": 4,
             "attention.head_count_kv": 2, "attention.key_length": 8}  # fmt: skip
    for key, kind in (("layer_norm_epsilon", "LayerNorm"), ("layer_norm_rms_epsilon", "RMSNorm")):
        path = made.write(tmp_path / f"{kind}.gguf", "cohere", tensors,
                          sizes | {f"attention.{key}": 1e-5})  # fmt: skip
        assert ModelWeights(path, fold_ln=True).family.norm.kind == kind
    unscaled = {name: w for name, w in tensors.items() if "norm" not in name}
    path = made.write(tmp_path / "after.gguf", "bert", unscaled,
                      sizes | {"attention.layer_norm_epsilon": 1e-5})  # fmt: skip
    assert ModelWeights(path).shape.n_layers == 2
    assert "stands after attention" in refused(lambda: ModelWeights(path, fold_ln=True))


def test_fused_queries_keys_and_values(tmp_path: Path) -> None:
    tensors = made.llama_tensors(small(tmp_path / "folder"), SMALL)
    for layer in range(2):
        parts = [tensors.pop(f"blk.{layer}.attn_{role}.weight") for role in "qkv"]
        tensors[f"blk.{layer}.attn_qkv.weight"] = np.concatenate(parts)
        tensors[f"blk.{layer}.attn_norm_2.weight"] = tensors[f"blk.{layer}.attn_norm.weight"]
        tensors[f"blk.{layer}.attn_norm.weight"] = np.full(32, 7.0)  # before the MLP in Falcon 40B
    sizes = {"block_count": 2, "embedding_length": 32, "attention.head_count": 4,
             "attention.head_count_kv": 2, "attention.layer_norm_rms_epsilon": 1e-5}  # fmt: skip
    path = made.write(tmp_path / "model.gguf", "falcon", tensors, sizes)
    assert furthest(scores(path), scores(tmp_path / "folder")) < 1e-5


def test_settings_for_each_layer_and_layers_that_predict_more(tmp_path: Path) -> None:
    tensors = made.llama_tensors(small(tmp_path / "folder"), SMALL)
    sizes = {"block_count": 3, "nextn_predict_layers": 1, "embedding_length": 32,
             "attention.head_count": [4, 4], "attention.head_count_kv": [2, 2],
             "attention.key_length": 8}  # fmt: skip
    assert ModelWeights(made.write(tmp_path / "a.gguf", "glm4", tensors, sizes)).shape.n_layers == 2
    sizes["attention.head_count_kv"] = [2, 0]
    said = refused(lambda: ModelWeights(made.write(tmp_path / "b.gguf", "lfm2", tensors, sizes)))
    assert said.startswith("b.gguf has attention.head_count_kv = [2, 0]: expected a whole number")


# ----- where files are


def test_a_folder_with_one_file(tmp_path: Path) -> None:
    path = gguf_of(tmp_path)
    folder = tmp_path / "mine"
    folder.mkdir()
    path.rename(folder / "llama-Q8.gguf")
    (folder / "config.json").write_text("{}")
    (folder / "mmproj-F16.gguf").write_bytes(b"")
    assert ModelWeights(folder).name == "mine"
    assert ModelWeights(folder / "llama-Q8.gguf").name == "llama-Q8"
    (folder / "other.gguf").write_bytes(b"")
    said = refused(lambda: ModelWeights(folder))
    assert said == (
        f"the folder {folder} holds 2 GGUF files: llama-Q8.gguf, other.gguf; give the path of one"
    )


def test_files_beside_weights_are_left_alone(tmp_path: Path) -> None:
    path = gguf_of(tmp_path)
    path.rename(tmp_path / "folder" / "model.gguf")
    assert ModelWeights(tmp_path / "folder").family.name == "llama"


def test_parts_of_a_file(tmp_path: Path) -> None:
    tensors = made.llama_tensors(small(tmp_path / "folder"), SMALL)
    sizes = {"block_count": 2, "embedding_length": 32, "attention.head_count": 4,
             "attention.head_count_kv": 2, "attention.key_length": 8,
             "attention.layer_norm_rms_epsilon": 1e-5}  # fmt: skip
    names = sorted(tensors)
    for number, part in enumerate((names[:5], names[5:]), start=1):
        made.write(tmp_path / f"m-0000{number}-of-00002.gguf", "llama",
                   {name: tensors[name] for name in part}, sizes)  # fmt: skip
    (tmp_path / "m-00003-of-00003.gguf").write_bytes(b"of another")
    found = scores(tmp_path / "m-00002-of-00002.gguf")
    assert found.meta.model == "m"
    assert furthest(found, scores(tmp_path / "folder")) < 1e-5
    (tmp_path / "m-00001-of-00002.gguf").unlink()
    said = refused(lambda: ModelWeights(tmp_path / "m-00002-of-00002.gguf"))
    assert "of the 2 parts of m-00002-of-00002.gguf, these are missing: m-00001-of-0000" in said


def test_the_command_and_the_plan(tmp_path: Path) -> None:
    path = gguf_of(tmp_path, "Q8_0")
    done = headgraph("compute", str(path), "--all", "-o", str(tmp_path / "t.parquet"))
    assert done.returncode == 0
    notes = sentences(AffinityTable.read(tmp_path / "t.parquet").meta.origin)
    assert notes[0] == "the weights are those of a GGUF (llama) file"
    assert "were stored as Q8_0" in notes[1]
    assert all(f"note: {note}" in done.stderr for note in notes)
    assert plan(path, calibrate=False).shape.n_kv_heads == 2


def test_an_interrupted_command_resumes_with_the_same_file_alone(tmp_path: Path) -> None:
    from headgraph.pk_engine.scoring.resume import job_key

    path = gguf_of(tmp_path)
    before = job_key(path, {})
    (tmp_path / "notes.txt").write_text("something else in the folder")
    assert job_key(path, {}) == before
    path.write_bytes(path.read_bytes() + b"\0")
    assert job_key(path, {}) != before


# ----- refusals


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("attention.kv_lora_rank", 8, "attention.kv_lora_rank = 8, which the family gguf does not"),
        ("ssm.inner_size", 8, "a hybrid model, whose other layers have no attention heads"),
        ("decoder_start_token_id", 1, "its cross-attention heads read another residual stream"),
        ("attention.head_count", 5, "heads and 2 key/value heads"),
        ("attention.key_length", 16, "has the shape (32, 32): expected (64, 32), as model.gguf"),
        ("block_count", 3, "lack 4 attention tensors: blk.2.attn_k.weight"),
        ("block_count", 900, "has 900 layers, and the weights in"),
    ],
)
def test_settings_that_are_refused(tmp_path: Path, key: str, value: int, text: str) -> None:
    tensors = made.llama_tensors(small(tmp_path / "folder"), SMALL)
    sizes = {"block_count": 2, "embedding_length": 32, "attention.head_count": 4,
             "attention.head_count_kv": 2, "attention.key_length": 8}  # fmt: skip
    path = made.write(tmp_path / "model.gguf", "llama", tensors, sizes | {key: value})
    said = refused(lambda: ModelWeights(path))
    assert text in said
    assert "config.json" not in said


def test_other_kinds_of_files(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    path.write_text("version https://git-lfs.example/spec/v1\n")
    assert "is a Git LFS pointer" in refused(lambda: ModelWeights(path))
    for content in (b"", b"GGUF", b"nothing of the kind" * 10):
        path.write_bytes(content)
        assert "cannot be read as GGUF" in refused(lambda: ModelWeights(path))
    path = made.write(path, "clip", {"v.blk.0.attn_q.weight": np.ones((4, 4))}, {})
    assert "lacks block_count" in refused(lambda: ModelWeights(path))


def test_files_that_are_cut_or_changed(tmp_path: Path) -> None:
    data = gguf_of(tmp_path, "Q8_0").read_bytes()
    path = tmp_path / "damaged.gguf"
    for length in range(0, len(data) - 1, 501):
        path.write_bytes(data[:length])
        refused(lambda: ModelWeights(path))
    rng = np.random.default_rng(0)
    for _ in range(60):
        changed = bytearray(data)
        at = int(rng.integers(4, 900))
        changed[at : at + 8] = rng.bytes(8)
        path.write_bytes(changed)
        with suppress(ModelError):  # some changes are to names or numbers that are not read
            ModelWeights(path).raw_layer(0)


def test_without_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = gguf_of(tmp_path)
    monkeypatch.setitem(sys.modules, "gguf", None)
    said = refused(lambda: ModelWeights(path))
    assert said.endswith("pip install 'headgraph[gguf]' (in a clone: pip install -e '.[gguf]')")


def test_a_variant_of_a_gguf_file(tmp_path: Path) -> None:
    said = "variant='fp16' chooses among the weights of a folder, and .* is one GGUF file: leave it"
    with pytest.raises(EngineError, match=said):
        compute(gguf_of(tmp_path), variant="fp16")


def test_an_adapter_of_a_gguf_file(tmp_path: Path) -> None:
    path, lora = gguf_of(tmp_path), tmp_path / "lora"
    lora.mkdir()
    settings = {"peft_type": "LORA", "base_model_name_or_path": str(path)}
    (lora / "adapter_config.json").write_text(json.dumps(settings))
    said = refused(lambda: ModelWeights(path, adapter=lora))
    assert said == (
        f"no adapter can be merged into {path}, which is a GGUF file: give the folder of the "
        "model that it was made from"
    )
    assert refused(lambda: ModelWeights(lora)) == said
    assert refused(lambda: plan(lora, calibrate=False)) == said


def test_through_transformer_lens(tmp_path: Path) -> None:
    pytest.importorskip("transformer_lens", reason="it is what refuses")
    path = gguf_of(tmp_path)
    with pytest.raises(ModelError, match="is a GGUF file, which TransformerLens does not read"):
        compute(path, via="transformer-lens")


def test_a_kind_that_the_package_does_not_dequantise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = gguf_of(tmp_path, "Q8_0")
    monkeypatch.delitem(gguf.quants._type_traits, gguf.GGMLQuantizationType.Q8_0)
    said = refused(lambda: ModelWeights(path).raw_layer(0))
    assert "is Q8_0, which the gguf package does not dequantise" in said


def test_lists_are_read_as_the_package_reads_them(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_array("llama.numbers", [3, 1, 2])
    writer.add_array("llama.equal", [0.5, 0.5])
    writer.add_array("llama.words", ["a", "", "ü" * 9])
    writer.add_uint32("llama.after", 7)
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(["Ġa", "", "ü" * 9, "x" * 300])
    writer.add_tensor("a", np.ones((2, 2), np.float32))
    for write in (writer.write_header_to_file, writer.write_kv_data_to_file,
                  writer.write_tensors_to_file, writer.close):  # fmt: skip
        write()
    theirs = {key: field.contents() for key, field in gguf.GGUFReader(path).fields.items()}
    ours = settings_of_gguf(path)
    assert ours["numbers"] == theirs["llama.numbers"] == [3, 1, 2]
    assert [ours["equal"]] * 2 == theirs["llama.equal"]
    assert (ours["words"], ours["after"]) == (None, theirs["llama.after"])
    assert tokens_of_gguf(path) == ("gpt2", theirs["tokenizer.ggml.tokens"])
    assert (GgufFile(path).read("a") == 1).all()


def test_settings_are_those_of_the_architecture(tmp_path: Path) -> None:
    path = gguf_of(tmp_path)
    found = settings_of_gguf(path)
    assert found["model_type"] == "gguf"
    assert (found["architecture"], found["block_count"], found["norm"]) == ("llama", 2, "RMSNorm")
    assert not [key for key in found if "token" in key]
    assert len(GgufFile(path)) == 11

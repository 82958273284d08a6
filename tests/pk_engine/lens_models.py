"""Small models of transformers with random weights, for tests through TransformerLens."""

import shutil
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("transformer_lens", reason="it is the source that is tested")

import torch
import transformers

from headgraph.pk_engine import Selection
from headgraph.pk_engine.bundled import model_path
from tests.pk_engine import zoo

ALL = Selection()
LENS = {"via": "transformer-lens"}
SIZES = {"num_hidden_layers": 2, "num_attention_heads": 4, "hidden_size": 24, "vocab_size": 32}
TINY = SIZES | {"num_key_value_heads": 2, "intermediate_size": 12, "max_position_embeddings": 16}
GPT2 = {"n_layer": 3, "n_head": 4, "n_embd": 48, "vocab_size": 32, "n_positions": 16}


def save(folder: Path, kind: str, dtype: Any = torch.float32, **sizes: Any) -> Path:
    """A small model of transformers with every parameter random, as a folder."""
    config = getattr(transformers, f"{kind}Config")(
        **sizes, pad_token_id=0, bos_token_id=1, eos_token_id=2
    )
    auto = transformers.AutoModelForCausalLM
    if config.is_encoder_decoder:
        auto = transformers.AutoModelForSeq2SeqLM
    zoo.randomised(auto.from_config(config, dtype=dtype)).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """GPT-2 with random weights, and the tokenizer that boot_transformers wants."""
    folder = save(tmp_path_factory.mktemp("gpt2"), "GPT2", **GPT2)
    for file in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(model_path("induction-2l") / file, folder / file)
    return folder


@pytest.fixture(scope="module")
def coder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """StarCoder 2, with two query heads to a key/value head."""
    return save(tmp_path_factory.mktemp("coder"), "Starcoder2", **TINY)

"""The tables that the pictures are drawn from: GPT-2 small, and weights that mean nothing."""

import json

import numpy as np
import pytest
from safetensors.numpy import save_file

from headgraph.pk_engine import compute
from headgraph.pk_engine.bundled import table_path
from headgraph.pk_engine.table.affinity import AffinityTable
from headgraph.pk_engine.table.selection import Selection

LAYERS, HEADS, WIDTH = 6, 8, 256


@pytest.fixture(scope="session")
def table() -> AffinityTable:
    """PK and CS of GPT-2 small."""
    return AffinityTable.read(table_path("gpt2-small"))


@pytest.fixture(scope="session")
def random_weights(tmp_path_factory: pytest.TempPathFactory) -> AffinityTable:
    """All pairs of a model of GPT-2's kind whose weights are independent random numbers."""
    folder = tmp_path_factory.mktemp("random-weights")
    rng = np.random.default_rng(0)
    tensors = {}
    for layer in range(LAYERS):
        name = f"transformer.h.{layer}"
        shapes = {"attn.c_attn.weight": (WIDTH, 3 * WIDTH), "attn.c_proj.weight": (WIDTH, WIDTH)}
        for part, shape in shapes.items():
            tensors[f"{name}.{part}"] = rng.standard_normal(shape).astype(np.float32)
    save_file(tensors, folder / "model.safetensors")
    config = {"model_type": "gpt2", "n_layer": LAYERS, "n_head": HEADS, "n_embd": WIDTH}
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    return compute(folder, metrics="pk,cs", selection=Selection())

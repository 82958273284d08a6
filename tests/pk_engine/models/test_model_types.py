"""Every model type that a family file names, against a small running network of it.

`test_families.py` compares matrices exactly where a family is old enough for it. Here each model
type is built from its configuration class, saved, read, and held against what its heads do.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="the small models are run with torch")
pytest.importorskip("transformers", reason="and built by transformers")

import torch
from transformers.models.auto.configuration_auto import CONFIG_MAPPING
from transformers.utils import logging

from headgraph.pk_engine.models.family import families
from headgraph.pk_engine.models.weights import ModelWeights
from tests.pk_engine import reading, zoo_wide

logging.disable_progress_bar()

ELSEWHERE = {
    "transformer_lens": "not of transformers; test_families_lens.py",
    "gemma3": "a model of two parts; test_families.py",
    "gpt_neo": "its configuration lists its layers; test_families.py",
}


@pytest.fixture(autouse=True)
def one_thread() -> Any:
    """Tiny products are slower on several threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.filterwarnings("ignore")  # of transformers, about configurations this small
@pytest.mark.parametrize("model_type", sorted(families().keys() - ELSEWHERE.keys()))
def test_a_model_type_reads_and_writes_what_is_read_here(model_type: str, tmp_path: Path) -> None:
    model = zoo_wide.build(model_type)
    model.save_pretrained(tmp_path)
    weights = ModelWeights(tmp_path)
    assert weights.shape.n_layers == 2
    assert weights.shape.d_model == 32
    if weights.family.embedding:
        entering = model.get_input_embeddings().weight.detach().numpy()
        read = weights.embedding_files().embedding()
        if read.shape == entering.shape:  # ELECTRA's passes a matrix
            np.testing.assert_array_equal(read, entering)
    reading.check(model, weights, zoo_wide.inputs_of(model))


def test_each_model_type_is_one_of_transformers() -> None:
    assert families().keys() - ELSEWHERE.keys() <= set(CONFIG_MAPPING.keys())

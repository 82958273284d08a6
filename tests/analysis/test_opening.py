"""A model that runs gives the predictions of transformers; one that lacks tensors is refused."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from headgraph.analysis.errors import RunningError
from headgraph.pk_engine.bundled import model_path
from tests.shared import GPT2, MODELS, needs_shared

torch = pytest.importorskip("torch")
pytest.importorskip("transformer_lens")

from headgraph.analysis.running import open_model  # noqa: E402

RUNS = ["stories260K", "babyllama-361", "slm-4096", "capp-gpt2"]


@needs_shared
@pytest.mark.parametrize("name", RUNS)
def test_predictions_are_those_of_transformers(name: str, caplog: Any) -> None:
    from transformers import AutoModelForCausalLM

    bridge = open_model(MODELS / name)
    tokens = torch.arange(24).reshape(2, 12) + 3
    with torch.no_grad():
        theirs = AutoModelForCausalLM.from_pretrained(MODELS / name).eval()(tokens).logits
        ours = bridge(tokens, prepend_bos=False)
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)
    assert (bridge.tokenizer is None) == (name == "capp-gpt2")


@needs_shared
def test_attention_alone_is_not_run() -> None:
    with pytest.raises(RunningError, match=r"gpt2-attention cannot be run: the weights in .* lack"):
        open_model(GPT2)


def test_a_bridge_stays_and_a_copy_without_a_tensor_is_refused(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    bridge = open_model("induction-2l")
    assert open_model(bridge) is bridge
    folder = tmp_path / "cut"
    shutil.copytree(model_path("induction-2l"), folder)
    tensors = load_file(folder / "model.safetensors")
    del tensors["transformer.h.1.mlp.c_fc.weight"]
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(RunningError, match=r"lack 1 tensors .*h\.1\.mlp\.c_fc\.weight"):
        open_model(folder)

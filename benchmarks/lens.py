"""GPT-2 small in TransformerLens: real attention weights, everything else random."""

import shutil
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from safetensors.torch import load_file

from benchmarks.common import GPT2
from headgraph.pk_engine.bundled import model_path


def bridge() -> Any:
    """The model, as people have it before they ask for scores."""
    from transformer_lens.model_bridge import TransformerBridge
    from transformers import GPT2Config, GPT2LMHeadModel
    from transformers import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    torch.set_grad_enabled(False)  # otherwise it keeps what a backward pass would need
    config = GPT2Config.from_pretrained(GPT2, attn_implementation="eager")
    model = GPT2LMHeadModel(config).eval()
    stored = {f"transformer.{name}": value for name, value in _attention().items()}
    _, unexpected = model.load_state_dict(stored, strict=False)
    if unexpected:
        raise SystemExit(f"{GPT2} has tensors that GPT-2 does not: {unexpected}")
    with TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        shutil.copy(GPT2 / "config.json", folder)
        for name in ("tokenizer.json", "tokenizer_config.json"):  # any will do, one must be there
            shutil.copy(model_path("induction-2l") / name, Path(folder) / name)
        return TransformerBridge.boot_transformers(folder, hf_model=model, device="cpu")


def _attention() -> dict[str, Any]:
    tensors = load_file(GPT2 / "model.safetensors")
    found = {name.removeprefix("transformer."): value for name, value in tensors.items()}
    return {name: value for name, value in found.items() if ".attn.c_" in name}


def projection_kernel(model: Any) -> dict[str, Any]:
    """OQ, OK and OV, layers x heads x layers x heads."""
    from transformer_lens.tools.analysis import attention_head_subspace_affinity

    return {
        f"O{role}": attention_head_subspace_affinity(model, target_role=role).scores
        for role in "QKV"
    }


def composition(model: Any) -> dict[str, Any]:
    """Composition scores, layers x heads x layers x heads."""
    return {f"O{role}": model.all_composition_scores(role).scores for role in "QKV"}

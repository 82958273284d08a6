"""Parts of the report that need more than attention weights: GPT-2's, and the rest random."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from headgraph.analysis.reproduction._reproduce import published
from headgraph.analysis.reproduction.claims import NOT_RUN, READING
from headgraph.analysis.reproduction.parts.model import TEXT, identity_heads, top_tokens
from headgraph.analysis.reproduction.sources import Source
from headgraph.pk_engine.bundled import model_path
from tests.shared import GPT2, needs_shared

pytestmark = needs_shared


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that runs: real attention, random embeddings and MLPs, a small vocabulary."""
    from safetensors.torch import load_file
    from transformers import GPT2Config, GPT2LMHeadModel

    folder = tmp_path_factory.mktemp("gpt2")
    config = GPT2Config.from_pretrained(GPT2, vocab_size=300, n_positions=256)
    model = GPT2LMHeadModel(config)
    stored = load_file(GPT2 / "model.safetensors")
    model.load_state_dict(
        {f"transformer.{name}": value for name, value in stored.items() if ".attn.c_" in name},
        strict=False,
    )
    model.save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(model_path("induction-2l") / name, folder / name)
    return folder


def test_the_patterns_diagonal_is_that_of_the_network(whole: Path) -> None:
    """Against transformers' own attentions, on the text of Fig. 7 without a first token."""
    import torch
    from transformers import AutoTokenizer, GPT2LMHeadModel

    part = identity_heads(Source(whole), published())
    assert {claim.verdict for claim in part.claims} == {READING}
    model = GPT2LMHeadModel.from_pretrained(whole, attn_implementation="eager").eval()
    tokens = AutoTokenizer.from_pretrained(whole)(TEXT, add_special_tokens=False)["input_ids"]
    with torch.no_grad():
        patterns = model(torch.tensor([tokens]), output_attentions=True).attentions
    ours = {claim.quantity.rpartition(" ")[2]: claim for claim in part.claims}
    diagonal = patterns[4][0, 7].diagonal().mean().item()
    assert float(ours["L4H7"].difference) == pytest.approx(diagonal - 0.37, abs=2e-3)


def test_tokens_are_compared_by_name(whole: Path) -> None:
    part = top_tokens(Source(whole), published())
    named = {claim.quantity: claim for claim in part.claims}
    ten = named["our ten first of L10H0 O"].ours.split(", ")
    assert len(ten) == 10
    assert not np.isin(["cannabis", "bicycle"], ten).any()  # a random embedding knows no words


def test_a_folder_without_them_says_what_it_lacks() -> None:
    tokens, heads = (part(Source(GPT2), published()) for part in (top_tokens, identity_heads))
    assert {claim.verdict for claim in (*tokens.claims, *heads.claims)} == {NOT_RUN}
    assert any("cannot be run" in sentence for sentence in heads.says)
    assert "embedding" in tokens.says[0]

"""Path patching against a run by hand in float64, against TransformerLens, and where it is 0."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from headgraph.analysis.errors import PatchingError
from headgraph.analysis.patching import PathPatcher
from headgraph.analysis.running import Prompts, prompts_for
from headgraph.pk_engine.bundled import model_path
from tests.analysis.running.attention_only import AttentionOnly, mean_kl, mean_loss
from tests.shared import MODELS, needs_shared

torch = pytest.importorskip("torch")
pytest.importorskip("transformer_lens")

from headgraph.analysis.running import open_model  # noqa: E402

PATHS = [((0, 1), (1, 2), "K"), ((0, 5), (1, 1), "Q"), ((0, 6), (1, 3), "V")]


@pytest.fixture(scope="module")
def model() -> Any:
    return open_model("induction-2l")


@pytest.fixture(scope="module")
def prompts(model: Any) -> Prompts:
    return prompts_for(model, n_prompts=6, length=16, seed=4)


@pytest.fixture(scope="module")
def patcher(model: Any, prompts: Prompts) -> Iterator[PathPatcher]:
    with PathPatcher(model, prompts) as found:
        yield found


@pytest.fixture(scope="module")
def by_hand() -> AttentionOnly:
    return AttentionOnly(model_path("induction-2l"), 8)


@pytest.mark.parametrize("path", PATHS)
def test_effects_are_those_of_a_run_by_hand(
    patcher: PathPatcher, prompts: Prompts, by_hand: AttentionOnly, path: Any
) -> None:
    source, target, role = path
    before = by_hand.run(prompts.tokens)
    mean = before.writes[source].mean(0, keepdims=True)
    after = by_hand.run(prompts.tokens, path=path, write=mean)
    found = patcher.effect(source, target, role)
    # float32 against float64: KL is a difference of second order, of logits known to 1e-5
    assert found.effect == pytest.approx(mean_kl(before, after, prompts.counts), rel=0.01)
    change = np.linalg.norm(after.writes[target] - before.writes[target])
    assert found.local == pytest.approx(change / np.linalg.norm(before.writes[target]), rel=1e-4)
    layer_reads = (
        by_hand.t["wte.weight"][prompts.tokens]
        + by_hand.t["wpe.weight"][: prompts.tokens.shape[1]]
        + sum(before.writes[0, head] for head in range(8))
        + by_hand.t["h.0.attn.c_proj.bias"]
    )
    written = np.linalg.norm(mean - before.writes[source]) / np.linalg.norm(layer_reads)
    assert found.written == pytest.approx(written, rel=1e-4)
    assert found.gain == pytest.approx(found.local / written, rel=1e-4)
    losses = [mean_loss(run, prompts.tokens, prompts.counts) for run in (after, before)]
    assert found.loss_change == pytest.approx(losses[0] - losses[1], abs=1e-6, rel=0.01)
    assert patcher.base.loss == pytest.approx(losses[1], rel=1e-3)


@pytest.mark.parametrize("role", ["q", "k", "v"])
def test_effects_are_those_of_transformer_lens(
    model: Any, prompts: Prompts, patcher: PathPatcher, role: str
) -> None:
    from transformer_lens.patching import get_act_patch_direct_path

    source, name = (0, 5), "blocks.0.attn.hook_z"
    tokens, counts = torch.as_tensor(prompts.tokens), torch.as_tensor(prompts.counts)
    z = patcher.base.z[0]
    with torch.no_grad():
        log_p = model(tokens, prepend_bos=False)[:, :-1][counts].double().log_softmax(-1)

        def kl(logits: Any) -> Any:
            log_q = logits[:, :-1][counts].double().log_softmax(-1)
            return (log_p.exp() * (log_p - log_q)).sum(-1).mean()

        theirs = get_act_patch_direct_path(
            model, tokens, {name: z.mean(0, keepdim=True).expand_as(z)}, {name: z}, kl,
            *source, component=role, verbose=False,
        )  # fmt: skip
    # their flags went off behind our back, as they do at the end of such a call
    model.set_use_split_qkv_input(True)
    ours = [patcher.effect(source, (1, head), role.upper()).effect for head in range(8)]
    assert min(ours) > 1e-8
    np.testing.assert_allclose(ours, theirs[1].numpy(), rtol=1e-3, atol=1e-9)


def test_a_head_in_its_own_place_changes_nothing(model: Any, prompts: Prompts) -> None:
    same = Prompts(prompts.tokens[[0, 0, 0]], prompts.counts[[0, 0, 0]], "one, thrice", 0)
    with PathPatcher(model, same, replace="resample") as patcher:
        for source, target, role in PATHS:
            assert patcher.effect(source, target, role) == (0.0,) * 6


@pytest.mark.parametrize("replace", ["mean", "resample", "zero"])
def test_a_head_that_writes_nothing_has_no_effect(prompts: Prompts, replace: str) -> None:
    silent = open_model("induction-2l")
    with torch.no_grad():
        rows = silent.original_model.transformer.h[0].attn.c_proj.weight
        rows[16:32] = 0  # L0H1: W_O lies as (head d_head) x d_model
    with PathPatcher(silent, prompts, replace=replace) as patcher:
        for role in "QKV":
            assert patcher.effect((0, 1), (1, 2), role) == (0.0,) * 6
            assert patcher.effect((0, 5), (1, 2), role).effect > 0


def test_the_model_is_left_as_it_was(model: Any, prompts: Prompts) -> None:
    tokens, fresh = torch.as_tensor(prompts.tokens), open_model("induction-2l")
    with torch.no_grad():
        before = fresh(tokens, prepend_bos=False)
        with PathPatcher(fresh, prompts) as patcher:
            patcher.effect(*PATHS[0])
        assert fresh.cfg.use_split_qkv_input is False
        assert torch.equal(fresh(tokens, prepend_bos=False), before)


@needs_shared
@pytest.mark.parametrize("role", ["K", "V"])
def test_keys_and_values_of_grouped_heads(role: str) -> None:
    """The same by hooks on what the projection gives, recomputed from the residual stream."""
    model = open_model(MODELS / "stories260K")
    prompts = prompts_for(model, n_prompts=4, length=12)
    tokens, counts = torch.as_tensor(prompts.tokens), torch.as_tensor(prompts.counts)
    layer, shared, source = 3, 2, (1, 6)
    with torch.no_grad():
        logits, cache = model.run_with_cache(tokens, prepend_bos=False)
        write = cache[f"blocks.{source[0]}.attn.hook_z"][:, :, source[1]]
        write = write @ model.blocks[source[0]].attn.W_O[source[1]]
        x = cache[f"blocks.{layer}.hook_resid_pre"] + write.mean(0, keepdim=True) - write
        norm = model.original_model.model.layers[layer].input_layernorm.weight
        x = x / (x**2).mean(-1, keepdim=True).add(1e-5).sqrt() * norm
        matrix = getattr(model.blocks[layer].attn, f"W_{role}")[shared]

        def put(values: Any, hook: Any) -> Any:
            values = values.clone()
            values[:, :, shared] = x @ matrix
            return values

        name = f"blocks.{layer}.attn.hook_{role.lower()}"
        patched = model.run_with_hooks(tokens, prepend_bos=False, fwd_hooks=[(name, put)])
        p, q = (part[:, :-1][counts].double().log_softmax(-1) for part in (logits, patched))
        kl = float((p.exp() * (p - q)).sum(-1).mean())
    with PathPatcher(model, prompts) as patcher:
        found = [patcher.effect(source, (layer, head), role) for head in (4, 5)]
        elsewhere = patcher.effect(source, (layer, 6), role)
    assert found[0] == found[1] != elsewhere  # both read through key/value head 2
    assert found[0].effect == pytest.approx(kl, rel=1e-3)


def test_the_standard_error_is_that_of_means_over_prompts(patcher: PathPatcher) -> None:
    """With as many predictions in each prompt it is the textbook's: sd / sqrt(n)."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=(6, 15))
    found = patcher.base._standard_error(values.ravel())
    assert found == pytest.approx(values.mean(1).std(ddof=1) / np.sqrt(6), rel=1e-12)


def test_what_cannot_be_patched_is_said(model: Any, prompts: Prompts, patcher: PathPatcher) -> None:
    with pytest.raises(PatchingError, match="L1H0 > L1H2: expected a source in an earlier layer"):
        patcher.effect((1, 0), (1, 2), "K")
    with (
        PathPatcher(open_model("induction-2l"), prompts, replace="median") as other,
        pytest.raises(PatchingError, match="replace='median': expected mean, resample, zero"),
    ):
        other.effect(*PATHS[0])

"""Every family against the running network: what heads read and write, and where the norm is."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.pk_engine import TRANSFORMERS

pytest.importorskip("torch", reason="the small models are run with torch")
pytest.importorskip("transformers", minversion=TRANSFORMERS, reason="and built by transformers")

import torch
from transformers.utils import logging

from headgraph.pk_engine.errors import ModelError
from headgraph.pk_engine.linalg.bases import bases
from headgraph.pk_engine.models.families.catalogue import families
from headgraph.pk_engine.models.weights import ModelWeights
from tests.pk_engine import tap, unequal_zoo, zoo
from tests.pk_engine.models.test_model_types import ELSEWHERE
from tests.pk_engine.zoo import KINDS, Kind

logging.disable_progress_bar()


class Built:
    """A small model in memory and on disk, and what we read of it."""

    def __init__(self, name: str, folder: Path) -> None:
        self.kind: Kind = KINDS[name]
        self.model: Any = self.kind.build()
        self.folder = zoo.save(self.model, folder)
        self.weights = ModelWeights(self.folder)


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Any:
    @cache
    def built(name: str) -> Built:
        return Built(name, tmp_path_factory.mktemp(name))

    return built


@pytest.fixture(params=KINDS)
def built(request: pytest.FixtureRequest, build: Any) -> Built:
    return build(request.param)  # type: ignore[no-any-return]


def test_every_family_has_a_small_model(build: Any) -> None:
    covered = {build(name).weights.family.name for name in KINDS}
    # not of transformers; test_families_lens.py and test_gguf.py have them
    others = {"transformer_lens", "gguf", "diffllama", "funnel", "hrm_text", "jetmoe"}
    others |= {"squeezebert", "xlnet"} | unequal_zoo.IN_PARTS
    others |= unequal_zoo.IN_STAGES | unequal_zoo.IN_STACKS
    unequal = {unequal_zoo.family_of(kind) for kind, _ in unequal_zoo.KINDS.values()}
    tried = {families()[name].name for name in families().keys() - ELSEWHERE}
    assert covered | others | unequal | tried == {family.name for family in families().values()}


def test_each_matrix_is_the_linear_map_of_the_running_head(built: Built) -> None:
    kind, model = built.kind, built.kind.build()
    zoo.without_head_norms(model)
    for layer, matrices in enumerate(built.weights.layers()):
        for role, wanted in tap.live_heads(kind, model, layer).items():
            assert matrices[role].shape == wanted.shape, role
            # BLOOM adds the residual inside, whose size takes a digit off the difference
            np.testing.assert_allclose(matrices[role], wanted, atol=1e-5, err_msg=role)


def test_a_head_reads_its_subspace_and_nothing_else(built: Built) -> None:
    """Norms of queries and keys are left in: they may bend what is read, not where."""
    kind, rng = built.kind, np.random.default_rng(0)
    for layer, matrices in enumerate(built.weights.layers()):
        with tap.tapped(kind, built.model, layer) as run:
            for role in "QKV":
                basis = bases(matrices[role]).basis  # heads x d x m
                for head in sorted({0, len(basis) - 1}):
                    _check_reading(run, role, head, basis[head].astype(np.float64), rng)


def _check_reading(run: Any, role: str, head: int, basis: np.ndarray, rng: Any) -> None:
    d, m = basis.shape
    seen = tap.moved(run, role, head, basis, rng)
    moved = np.abs((seen[1:] - seen[:1]).numpy()).max(axis=1)
    assert (moved[:6] > 1e-2).all(), f"{role} of head {head} ignores its own subspace"
    if m < d:
        assert (moved[6:] < 1e-4).all(), f"{role} of head {head} reads beyond its subspace"


def test_a_head_writes_into_its_subspace_and_fills_it(built: Built) -> None:
    kind, generator = built.kind, torch.Generator().manual_seed(0)
    for layer, matrices in enumerate(built.weights.layers()):
        with tap.tapped(kind, built.model, layer) as run:
            basis = bases(matrices["O"])
            for head in range(kind.heads):
                z = torch.zeros(2 * kind.m + 1, kind.heads, kind.m)
                z[1:, head] = torch.randn(2 * kind.m, kind.m, generator=generator)
                out = run(torch.zeros(len(z), kind.d), z).written.numpy()
                written = (out[1:] - out[:1]).T.astype(np.float64)
                u = basis.basis[head].astype(np.float64)[:, : basis.rank[head]]
                scale = np.abs(written).max()
                assert np.abs(written - u @ (u.T @ written)).max() < 1e-4 * scale
                assert np.linalg.matrix_rank(written, tol=1e-3 * scale) == basis.rank[head]


def test_the_norm_that_is_named_gives_what_attention_reads(built: Built) -> None:
    kind, norm = built.kind, built.weights.family.norm
    assert (kind.norm is None) == (norm.follows is not None)
    for layer in range(2 if kind.norm else 0):
        module = tap.at(built.model, kind.norm, layer)
        attention = tap.at(built.model, kind.attention, layer)
        given, taken = _between(built.model, module, attention)
        torch.testing.assert_close(given, taken, rtol=0, atol=0)


def _between(model: Any, norm: Any, attention: Any) -> tuple[Any, Any]:
    """What the norm gives and what attention takes, in one pass."""
    seen: dict[str, Any] = {}

    def take(_: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        seen["taken"] = kwargs["hidden_states"] if "hidden_states" in kwargs else args[0]

    hooks = [
        norm.register_forward_hook(lambda *hook: seen.update(given=hook[2])),
        attention.register_forward_pre_hook(take, with_kwargs=True),
    ]
    with torch.no_grad():
        model(torch.arange(3, 6)[None], use_cache=False)
    for hook in hooks:
        hook.remove()
    return seen["given"], seen["taken"]


def test_folded_matrices_read_the_residual_stream_before_the_norm(built: Built) -> None:
    """W^T (norm(x) - norm(0)) = W_fold^T x / s, s = sd(x) or rms(x), for the live norm."""
    kind = built.kind
    if kind.norm is None:
        with pytest.raises(
            ModelError, match=r"fold_ln=True: in this .* no norm precedes attention"
        ):
            ModelWeights(built.folder, fold_ln=True)
        return
    folded = ModelWeights(built.folder, fold_ln=True)
    layered = folded.family.norm.kind == "LayerNorm"
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(5, kind.d, generator=generator) * 3 + 1
    middle = x - x.mean(1, keepdim=True) if layered else x
    size = middle.square().mean(1).sqrt()
    for layer in range(2):
        module = tap.at(built.model, kind.norm, layer)
        with torch.no_grad():
            y = module(x) - module(torch.zeros_like(x))
        raw, new = folded.raw_layer(layer), folded.layer(layer)
        assert (raw["O"] == new["O"]).all()
        for role in "QKV":
            wanted = np.einsum("nd,hdm->hnm", y.numpy(), raw[role])
            got = np.einsum("nd,hdm->hnm", (x / size[:, None]).numpy(), new[role])
            np.testing.assert_allclose(got, wanted, atol=2e-4)

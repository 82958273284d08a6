"""TransformerLens as the second source: its own numbers."""

import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

pytest.importorskip("transformer_lens", reason="it is the source that is tested")

import torch
from transformer_lens.model_bridge import TransformerBridge
from transformer_lens.tools.analysis import attention_head_subspace_affinity

from headgraph import cli
from headgraph.pk_engine import compute, principal_angles
from headgraph.pk_engine.bundled import model_path
from headgraph.pk_engine.errors import ModelError, UnknownFamily, WeightsError
from headgraph.pk_engine.models.families import catalogue
from headgraph.pk_engine.models.interface import Weights
from headgraph.pk_engine.models.lens.boot import boot
from headgraph.pk_engine.models.lens.weights import BridgeWeights
from headgraph.pk_engine.models.sources import open_weights
from headgraph.pk_engine.models.weights import ModelWeights
from headgraph.pk_engine.table.affinity import AffinityTable
from tests.pk_engine.conftest import point_at
from tests.pk_engine.hub_server import HubServer, Repo, folder_files
from tests.pk_engine.lens_models import ALL, LENS, TINY, coder, gpt2, save
from tests.shared import MODELS, needs_shared
from tests.test_cli import ROOT

__all__ = ["coder", "gpt2"]


def bridge_of(folder: Path) -> Any:
    return TransformerBridge.boot_transformers(str(folder), dtype=torch.float32)


def dense(table: AffinityTable, pairing: str, metric: str = "pk") -> np.ndarray:
    """Layers x heads x layers x heads; 0 where nothing is scored."""
    rows = table.frame[table.frame.pairing == pairing]
    at = [rows[f"{end}_{what}"] for end in ("source", "target") for what in ("layer", "head")]
    meta = table.meta
    heads = [meta.heads_of(role) for role in pairing]
    values = np.zeros((meta.n_layers, heads[0], meta.n_layers, heads[1]))
    values[tuple(at)] = rows[metric]
    return values


# ----- a bridge from Python, against what TransformerLens says itself


@pytest.fixture(scope="module", params=["slm-4096", "stories260K", "induction-2l", "random"])
def model(request: pytest.FixtureRequest, gpt2: Path) -> Path:
    folder = {"random": gpt2, "induction-2l": model_path("induction-2l")}.get(request.param)
    if folder is None and not MODELS.is_dir():
        pytest.skip("the real weights are not there")
    return folder or MODELS / request.param


@pytest.fixture(scope="module")
def bridge(model: Path) -> Any:
    return bridge_of(model)


def test_the_numbers_are_those_of_transformer_lens(bridge: Any) -> None:
    native = compute(bridge, selection=ALL)
    expanded = compute(bridge, selection=ALL, metrics=["pk", "cs"])
    for role in "QKV":
        theirs = attention_head_subspace_affinity(bridge, source_role="O", target_role=role)
        np.testing.assert_allclose(dense(native, f"O{role}"), theirs.scores.detach(), atol=1e-3)
        theirs = bridge.all_composition_scores(role)
        ours = dense(expanded, f"O{role}", "cs")
        np.testing.assert_allclose(ours, theirs.scores.detach(), atol=1e-4)


def test_a_bridge_and_its_folder_are_the_same_model(bridge: Any, model: Path) -> None:
    ours, theirs = compute(model, selection=ALL), compute(bridge, selection=ALL)
    assert theirs.meta.fingerprint == ours.meta.fingerprint
    assert theirs.meta.model == model.name
    assert (theirs.meta.family, theirs.meta.revision) == ("transformer-lens", None)
    assert (theirs.meta.fold_ln, theirs.meta.center_writing) == (False, False)
    assert theirs.frame.equals(ours.frame)
    assert compute(model, selection=ALL, **LENS).frame.equals(ours.frame)


def test_angles_of_a_bridge(gpt2: Path) -> None:
    ours = principal_angles(gpt2, "L0H1", "L2H3", "OK")
    assert principal_angles(bridge_of(gpt2), "L0H1", "L2H3", "OK").equals(ours)
    assert principal_angles(gpt2, "L0H1", "L2H3", "OK", **LENS).equals(ours)


def test_heads_of_less_than_full_rank(gpt2: Path) -> None:
    bridge = bridge_of(gpt2)
    rows = bridge.blocks[0].attn.o.weight
    with torch.no_grad():
        rows[12:24] = 0  # head 1
        rows[24:30] = rows[30:36]
    table = compute(bridge, selection=ALL)
    found = [(entry["head"], entry["rank"]) for entry in table.meta.deficient]
    assert found == [(1, 0), (2, 6)]
    with torch.no_grad():
        rows[0] = torch.nan
    with pytest.raises(WeightsError, match="the O matrix of L0H0 holds NaN or Inf"):
        compute(bridge)


# ----- weights that TransformerLens has processed


def test_processed_weights_are_seen_and_never_processed_twice(gpt2: Path) -> None:
    for fold, centre in ((True, True), (True, False), (False, True), (False, False)):
        bridge = bridge_of(gpt2)
        bridge.process_weights(
            fold_ln=fold,
            center_writing_weights=centre,
            center_unembed=False,
            fold_value_biases=False,
        )
        weights = BridgeWeights(bridge)
        assert (weights.fold_ln, weights.center_writing) == (fold, centre)
        files = ModelWeights(gpt2, fold_ln=fold, center_writing=centre)
        for role in "QKVO":
            np.testing.assert_allclose(weights.layer(1)[role], files.layer(1)[role], atol=1e-6)
        if fold:
            with pytest.raises(
                ModelError, match=r"fold_ln: TransformerLens did this to .* already"
            ):
                compute(bridge, fold_ln=True)
        if centre:
            with pytest.raises(ModelError, match="center_writing: TransformerLens did this"):
                compute(bridge, center_writing=True)


def test_compatibility_mode_is_seen(gpt2: Path) -> None:
    bridge = bridge_of(gpt2)
    bridge.enable_compatibility_mode(disable_warnings=True)
    table = compute(bridge)
    assert (table.meta.fold_ln, table.meta.center_writing) == (True, True)
    bridge = bridge_of(gpt2)
    bridge.enable_compatibility_mode(disable_warnings=True, no_processing=True)
    assert compute(bridge).meta.fingerprint == compute(gpt2).meta.fingerprint


def test_a_bridge_is_left_as_it_is(gpt2: Path) -> None:
    bridge = bridge_of(gpt2)
    for option in ("fold_ln", "center_writing"):
        with pytest.raises(
            ModelError, match=rf"{option}: .* call bridge.process_weights\({option}"
        ):
            compute(bridge, **{option: True})
    with pytest.raises(ModelError, match="in memory and has no revision 'v1'"):
        compute(bridge, revision="v1")


@pytest.mark.usefixtures("fewer_families")
def test_folding_through_transformer_lens(gpt2: Path, coder: Path, tmp_path: Path) -> None:
    files = ModelWeights(gpt2, fold_ln=True, center_writing=True)
    lens = boot(gpt2, fold_ln=True, center_writing=True)
    assert (lens.fold_ln, lens.center_writing) == (True, True)
    for layer in range(3):
        raw = lens.raw_layer(layer)
        for role in "QKVO":
            np.testing.assert_array_equal(raw[role], files.raw_layer(layer)[role])
            ours, theirs = files.layer(layer)[role], lens.processed(layer, raw)[role]
            np.testing.assert_allclose(ours, theirs, atol=1e-6)
    assert boot(coder, fold_ln=True).fold_ln
    # a family knows that TransformerLens would fold what the residual stream needs
    bloom = {"n_layer": 2, "n_head": 4, "hidden_size": 24, "vocab_size": 32}
    post = save(tmp_path / "b", "Bloom", **bloom, apply_residual_connection_post_layernorm=True)
    with pytest.raises(ModelError, match="fold_ln=True: in this bloom model no norm precedes"):
        boot(post, fold_ln=True)
    # norms of the residual stream after attention, and RMS norms
    olmo = save(tmp_path / "olmo", "Olmo2", **TINY)
    with pytest.raises(ModelError, match=r"does not fold or centre .*Olmo2.*") as caught:
        boot(olmo, fold_ln=True)
    assert str(caught.value).endswith("): leave fold_ln and center_writing out")
    said = caught.value.for_command_line()
    assert said.endswith("): leave --fold-ln and --center-writing out")
    with pytest.raises(ModelError, match="RMS norms, which keep the mean"):
        boot(olmo, center_writing=True)


# ----- folders through TransformerLens


@pytest.fixture
def fewer_families(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if no family described StarCoder 2 and OLMo 2, which TransformerLens reads too."""
    folder = tmp_path / "families"
    left_out = shutil.ignore_patterns("stablelm.toml", "olmo2.toml")
    shutil.copytree(catalogue.FOLDER, folder, ignore=left_out)
    monkeypatch.setattr(catalogue, "FOLDER", folder)


@pytest.mark.usefixtures("fewer_families")
def test_an_architecture_that_no_family_describes(
    coder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UnknownFamily, match=r"; via='transformer-lens' reads more$"):
        compute(coder)
    # in this process: torch and TransformerLens take long to import
    args = ["compute", str(coder), "--via", "transformer-lens", "--all", "-o", str(tmp_path / "t")]
    with pytest.raises(SystemExit) as done:
        cli.main(args)
    said = capfd.readouterr().err
    assert done.value.code == 0, said
    assert "Loading" not in said
    meta = AffinityTable.read(tmp_path / "t").meta
    assert (meta.model, meta.family, meta.n_kv_heads) == (coder.name, "transformer-lens", 2)
    stored = load_file(coder / "model.safetensors")
    weights: Weights = open_weights(coder, **LENS)
    for layer in range(2):
        found = weights.raw_layer(layer)
        for role in "QKVO":
            w = stored[f"model.layers.{layer}.self_attn.{role.lower()}_proj.weight"]
            w = w if role == "O" else w.T
            heads = np.stack(np.split(w, 2 if role in "KV" else 4, axis=1))
            np.testing.assert_array_equal(found[role], heads)


def test_half_precision_stays_small_and_exact(tmp_path: Path) -> None:
    folder = save(tmp_path, "Llama", torch.bfloat16, **TINY)
    weights = boot(folder)
    assert weights._tensor(0, "Q").dtype == torch.bfloat16
    for role, matrix in ModelWeights(folder).layer(1).items():
        np.testing.assert_array_equal(weights.layer(1)[role], matrix)


@needs_shared
def test_no_tokenizer_is_needed() -> None:
    lens, files = boot(MODELS / "capp-gpt2"), ModelWeights(MODELS / "capp-gpt2")
    assert all((lens.layer(0)[role] == matrix).all() for role, matrix in files.layer(0).items())


def test_a_hub_id(coder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with HubServer() as server:
        point_at(server.url, tmp_path, monkeypatch)
        server.repos["team/coder"] = repo = Repo()
        commit = repo.commit(folder_files(coder), "main", "v1")
        table = compute("team/coder", revision="v1", **LENS)
        assert sorted(server.files_sent) == ["config.json", "model.safetensors"]
    assert (table.meta.model, table.meta.revision) == ("team/coder", commit)


# ----- what the page says


def test_the_page_is_right(capsys: pytest.CaptureFixture[str]) -> None:
    page = (ROOT / "docs/guides/transformer-lens.md").read_text("utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```\n\n```\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 2
    scope: dict[str, Any] = {}
    for code, printed in blocks:
        exec(code, scope)
        assert capsys.readouterr().out == printed


@pytest.mark.parametrize("fold_ln", [False, True])
def test_an_interrupted_job_goes_on(coder: Path, tmp_path: Path, fold_ln: bool) -> None:
    begun: list[int] = []

    def listen(what: str, done: int, total: int) -> None:
        if what == "Comparing groups of layers":
            begun.append(done)
            if begun == [0, 1, 2]:
                raise KeyboardInterrupt

    options: dict[str, Any] = {"layer_order": "all", "memory": 1e-9, "fold_ln": fold_ln, **LENS}
    again = {**options, "partial": tmp_path / "p", "progress": listen}
    with pytest.raises(KeyboardInterrupt):
        compute(coder, **again)
    assert (tmp_path / "p").exists()
    table = compute(coder, **again)
    assert begun == [0, 1, 2, 2, 3], "the first two of four groups are not done again"
    assert table.sha256 == compute(coder, **options).sha256

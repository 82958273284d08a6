"""Principal angles of a chosen pair: the published score, ranks, shared heads, refusals."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.linalg import subspace_angles

from headgraph.base.errors import BadName, UnknownHead
from headgraph.pk_engine import Selection, compute
from headgraph.pk_engine.errors import EngineError
from headgraph.pk_engine.metrics.angles import principal_angles
from headgraph.pk_engine.models.weights import ModelWeights
from tests.commands import headgraph
from tests.pk_engine import oracle, unequal_checkpoints
from tests.pk_engine.checkpoints import LLAMA_CONFIG, gpt2_tensors, llama_tensors, save
from tests.shared import GPT2, needs_shared


@needs_shared
def test_the_strongest_pair_of_gpt2() -> None:
    frame = principal_angles(GPT2, "L4H11", "L5H1", "OK")
    assert round(float((frame.cosine**2).sum()), 3) == 39.331
    assert round(frame.attrs["pk"], 3) == 39.331
    assert frame["index"].tolist() == list(range(1, 65))
    heads = oracle.gpt2_heads(GPT2)
    wanted = np.degrees(np.sort(subspace_angles(heads["O"][4, 11], heads["K"][5, 1])))
    assert frame.angle_degrees.to_numpy() == pytest.approx(wanted, abs=1e-6)
    assert frame.pk_share.iloc[-1] == pytest.approx(1)
    assert frame.pk_share.is_monotonic_increasing


def test_only_the_layers_of_the_two_heads_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    whole = ModelWeights.layer
    monkeypatch.setattr(ModelWeights, "layer", lambda w, n: read.append(n) or whole(w, n))
    model = save(tmp_path)
    principal_angles(model, "L1H0", "L1H1", "QQ")
    assert set(read) == {1}


def test_ranks_below_full(tmp_path: Path) -> None:
    tensors = gpt2_tensors()
    keys = tensors["h.1.attn.c_attn.weight"][:, 16:24]  # K of layer 1, head 0: 16 x 8
    keys[:, 3:] = keys[:, :1]  # three directions are left
    model = save(tmp_path, tensors)
    frame = principal_angles(model, "L0H0", "L1H0", "OK")
    assert frame.attrs["ranks"] == [8, 3]
    assert len(frame) == 3
    table = compute(model, selection=Selection()).frame
    row = table[(table.pairing == "OK") & (table.source_head == 0) & (table.target_head == 0)]
    assert float(row.pk.iloc[0]) == pytest.approx((frame.cosine**2).sum(), abs=1e-4)


def test_key_value_heads_of_query_heads(tmp_path: Path) -> None:
    model = save(tmp_path, llama_tensors(), LLAMA_CONFIG)  # 4 query heads, 2 key/value heads
    frames = [principal_angles(model, "L0H1", f"L1H{head}", "OV") for head in range(4)]
    assert [frame.attrs["kv_heads"] for frame in frames] == [[None, h] for h in (0, 0, 1, 1)]
    assert frames[0].equals(frames[1])
    assert not frames[1].equals(frames[2])
    heads = oracle.llama_heads(model)
    wanted = oracle.pk(heads["O"][0, 1], heads["V"][1, 1])
    assert frames[3].attrs["pk"] == pytest.approx(wanted, abs=1e-6)


def test_a_subspace_with_itself_has_no_angle(tmp_path: Path) -> None:
    model = save(tmp_path, llama_tensors(), LLAMA_CONFIG)
    frame = principal_angles(model, "L1H2", "L1H3", "KK")  # they share key/value head 1
    assert frame.attrs["kv_heads"] == [1, 1]
    assert frame.angle_degrees.max() < 1e-10


@pytest.mark.parametrize("pairing", ["OQ", "OV", "KV", "QO"])
def test_a_head_with_itself_in_two_roles_is_the_pair_that_is_scored(
    tmp_path: Path, pairing: str
) -> None:
    model = save(tmp_path, llama_tensors(), LLAMA_CONFIG)
    frame = principal_angles(model, "L1H3", "L1H3", pairing)
    heads, kv = oracle.llama_heads(model), {"K": 1, "V": 1}  # the key/value head of query head 3
    one, other = (heads[role][1, kv.get(role, 3)] for role in pairing)
    assert frame.attrs["pk"] == pytest.approx(oracle.pk(one, other), abs=1e-6)
    scored = compute(
        model, layer_order="within", kv="expand", pairings=pairing, selection=Selection()
    ).frame
    itself = scored[(scored[["source_layer", "target_layer"]] == 1).all(axis=1)
                    & (scored[["source_head", "target_head"]] == 3).all(axis=1)]  # fmt: skip
    assert itself["pk"].tolist() == pytest.approx([frame.attrs["pk"]], abs=1e-4)


def test_orthogonal_subspaces(tmp_path: Path) -> None:
    tensors = gpt2_tensors()
    tensors["h.0.attn.c_proj.weight"][:, 8:] = 0  # layer 0 writes to the first half of d_model,
    tensors["h.1.attn.c_attn.weight"][:8] = 0  # and layer 1 reads the second
    frame = principal_angles(save(tmp_path, tensors), "L0H0", "L1H0", "OV")
    assert frame.angle_degrees.to_numpy() == pytest.approx([90] * 8)
    assert frame.attrs["pk"] == pytest.approx(0, abs=1e-20)
    assert np.isfinite(frame.pk_share).all()


@pytest.mark.parametrize(
    ("source", "target", "pairing", "text"),
    [
        ("L0", "L1H0", "OK", "'L0' is not a head: expected a name such as L4H7"),
        ("L0H0", "L2H0", "OK", "has no head L2H0: its 2 layers of 2 heads are L0H0 to L1H1"),
        ("L0H2", "L1H0", "OK", "has no head L0H2"),
        ("L0H0", "l0h0", "QQ", "source and target are both L0H0 and QQ compares it in one role"),
        ("L0H0", "L1H0", "OX", "unknown pairing OX"),
        ("L0H0", "L1H0", "OK,OV", "2 pairings in 'OK,OV': expected one, such as OK"),
        ("L0H0", "L1H0", "all", "16 pairings in 'all'"),
        ("L0H0", "L1H0", "OV", "the V matrix of L1H0 is zero: it spans nothing"),
    ],
)
def test_refusals(tmp_path: Path, source: str, target: str, pairing: str, text: str) -> None:
    tensors = gpt2_tensors()
    tensors["h.1.attn.c_attn.weight"][:, 32:40] = 0  # V of layer 1, head 0
    model = save(tmp_path, tensors)
    with pytest.raises((EngineError, BadName, UnknownHead)) as error:
        principal_angles(model, source, target, pairing)
    assert text in str(error.value)


def test_the_command(tmp_path: Path) -> None:
    model = save(tmp_path, llama_tensors(), LLAMA_CONFIG)
    done = headgraph("angles", str(model), "l0h1", "L1H3", "--pairing", "ok", "--format", "json")
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    assert list(rows[0]) == ["index", "cosine", "angle_degrees", "pk_share"]
    pk = sum(row["cosine"] ** 2 for row in rows)
    assert done.stderr == (
        f"O of L0H1 and K of L1H3 (key/value head 1): PK {pk:.3f} of at most 4\n"
    )
    again = headgraph("angles", str(model), "l0h1", "L1H3", "--pairing", " OK,", "--format", "json")
    assert (again.stdout, again.stderr) == (done.stdout, done.stderr)
    done = headgraph("angles", str(model), "L0H1", "L9H3", "--pairing", "OK")
    assert done.returncode == 1
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert headgraph("angles", str(model), "L0H1", "L1H3").returncode == 2


def test_heads_in_the_other_order_are_noted() -> None:
    flow = "only later layers read what a head writes, so graphs have no such edge"
    for ends, said in (
        (("1.2", "L0H7"), f"L1H2 is in a later layer than L0H7: {flow}; try L0H7 L1H2"),
        (("L1H2", "L1H3"), f"L1H2 and L1H3 are in one layer: {flow}"),
        (("L1H2", "L1H2"), f"source and target are the same head, L1H2: {flow}"),
    ):
        done = headgraph("angles", "induction-2l", *ends, "--pairing", "OK")
        assert done.returncode == 0
        assert done.stderr.splitlines()[1] == f"note: {said}"
    same = headgraph("angles", "induction-2l", "L1H2", "L0H7", "--pairing", "OO")
    assert "note" not in same.stderr, "both write: no order"


def test_the_command_with_heads_of_an_encoder_decoder(tmp_path: Path) -> None:
    model = str(unequal_checkpoints.checkpoint(tmp_path, "parts"))
    done = headgraph("angles", model, "x1h0", "D0H1", "--pairing", "QO")
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("Q of X1H0 and O of D0H1: PK ")

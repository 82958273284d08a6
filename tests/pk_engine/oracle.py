"""The definitions, written out in float64 and as plainly as possible, from the stored tensors.

Nothing here uses pk_engine: this is what pk_engine is compared with.
"""

import json
from collections.abc import Sequence
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file


@cache
def gpt2_heads(folder: Path) -> dict[str, np.ndarray]:
    """Role -> layers x heads x d x m of a GPT-2 checkpoint, float64; O transposed.

    c_attn maps x (row vector) to [q k v] side by side, each with heads side by side; c_proj maps
    the heads' outputs, one after another, to the residual stream.
    """
    config = json.loads((folder / "config.json").read_text())
    layers, heads, d = config["n_layer"], config["n_head"], config["n_embd"]
    m = d // heads
    tensors = load_file(folder / "model.safetensors")
    prefix = "" if "h.0.attn.c_attn.weight" in tensors else "transformer."
    out = {role: np.empty((layers, heads, d, m)) for role in "QKVO"}
    for layer in range(layers):
        fused = tensors[f"{prefix}h.{layer}.attn.c_attn.weight"].astype(np.float64)
        proj = tensors[f"{prefix}h.{layer}.attn.c_proj.weight"].astype(np.float64)
        for head in range(heads):
            for i, role in enumerate("QKV"):
                start = i * d + head * m
                out[role][layer, head] = fused[:, start : start + m]
            out["O"][layer, head] = proj[head * m : (head + 1) * m].T
    return out


def llama_heads(folder: Path) -> dict[str, np.ndarray]:
    """The same for a Llama checkpoint, K and V with key/value heads; y = W x with W out x in."""
    config = json.loads((folder / "config.json").read_text())
    layers, m = config["num_hidden_layers"], config["head_dim"]
    tensors = load_file(folder / "model.safetensors")
    names = {"Q": "q_proj", "K": "k_proj", "V": "v_proj", "O": "o_proj"}
    out = {}
    for role, name in names.items():
        stacked = []
        for layer in range(layers):
            w = tensors[f"model.layers.{layer}.self_attn.{name}.weight"].astype(np.float64)
            w = w if role == "O" else w.T  # d x (heads m)
            stacked.append([w[:, h * m : (h + 1) * m] for h in range(w.shape[1] // m)])
        out[role] = np.array(stacked)
    return out


def pk(a: np.ndarray, b: np.ndarray) -> float:
    """||U^T U'||_F^2 for orthonormal bases of the column spaces of a and b (full rank)."""
    return float(np.linalg.norm(np.linalg.qr(a)[0].T @ np.linalg.qr(b)[0]) ** 2)


def all_pk(sources: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """PK of every source (n x d x m) with every target (k x d x m), n x k."""
    return _squared_cosines(np.linalg.qr(sources)[0], np.linalg.qr(targets)[0])


def _squared_cosines(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Added up for each basis of u with each of v."""
    _, d, m = u.shape
    k = v.shape[0]
    columns = v.transpose(1, 0, 2).reshape(d, k * m)
    # source after source: the cosines of all would be as large as the memory of a small machine
    return np.array([np.square(one.T @ columns).reshape(m, k, m).sum((0, 2)) for one in u])


def forward_pk(
    sources: np.ndarray, targets: np.ndarray, chosen: Sequence[int] | None = None
) -> np.ndarray:
    """PK of the heads (layers x heads x d x m) of each layer with those of the later ones.

    Head after head as `all_pk` has them; NaN where the target does not come later, and where the
    layer of the source is none of those chosen.
    """
    layers, heads = sources.shape[:2]
    v = np.linalg.qr(targets)[0]
    found = np.full((layers * heads, layers * heads), np.nan)
    for layer in range(layers - 1) if chosen is None else chosen:
        own, later = slice(layer * heads, (layer + 1) * heads), (layer + 1) * heads
        u = np.linalg.qr(sources[layer])[0]
        found[own, later:] = _squared_cosines(u, v[layer + 1 :].reshape(-1, *v.shape[2:]))
    return found


def mean_pk(heads: dict[str, np.ndarray]) -> dict[str, float]:
    """Of all pairs of two roles of which the source lies in any layer before the target's."""
    bases = {role: np.linalg.qr(stacked)[0] for role, stacked in heads.items()}
    layers, _, d, _ = bases["Q"].shape
    both = list(product(bases, bases))
    # sum of PK over pairs is the inner product of projectors, summed over the heads of a layer
    before, totals = {role: np.zeros((d, d)) for role in bases}, dict.fromkeys(both, 0.0)
    for layer in range(layers):
        stacks = {role: np.concatenate(list(u[layer]), axis=1) for role, u in bases.items()}
        here = {role: stack @ stack.T for role, stack in stacks.items()}
        for source, target in both:
            totals[source, target] += np.vdot(before[source], here[target])
        for role, projectors in here.items():
            before[role] += projectors
    pairs = layers * (layers - 1) / 2
    return {
        source + target: float(
            totals[source, target] / (pairs * heads[source].shape[1] * heads[target].shape[1])
        )
        for source, target in both
    }


def cs(heads: dict[str, np.ndarray], source: tuple[int, int], target: tuple[int, int], role: str,
       group: int = 1) -> float:  # fmt: skip
    """Elhage et al. 2021: ||W_in W_out|| / (||W_in|| ||W_out||), full d x d, column vectors.

    W_OV = W_O W_V writes; the target reads through W_QK = W_Q^T W_K (Q: its rows' side), its
    transpose (K), or W_OV (V). Query heads; `group` of them share a key/value head.
    """

    def w(role_: str, at: tuple[int, int]) -> np.ndarray:
        layer, head = at
        return heads[role_][layer, head // group if role_ in "KV" else head]

    w_ov = w("O", source) @ w("V", source).T
    inner = {
        "Q": lambda: w("K", target) @ w("Q", target).T,
        "K": lambda: w("Q", target) @ w("K", target).T,
        "V": lambda: w("O", target) @ w("V", target).T,
    }[role]()
    product = inner @ w_ov
    return float(np.linalg.norm(product) / (np.linalg.norm(inner) * np.linalg.norm(w_ov)))

"""Checks of what we read of a model against the running network (`tests.pk_engine.probing`)."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from headgraph.pk_engine.linalg.bases import bases
from headgraph.pk_engine.models.shape import LayerShape
from headgraph.pk_engine.models.weights import ModelWeights
from tests.pk_engine import zoo_wide
from tests.pk_engine.probing import Probe, without_head_norms

LEAST, MOST = 1e-2, 1e-4
"""A change of what a head reads, relative to the largest, that counts as one, or as none."""


def check(
    model: Any,
    weights: ModelWeights,
    inputs: dict[str, Any],
    stream: str | None = None,
    beside: int = 0,
) -> None:
    """Hold every matrix and the norm before attention against the running network.

    Args:
        model: the network, or the part of it that has the layers.
        weights: what is read of it.
        inputs: what it is given.
        stream: the residual stream of its layers, where others have another.
        beside: how many inputs of the output matrix are not those of heads.
    """
    layers = [it for it in weights.shape.layers if stream in (None, it.streams["O"])]
    inner = zoo_wide.INNER_NORMS.get(weights.family.name)
    widths = [(it.width_of("Q"), it.width_of("V")) for it in layers]
    groups = {it: [at for at, w in zip(layers, widths, strict=True) if w == it] for it in widths}
    for (m, value), alike in groups.items():
        with Probe(model, inputs, m, inner, value, beside) as probe:
            check_norm(probe, weights, alike)
    without_head_norms(model)
    for (m, value), alike in groups.items():
        with Probe(model, inputs, m, value=value, beside=beside) as probe:
            for at, layer in places(probe, weights, alike):
                matrices, chance = weights.raw_layer(layer.index), np.random.default_rng
                check_reading(probe, at, matrices, chance(at), roles=roles_of(layer))
                check_writing(probe, at, matrices["O"], chance(at))


def places(
    probe: Probe, weights: ModelWeights, layers: Sequence[LayerShape]
) -> list[tuple[int, LayerShape]]:
    """Each layer with its place among the attentions that run, some of which may not be read."""
    if len(probe.attentions) > len(layers):
        assert len(probe.attentions) == weights.shape.n_layers
        return [(layer.index, layer) for layer in layers]
    assert len(probe.attentions) == len(layers)
    return list(enumerate(layers))


def roles_of(layer: LayerShape) -> str:
    """The roles that read the residual stream that the layer writes."""
    return "".join(role for role in "QKV" if layer.streams[role] == layer.streams["O"])


def check_norm(probe: Probe, weights: ModelWeights, layers: Sequence[LayerShape]) -> None:
    """What attention takes is the norm that the family names, of what the layer takes."""
    every = probe.seen
    for at, here in places(probe, weights, layers):
        seen = every[at]
        norm = weights.family.of_kind(here.kind).norm
        stream, read = (x.double().numpy() for x in (seen.entering, seen.read))
        if len(read) < len(stream):
            stream = stream[window(len(stream), len(read), here.number)]
        if (norm.follows and roles_of(here) == "QKV") or here.number < norm.first:
            np.testing.assert_allclose(read, stream, atol=1e-6)
            continue
        if norm.kind == "LayerNorm":
            stream = stream - stream.mean(1, keepdims=True)
        wanted = stream / np.sqrt(np.square(stream).mean(1, keepdims=True))
        if norm.name:
            wanted = wanted * (weights._files.read(weights._name(norm.name, here)) + norm.offset)
        # differences, because a bias is added to each
        np.testing.assert_allclose(read[1:] - read[:1], wanted[1:] - wanted[:1], atol=2e-3)


def window(positions: int, inside: int, layer: int) -> np.ndarray:
    """The positions of a square image in its first window, which every other layer shifts."""
    side, width = math.isqrt(positions), math.isqrt(inside)
    at = np.arange(width) + layer % 2 * (width // 2)
    return (at[:, None] * side + at).ravel()


def check_reading(
    probe: Probe, layer: int, matrices: dict[str, np.ndarray], rng: Any, roles: str = "QKV"
) -> None:
    """Each head's query, key and value follow what is in its subspace, and nothing else."""
    d = matrices["Q"].shape[1]
    heads = [(role, head) for role in roles for head in range(len(matrices[role]))]
    moves = []  # for each head a move inside its subspace, and one outside
    for role, head in heads:
        basis = bases(matrices[role][head : head + 1]).basis[0].astype(np.float64)
        outside = rng.standard_normal(d)
        moves += [
            basis @ rng.standard_normal(basis.shape[1]),
            outside - basis @ (basis.T @ outside),
        ]
    start, positions = rng.standard_normal(d), len(probe.seen[layer].read)
    assert len(moves) <= positions
    moves += [np.zeros(d)] * (positions - len(moves))
    before = probe.run(layer, np.tile(start, (positions, 1)))[layer]
    after = probe.run(layer, start + np.array(moves))[layer]
    for at, (role, head) in enumerate(heads):
        name = {"Q": "query", "K": "key", "V": "value"}[role]
        moved = (getattr(after, name) - getattr(before, name)).abs().amax(-1).numpy()
        # where key/value heads were broadcast, those of a group stand together
        moved = moved[head * (len(moved) // len(matrices[role]))] / moved.max()
        assert moved[2 * at] > LEAST, f"{role} of head {head} ignores its own subspace"
        assert moved[2 * at + 1] < MOST, f"{role} of head {head} reads beyond its subspace"


def check_writing(probe: Probe, layer: int, matrices: np.ndarray, rng: Any) -> None:
    """What a head writes lies in its subspace and, over many outputs, fills it."""
    heads, _, m = matrices.shape
    positions = len(probe.seen[layer].read)
    assert positions > m
    silent = np.zeros((heads, positions, m))
    bias = probe.run(layer, z=silent)[layer].written
    # two heads in one pass where there is room for both, each at positions of its own
    at_once = 2 if positions // 2 > m else 1
    for first in range(0, heads, at_once):
        some = range(first, min(first + at_once, heads))
        places = [slice(it, positions, at_once) for it in range(len(some))]
        z = silent.copy()
        for head, place in zip(some, places, strict=True):
            z[head, place] = rng.standard_normal(z[head, place].shape)
        every = (probe.run(layer, z=z)[layer].written - bias).double().numpy().T
        for head, place in zip(some, places, strict=True):
            written, found = every[:, place], bases(matrices[head : head + 1])
            u = found.basis[0].astype(np.float64)[:, : found.rank[0]]
            scale = np.abs(written).max()
            assert np.abs(written - u @ (u.T @ written)).max() < MOST * scale, f"O of head {head}"
            assert np.linalg.matrix_rank(written, tol=1e-3 * scale) == found.rank[0]

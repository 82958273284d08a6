"""From a model to its table of scores, in one call."""

from collections.abc import Sequence
from dataclasses import replace
from importlib import metadata
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pk_engine import metrics as scoring
from pk_engine.backends import choose
from pk_engine.errors import EngineError
from pk_engine.interface import Model, Weights, open_weights
from pk_engine.kernel import operations
from pk_engine.meta import TableMeta
from pk_engine.metrics import METRICS
from pk_engine.moments import reference_mean, reference_sd
from pk_engine.names import GRAPH_PAIRINGS, PAIRINGS, parse_pairings
from pk_engine.pairs import check_order, layer_blocks, pairs_of
from pk_engine.selection import Selection
from pk_engine.stacks import HeadStacks, Progress, collect
from pk_engine.table import AffinityTable

DEFAULT_SELECTION = Selection(top_percent=3)


def compute(
    model: Model,
    *,
    pairings: Sequence[str] | str = GRAPH_PAIRINGS,
    metrics: Sequence[str] = ("pk",),
    selection: Selection = DEFAULT_SELECTION,
    kv: str = "native",
    layer_order: str = "forward",
    fold_ln: bool = False,
    center_writing: bool = False,
    via: str = "files",
    backend: str = "auto",
    device: str | None = None,
    dtype: str = "float32",
    revision: str | None = None,
    name: str | None = None,
    progress: Progress | None = None,
) -> AffinityTable:
    """Score every pair of heads, by default those whose source layer is before the target layer.

    PK = ||U^T U'||_F^2 and z = (PK - r s / d) / sd of the random reference for these ranks.

    Args:
        model: a bundled model's name, a folder with config.json and safetensors, a hub id, or a
            TransformerBridge, which is scored as it is in memory (`pk_engine.lens`).
        pairings: such as `("OQ", "OK")`, `"OQ,OK"` or `"all"`: source role, then target role.
        metrics: `pk` always; see `pk_engine.metrics` for the others. `cs` means a row per query
            head.
        selection: what to keep, by default the strongest 3 % of each pairing; `Selection()` is all.
        kv: `native` scores each key/value head once, `expand` gives a row per query head.
        layer_order: `forward`, `all`, or `within` a layer; pairs in the same role count once.
        fold_ln: fold the norm before attention into Q, K and V.
        center_writing: take the mean over d_model from what is written.
        via: `files`, or `transformer-lens` for what no family file describes.
        backend: `numpy`, `torch`, or `auto` (`pk_engine.backends`).
        device: `cpu`, `cuda`, `cuda:N` or `mps`; the best that the backend has by default.
        dtype: `float32`, which is within 1e-4 of PK, or `float64`.
        revision: branch, tag or commit of a hub id.
        name: what the table calls the model; by default the hub id or the folder's name.
        progress: called with what is being done, how much is done, and how much there is.

    Returns:
        The table; `table.meta.deficient` lists matrices of less than full rank.

    Raises:
        ModelError, WeightsError, UnknownFamily: the model cannot be read.
        EngineError: an unknown pairing, metric, kv, layer order, via, backend or device.

    Example:
        >>> table = compute("induction-2l", selection=Selection(top=1))
        >>> table.frame.pairing.tolist()
        ['OQ', 'OK', 'OV']
    """
    pairings = parse_pairings(pairings if isinstance(pairings, str) else ",".join(pairings))
    metrics = scoring.check_metrics(metrics, pairings)
    if kv not in ("native", "expand"):
        raise EngineError(f"unknown kv {kv!r}: wanted native or expand")
    check_order(layer_order)
    weights = open_weights(model, revision, via=via, fold_ln=fold_ln, center_writing=center_writing)
    where = choose(backend, device, dtype, operations=_operations(weights, pairings, layer_order))
    with where.workers() as threads:
        stacks = collect(
            weights,
            "".join(pairings),
            factors=[METRICS[name].factors for name in metrics],
            backend=where,
            progress=progress,
            executor=threads,
        )
        scores = {
            name: scoring.score(METRICS[name], stacks, pairings, layer_order, threads)
            for name in metrics
        }
    grouped = weights.shape.n_kv_heads < weights.shape.n_heads
    if grouped and any(METRICS[name].per_query_head for name in metrics):
        kv = "expand"
    frames, scored = [], {}
    for pairing in pairings:
        frame = _rows(stacks, pairing, {m: s[pairing] for m, s in scores.items()}, kv, layer_order)
        scored[pairing] = len(frame)
        frames.append(frame[selection.keep(frame, scored)])
    meta = _meta(weights, stacks, pairings, metrics, kv, scored)
    meta = replace(meta, model=name or weights.name, layer_order=layer_order).selected(
        selection.to_json()
    )
    return AffinityTable(pd.concat(frames, ignore_index=True), meta)


def _operations(weights: Weights, pairings: Sequence[str], layer_order: str) -> float:
    """What the kernel will have to do for PK, by its own cost model."""
    shape, total = weights.shape, 0
    for pairing in pairings:
        sources, targets = (shape.heads_of(role) for role in pairing)
        blocks = layer_blocks(shape.n_layers, sources, targets, layer_order)
        sizes = [
            (shape.n_layers * heads, shape.d_model, shape.d_head) for heads in (sources, targets)
        ]
        forming, products, direct = operations(sizes[0], sizes[1], blocks)
        total += min(forming + products, direct)
    return total


def _rows(
    stacks: HeadStacks,
    pairing: str,
    scores: dict[str, NDArray[np.float32]],
    kv: str,
    layer_order: str,
) -> pd.DataFrame:
    shape = stacks.shape
    source, target = pairing[0], pairing[1]
    expand = kv == "expand"
    ranks = [_expand(stacks.rank[role], role, stacks, expand) for role in pairing]
    values = {
        name: value
        if METRICS[name].per_query_head
        else _expand(_expand(value, source, stacks, expand).T, target, stacks, expand).T
        for name, value in scores.items()
    }
    heads = [shape.n_heads if expand else shape.heads_of(role) for role in pairing]
    mask = pairs_of(shape.n_layers, heads[0], heads[1], layer_order, same_role=source == target)
    mask &= (ranks[0] > 0)[:, None] & (ranks[1] > 0)[None, :]
    at = np.nonzero(mask)
    place = np.argsort(-values["pk"][at], kind="stable")  # ties stay in order: source, then target
    i, j = at[0][place], at[1][place]
    r, s = ranks[0][i], ranks[1][j]
    pk = values.pop("pk")[i, j]
    mean, sd = reference_mean(r, s, shape.d_model), reference_sd(r, s, shape.d_model)
    columns = {
        "pairing": np.full(len(i), pairing, dtype=object),
        "source_layer": i // heads[0],
        "source_head": i % heads[0],
        "target_layer": j // heads[1],
        "target_head": j % heads[1],
        "pk": pk,
        "pk_normalized": pk / np.sqrt(r * s),
        # where the reference has no variance every subspace shares as much: nothing stands out
        "z": np.where(sd > 0, (pk - mean) / np.where(sd > 0, sd, 1), 0.0),
        "pk_rank": np.arange(1, len(i) + 1),
    }
    columns |= {name: value[i, j] for name, value in values.items()}
    if expand and shape.n_kv_heads < shape.n_heads:
        group = shape.n_heads // shape.n_kv_heads
        columns["target_kv_head"] = columns["target_head"] // group
    return pd.DataFrame(columns)


def _expand(rows: NDArray[Any], role: str, stacks: HeadStacks, expand: bool) -> NDArray[Any]:
    """A row per query head where the rows count key/value heads."""
    group = stacks.shape.n_heads // stacks.shape.n_kv_heads
    return rows.repeat(group, axis=0) if expand and role in "KV" else rows


def _meta(
    weights: Weights,
    stacks: HeadStacks,
    pairings: Sequence[str],
    metrics: Sequence[str],
    kv: str,
    scored: dict[str, int],
) -> TableMeta:
    shape = weights.shape
    full = min(shape.d_model, shape.d_head)
    moments = {
        "mean": reference_mean(full, full, shape.d_model),
        "sd": reference_sd(full, full, shape.d_model),
    }
    return TableMeta(
        model=weights.name,
        revision=weights.revision,
        family=weights.family.name,
        fingerprint=stacks.fingerprint,
        n_layers=shape.n_layers,
        n_heads=shape.n_heads,
        n_kv_heads=shape.n_kv_heads,
        d_model=shape.d_model,
        d_head=shape.d_head,
        deficient=stacks.deficient(),
        fold_ln=weights.fold_ln,
        center_writing=weights.center_writing,
        layer_order="forward",
        kv=kv,
        pairings=[pairing for pairing in PAIRINGS if pairing in pairings],
        metrics=list(metrics),
        selection=[],
        scored=scored,
        moments=dict.fromkeys(pairings, moments),
        dtype=stacks.backend.dtype,
        backend=str(stacks.backend),
        version=metadata.version("headgraph"),
    )

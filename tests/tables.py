"""Tables made of random numbers, for tests that need some table and no model."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from headgraph.base.names import GRAPH_PAIRINGS, PAIRINGS
from headgraph.pk_engine.metrics.decoys import DecoyCounts
from headgraph.pk_engine.metrics.random_reference import reference_mean, reference_sd
from headgraph.pk_engine.table.affinity import AffinityTable
from headgraph.pk_engine.table.meta import TableMeta

KEYS = ["source_layer", "source_head", "target_layer", "target_head"]


def random_table(
    n_layers: int = 4,
    n_heads: int = 4,
    n_kv_heads: int | None = None,
    *,
    pairings: Sequence[str] = ("OQ", "OK", "OV"),
    kv: str = "native",
    metrics: Sequence[str] = ("pk",),
    d_head: int = 8,
    seed: int = 0,
    model: str = "test/random",
    series: str | None = None,
    step: float | None = None,
    format_2: bool = False,
) -> AffinityTable:
    """All forward pairs of a model of this shape with random scores; the same seed, the same bytes.

    An expanded table has one score for the rows that read through one key/value head, as a real
    one has. In format 2 it has as many backward pairs as forward ones, and scores of heads.
    """
    pairings = sorted(pairings, key=PAIRINGS.index)
    n_kv_heads = n_heads if n_kv_heads is None else n_kv_heads
    rng = np.random.default_rng(seed)
    d_model = d_head * n_heads
    mean = float(reference_mean(d_head, d_head, d_model))
    sd = float(reference_sd(d_head, d_head, d_model)) or 1.0
    parts = []
    for pairing in pairings:
        counts = [n_kv_heads if role in "KV" and kv == "native" else n_heads for role in pairing]
        part = _pairs(n_layers, *counts)
        unique = part[KEYS].copy()
        group = n_heads // n_kv_heads
        for end, role in zip(("source", "target"), pairing, strict=True):
            if kv == "expand" and role in "KV":
                unique[f"{end}_head"] //= group
        number = unique.groupby(KEYS).ngroup().to_numpy()
        pk = (rng.random(number.max(initial=-1) + 1) * d_head).astype(np.float32)[number]
        part["pk"] = pk
        order = np.lexsort((*(part[key] for key in reversed(KEYS)), -pk))
        part["pk_rank"] = 0
        part.loc[part.index[order], "pk_rank"] = np.arange(1, len(part) + 1)
        part.insert(0, "pairing", pairing)
        if kv == "expand":
            shared = pairing[1] in "KV"
            part["target_kv_head"] = part["target_head"] // group if shared else -1
        parts.append(part)
    frame = pd.concat(parts, ignore_index=True)
    frame["pk_normalized"] = frame["pk"] / d_head
    frame["z"] = (frame["pk"] - mean) / sd
    for name in metrics:
        if name != "pk":
            frame[name] = rng.random(len(frame))
    meta = TableMeta(
        model=model,
        revision=None,
        family="test",
        fingerprint=f"{seed:064x}",
        n_layers=n_layers,
        n_heads=n_heads,
        n_kv_heads=n_kv_heads,
        d_model=d_model,
        d_head=d_head,
        deficient=[],
        fold_ln=True,
        center_writing=True,
        layer_order="forward",
        kv=kv,
        pairings=list(pairings),
        metrics=list(metrics),
        selection=[],
        scored={str(name): int(n) for name, n in frame["pairing"].value_counts().items()},
        moments={pairing: {"mean": mean, "sd": sd} for pairing in pairings},
        dtype="float32",
        backend="numpy",
        version="0.0.0",
        series=series,
        step=step,
    )
    if format_2:
        meta = replace(meta, heads=_head_scores(n_layers, n_heads, rng), decoys=_decoys(frame, rng))
    return AffinityTable(frame, meta)


def _head_scores(n_layers: int, n_heads: int, rng: np.random.Generator) -> dict[str, Any]:
    sign = (-1.0, 0.95, 0.2, -0.99)
    places = [[layer * n_heads + head for head in range(n_heads)] for layer in range(n_layers)]
    return {
        "copying": [[sign[place % 4] for place in heads] for heads in places],
        "self_overlap": [[round(float(rng.random()), 5) for _ in heads] for heads in places],
    }


def _decoys(frame: pd.DataFrame, rng: np.random.Generator) -> dict[str, dict[str, Any]]:
    """Add the columns of decoys to a frame of all forward pairs; the metadata's counts."""
    frame["decoys"], frame["decoy_q"] = -1, np.nan
    counted = {}
    for pairing, rows in frame.groupby("pairing"):
        if pairing in GRAPH_PAIRINGS:
            counts = DecoyCounts()
            pk = rows["pk"].to_numpy()
            near = (rows["target_layer"] - rows["source_layer"] == 1).to_numpy()
            counts.add(pk, rng.permutation(pk) * rng.random(len(pk)), near)
            frame.loc[rows.index, "decoys"] = counts.stronger(pk)
            frame.loc[rows.index, "decoy_q"] = counts.decoy_q(pk)
            counted[str(pairing)] = {
                "scored": counts.scored, "share": None, "steps": counts.steps()
            }  # fmt: skip
    return counted


def _pairs(n_layers: int, sources: int, targets: int) -> pd.DataFrame:
    """Every source head with every target head of a later layer, in the table's key order."""
    grid = np.indices((n_layers, sources, n_layers, targets)).reshape(4, -1)
    forward = grid[0] < grid[2]
    return pd.DataFrame(dict(zip(KEYS, grid[:, forward], strict=True)))


def random_edges(n_layers: int, n_heads: int, n: int, *, seed: int = 0) -> pd.DataFrame:
    """Forward edges of a page as `view.content.Content` takes them, most between near layers.

    Edges are distinct; each third one is of the same pairing, and PK falls with the rank.
    """
    rng = np.random.default_rng(seed)
    many = 2 * n + 100
    source, away = rng.integers(0, n_layers - 1, many), rng.geometric(4 / n_layers, many)
    found = pd.DataFrame({
        "pairing": np.tile(GRAPH_PAIRINGS, many)[:many],
        "source_layer": source,
        "source_head": rng.integers(0, n_heads, many),
        "target_layer": source + away,
        "target_head": (n_heads * rng.random(many) ** 2).astype(int),
    }).drop_duplicates()  # fmt: skip
    found = found[found["target_layer"] < n_layers].head(n).reset_index(drop=True)
    assert len(found) == n, "another seed, or fewer edges"
    found["pk_rank"] = found.groupby("pairing").cumcount() + 1
    pk = (8 + 24 * np.sort(rng.random(n))[::-1] ** 3).astype(np.float32)
    return found.assign(pk=pk, pk_normalized=pk / 64, z=(pk - 8) / 0.1,
                        share=1.0, kv_head=-1)  # fmt: skip

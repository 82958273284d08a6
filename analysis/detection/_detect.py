"""How well each metric finds labelled heads, pairs or edges: areas with bootstrap intervals."""

import os
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from headgraph.analysis._tables import full_table
from headgraph.analysis.detection.curves import areas, within_blocks
from headgraph.analysis.detection.tasks import SAME_ROLES, TASKS, Items
from headgraph.analysis.errors import AnalysisError
from headgraph.analysis.unequal import refuse_unequal
from headgraph.base.names import GRAPH_PAIRINGS
from headgraph.base.progress import Progress
from headgraph.base.seeds import check_seed
from headgraph.base.spelling import argument
from headgraph.pk_engine.metrics.registry import METRICS
from headgraph.pk_engine.models.interface import Model
from headgraph.pk_engine.table.affinity import AffinityTable

PAIRINGS = {"heads": GRAPH_PAIRINGS, "classes": SAME_ROLES, "edges": GRAPH_PAIRINGS}
ORDERS = {"heads": "forward", "classes": "all", "edges": "forward"}
LAYERS = "layers"
"""The row of a score that depends on nothing but the layers: mean PK of the layer or layer pair."""
CHUNK = 100
"""Resamples at a time; with ten thousand pairs, their weights take 8 MB."""


def detect(
    model: Model | AffinityTable,
    *,
    task: str = "heads",
    metrics: Sequence[str] | None = None,
    labels: str | os.PathLike[str] | None = None,
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
    revision: str | None = None,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """PR-AUC, average precision and ROC-AUC of every metric, for each pairing.

    heads    which heads are labelled: a head's score is the largest over all pairs, in forward
             order, that it touches as source or target (OQ, OK, OV). The paper's Table 1, whose
             protocol the paper does not state; this is our reading.
    classes  which unordered pairs of heads share a class (QQ, KK, VV, OO). The paper's Table 2.
    edges    which pairs are edges between classes of the IOI circuit (OQ, OK, OV).

    Intervals resample heads, not pairs, since pairs that share a head are not independent. The
    weight of an item is the product of how often each of its heads was drawn. All metrics use the
    same resamples, so the difference to PK has an interval of its own.

    Depth alone finds much of what is labelled, since known heads and edges lie in certain layers.
    Two things show it. The row `layers` scores an item by the mean PK of all items of the same two
    layers (of the same layer, for heads), the item included, so the score depends on nothing but
    the layers. `within_layers` is the ROC-AUC over pairs of a positive and a negative that have the
    same layers, all such pairs together; the row `layers` has one half there.

    Where users go wrong: compare a PR-AUC with the prevalence, which is the PR-AUC of a random
    score, and a ROC-AUC with that of the row `layers`, not with one half.

    Args:
        model: a model as for `compute`, or a table of all pairs with these pairings and metrics.
        task: `heads`, `classes` or `edges`.
        metrics: those to compare; None for all metrics that the task's pairings have, or all of
            the table.
        labels: None for the bundled labels, or a label file; all of its heads are to be found.
        resamples: number of bootstrap resamples.
        level: confidence level of the intervals, between 0 and 1.
        seed: random seed for the resampling.
        revision: branch, tag or commit of a hub id.
        progress: as for `compute`.

    Returns:
        `task`, `pairing`, `metric`, `pr_auc` with `low` and `high`, `ap`, `roc_auc`, `beyond_pk`
        (PR-AUC less PK's) with its `beyond_low` and `beyond_high`, `within_layers` with
        `within_low` and `within_high`, `prevalence`, `positives`, `items`, `resamples`, `seed`.
        The last rows are those of `layers`.

    Raises:
        AnalysisError: nothing is labelled, an unknown task, or numbers out of range.
    """
    _check(task, resamples, level)
    seed = check_seed(seed, AnalysisError)
    wanted = _metrics(model, task, metrics)
    table = full_table(
        model,
        PAIRINGS[task],
        tuple(dict.fromkeys(("pk", *wanted))),
        layer_order=ORDERS[task],
        revision=revision,
        progress=progress,
    )
    refuse_unequal(table.meta, "detect")
    units = table.meta.n_layers * table.meta.n_heads
    drawn = np.random.default_rng(seed).multinomial(units, np.full(units, 1 / units), resamples)
    rows: list[dict[str, Any]] = []
    pk: dict[str, NDArray[Any]] = {}
    for metric in (*dict.fromkeys(("pk", *wanted)), LAYERS):
        for pairing, items in _items(table, task, metric, labels):
            _check_items(items, table, task, labels)
            found = _areas(items, drawn)
            own = pk.setdefault(pairing, found["draws"])  # PK comes first
            rows.append({"task": task, "pairing": pairing, "metric": metric,
                         **_row(items, found, own, level), "resamples": resamples,
                         "seed": seed})  # fmt: skip
    frame = pd.DataFrame(rows)
    return frame[frame["metric"].isin((*wanted, LAYERS))].reset_index(drop=True)


def _items(
    table: AffinityTable, task: str, metric: str, labels: str | os.PathLike[str] | None
) -> Iterator[tuple[str, Items]]:
    """The items of each pairing, scored by a metric or by their layers."""
    found = TASKS[task](table, "pk" if metric == LAYERS else metric, labels)
    for pairing, items in found:
        yield pairing, items.of_layers() if metric == LAYERS else items


def _areas(items: Items, drawn: NDArray[Any]) -> dict[str, Any]:
    """The areas; `draws` and `within` hold a value of all items, then one of each resample."""
    blocks = items.blocks
    whole = areas(items.scores, items.positive)
    inside = within_blocks(items.scores, items.positive, blocks)
    parts = [
        (areas(items.scores, items.positive, weights).pr_auc,
         within_blocks(items.scores, items.positive, blocks, weights))
        for weights in _weights(items, drawn)
    ]  # fmt: skip
    draws, within = (np.concatenate(part) for part in zip(*parts, strict=True))
    return {
        **whole._asdict(),
        "draws": np.append(whole.pr_auc, draws),
        "within": np.append(inside, within),
    }


def _row(items: Items, found: dict[str, Any], pk: NDArray[Any], level: float) -> dict[str, Any]:
    """Figures of one metric and pairing; `pk` are the draws of PK for the same pairing."""
    (low, high), beyond = _interval(found["draws"][1:], level), found["draws"] - pk
    beyond_low, beyond_high = _interval(beyond[1:], level)
    within_low, within_high = _interval(found["within"][1:], level)
    return {
        "pr_auc": found["pr_auc"],
        "low": low,
        "high": high,
        "ap": found["ap"],
        "roc_auc": found["roc_auc"],
        "beyond_pk": float(beyond[0]),
        "beyond_low": beyond_low,
        "beyond_high": beyond_high,
        "within_layers": float(found["within"][0]),
        "within_low": within_low,
        "within_high": within_high,
        "prevalence": float(items.positive.mean()),
        "positives": int(items.positive.sum()),
        "items": len(items.positive),
    }


def leaders(rows: pd.DataFrame) -> str:
    """One sentence that names the highest PR-AUC of each pairing; empty for a single metric.

    The layers alone compete too. A lead is confirmed if the interval of the difference to PK does
    not contain 0, for the leader or, where PK leads, for all others.
    """
    if len(set(rows["metric"]) - {LAYERS}) < 2:
        return ""
    said = []
    for pairing, part in rows.groupby("pairing", sort=False):
        others = part[part["metric"] != "pk"]
        first = others.iloc[int(others["pr_auc"].to_numpy().argmax())]
        if first["beyond_pk"] > 0:
            sure = first["beyond_low"] > 0
            name = "the score of the layers" if first["metric"] == LAYERS else first["metric"]
            lead = f"{name} leads PK on {pairing} by {first['beyond_pk']:.3f}"
        else:
            sure = bool((others["beyond_high"] < 0).all())
            lead = f"PK leads on {pairing} ({first['pr_auc'] - first['beyond_pk']:.3f})"
        said.append(lead if sure else f"{lead}, which the interval does not confirm")
    return "; ".join(said) + "."


def depth(rows: pd.DataFrame) -> str:
    """One sentence that compares PK with the layers alone, and gives PK within the same layers."""
    by = rows.set_index(["metric", "pairing"])
    pairings = list(by.loc["pk"].index)
    cells = [
        f"{pairing} {by.loc[(LAYERS, pairing), 'roc_auc']:.3f} (PK "
        f"{by.loc[('pk', pairing), 'roc_auc']:.3f}; among items of the same layers "
        f"{by.loc[('pk', pairing), 'within_layers']:.3f})"
        for pairing in pairings
    ]
    return f"ROC-AUC of the layers alone: {', '.join(cells)}."


def _weights(items: Items, drawn: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """How often each item counts in each resample, a chunk of resamples at a time."""
    source, target = items.ends
    alone = bool((source == target).all())
    for first in range(0, len(drawn), CHUNK):
        part = drawn[first : first + CHUNK]
        yield part[:, source] if alone else part[:, source] * part[:, target]


def _interval(values: NDArray[Any], level: float) -> tuple[float, float]:
    """Bounds over the resamples that have a value; NaN if none has."""
    if np.isnan(values).all():
        return np.nan, np.nan
    low, high = np.nanquantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _metrics(
    model: Model | AffinityTable, task: str, metrics: Sequence[str] | None
) -> tuple[str, ...]:
    if metrics is not None:
        return tuple(metrics)
    if isinstance(model, AffinityTable):
        return tuple(model.meta.metrics)
    exist = [name for name, metric in METRICS.items()
             if set(PAIRINGS[task]) <= set(metric.pairings)]  # fmt: skip
    return tuple(exist)


def _check(task: str, resamples: int, level: float) -> None:
    if task not in TASKS:
        raise AnalysisError(f"{argument('task', task)}: expected {', '.join(TASKS)}")
    if resamples < 1:
        raise AnalysisError(
            f"{argument('resamples', resamples)}: expected a whole number of at least 1"
        )
    if not 0 < level < 1:
        raise AnalysisError(f"{argument('level', level)}: expected more than 0 and less than 1")


def _check_items(
    items: Items, table: AffinityTable, task: str, labels: str | os.PathLike[str] | None
) -> None:
    found = int(items.positive.sum())
    if 0 < found < len(items.positive):
        return
    none = "no label says" if labels is None and not found else f"{found} of {len(items.positive)}"
    what = {"heads": "heads are labelled", "classes": "pairs share a class",
            "edges": "pairs are edges of the IOI circuit"}[task]  # fmt: skip
    raise AnalysisError(
        f"{table.meta.model}: {none} {'which ' if not found and labels is None else ''}{what}: "
        f"expected some and not all; give roles with {argument('labels', 'FILE')} (layer,head,role)"
    )

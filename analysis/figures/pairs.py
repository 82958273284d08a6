"""Which pairs a figure draws, and how its title describes them."""

import pandas as pd

from headgraph.analysis.errors import FigureError
from headgraph.analysis.figures.chance import chance
from headgraph.base.names import GRAPH_PAIRINGS
from headgraph.base.spelling import argument, either
from headgraph.pk_engine.metrics.registry import METRICS
from headgraph.pk_engine.table.affinity import AffinityTable
from headgraph.pk_engine.table.meta import TableMeta
from headgraph.pk_engine.table.selection import Selection

MOST_LINES = 500
"""Most lines in one diagram: more cannot be told apart, and each is slower to route."""
_NAMES = {
    "pk": "PK", "cs": "CS", "simple_cs": "simple CS", "cka": "CKA", "cka_columns": "CKA, columns",
    "procrustes": "Procrustes", "procrustes_columns": "Procrustes, columns",
}  # fmt: skip


def usual_number(meta: TableMeta) -> int:
    """Number of pairs of each pairing that a diagram shows by default: 20, or fewer.

    A model of fewer than 60 heads gets one pair for every three heads (5 for induction-2l), since
    more lines would cover it. Where many query heads share a key/value head, the number is low
    enough to stay within `MOST_LINES`.
    """
    fan = meta.n_heads // meta.n_kv_heads if meta.kv == "native" else 1
    return max(min(20, meta.n_layers * meta.n_heads // 3, MOST_LINES // (1 + 2 * fan)), 1)


def strongest_pairs(table: AffinityTable, n: int | None = None, metric: str = "pk") -> pd.DataFrame:
    """The `n` strongest pairs of each of OQ, OK, OV, as arrows between query heads.

    The default of `n` is `usual_number`. PK is ranked by `pk_rank`, another metric by its values,
    with `pk_rank` to break ties. `n` counts scored pairs (rows of the table). In a grouped-query
    model, a pair that ends in a key/value head becomes one arrow for each query head that shares
    it, with `share` below 1.

    Where users go wrong: a table that was cut to its strongest pairs by PK lacks some of the
    strongest by CS. Use a table of all pairs.

    Returns:
        The columns of `AffinityTable.edges()`, strongest first within each pairing, plus `score`
        (the metric) and `weight`, 0 to 1. By PK, 0 is chance and 1 the strongest drawn of its
        pairing, if that is far enough above chance (`figures.chance.Chance.full`). By another
        metric, 0 is the weakest drawn.

    Raises:
        FigureError: `n` below 1, a metric that the table lacks, or no pair to draw.
    """
    n = usual_number(table.meta) if n is None else n
    edges = _edges(table, n, metric)
    order = {pairing: i for i, pairing in enumerate(GRAPH_PAIRINGS)}
    edges = edges.assign(place=edges["pairing"].map(order), down=-edges["score"])
    by = ["place", "pk_rank"] if metric == "pk" else ["place", "down", "pk_rank"]
    edges = edges.sort_values(by, kind="stable", ignore_index=True).drop(columns=["place", "down"])
    # arrows of one scored pair share its rank, so count new ranks in each pairing
    first = ~edges.duplicated(["pairing", "pk_rank"])
    edges = edges[first.groupby(edges["pairing"]).cumsum() <= n]
    parts = [_weights(rows, table.meta, metric) for _, rows in edges.groupby("pairing", sort=False)]
    return edges.assign(weight=pd.concat(parts)).reset_index(drop=True)


def _weights(rows: pd.DataFrame, meta: TableMeta, metric: str) -> "pd.Series[float]":
    """How strongly to draw each pair of one pairing."""
    if metric == "pk":
        return chance(meta, str(rows["pairing"].iloc[0])).strength(rows["score"])
    low, high = rows["score"].min(), rows["score"].max()
    even = pd.Series(1.0, index=rows.index)
    return (rows["score"] - low) / (high - low) if high > low else even


def _edges(table: AffinityTable, n: int, metric: str) -> pd.DataFrame:
    """Arrows of OQ, OK and OV, with the metric as their score."""
    if n < 1:
        raise FigureError(f"{argument('per_pairing', n)}: expected a whole number of at least 1")
    if metric not in table.meta.metrics:
        other = metric if metric in METRICS else "cs"
        compute = either(
            f"compute(MODEL, metrics=['pk', {other!r}], selection=Selection())",
            f"headgraph compute MODEL --all --metrics pk,{other} -o FILE",
        )
        raise FigureError(
            f"the table has no metric {metric!r}, only {', '.join(table.meta.metrics)}: make one "
            f"with {compute}"
        )
    edges = table.edges()
    edges = edges[edges["pairing"].isin(GRAPH_PAIRINGS)]
    if edges.empty:
        raise FigureError(
            f"the table of {table.meta.model} holds no pair of {', '.join(GRAPH_PAIRINGS)} "
            f"({len(table)} rows, {'+'.join(table.meta.pairings)}): nothing to draw"
        )
    return edges.assign(score=edges[metric].astype(float))


def refuse_too_many(pairs: pd.DataFrame, n: int) -> None:
    """Raise FigureError where these pairs are more lines than one diagram can show."""
    if len(pairs) <= MOST_LINES:
        return
    kept = pairs.drop_duplicates(["pairing", "pk_rank"]).groupby("pairing").cumcount()
    place = kept.reindex(pairs.index).ffill() + 1
    lines = place.value_counts().sort_index().cumsum()
    fits = int((lines <= MOST_LINES).sum())
    query = either(
        f"query('strongest_edges', graph, per_pairing={n})",
        f"headgraph query strongest_edges -p per_pairing={n}",
    )
    raise FigureError(
        f"{argument('per_pairing', n)} would draw {len(pairs):,} lines: expected at most "
        f"{MOST_LINES} in one picture, which is {argument('per_pairing', max(fits, 1))} here; "
        f"{query} lists them all"
    )


def metric_name(metric: str) -> str:
    """A metric as text writes it: `PK`, `CS`."""
    return _NAMES.get(metric, metric.replace("_", " "))


def rule_in_words(pairs: pd.DataFrame, n: int, metric: str) -> str:
    """What a figure shows, such as `the 20 strongest pairs each of OQ, OK, OV by PK`."""
    counts = pairs.drop_duplicates(["pairing", "pk_rank"])["pairing"].value_counts(sort=False)
    many = "strongest pair" if n == 1 else f"{n} strongest pairs"
    if counts.max() < n:
        many = "strongest pairs"
    each = " each" if len(counts) > 1 else ""
    return f"the {many}{each} of {', '.join(counts.index)} by {metric_name(metric)}"


def cut_in_words(table: AffinityTable) -> str:
    """How the table was cut, such as `among the top 3 % per pairing`; empty if it was not."""
    # the same rule twice keeps what it keeps once, because it counts the scored pairs
    described = dict.fromkeys(Selection(**rules).describe() for rules in table.meta.selection)
    rules = "; ".join(described)
    return f"among the {rules}" if rules else ""

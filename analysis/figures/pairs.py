"""Which pairs a figure draws, and the words that say so in its title."""

import pandas as pd

from headgraph.analysis.errors import FigureError
from headgraph.base.names import GRAPH_PAIRINGS
from headgraph.pk_engine.scoring.selection import Selection
from headgraph.pk_engine.table.affinity import AffinityTable
from headgraph.pk_engine.table.meta import TableMeta

MOST_LINES = 500
"""In one diagram: more cannot be told apart, and each takes longer to lead around the others."""
_NAMES = {"pk": "PK", "cs": "CS", "simple_cs": "simple CS", "cka": "CKA"}


def usual_number(meta: TableMeta) -> int:
    """How many pairs of each pairing a diagram shows where nobody says: 20, or fewer.

    A small model gets one for every three heads (5 for induction-2l, 20 from 60 heads on), as more
    would cover it with lines; and where each key/value head has many query heads, as many as stay
    within `MOST_LINES`.
    """
    fan = meta.n_heads // meta.n_kv_heads if meta.kv == "native" else 1
    return max(min(20, meta.n_layers * meta.n_heads // 3, MOST_LINES // (1 + 2 * fan)), 1)


def strongest_pairs(table: AffinityTable, n: int | None = None, metric: str = "pk") -> pd.DataFrame:
    """The `n` strongest pairs of each of OQ, OK, OV, as arrows between query heads.

    Without `n` they are as many as `usual_number` says. PK goes by `pk_rank`, another metric by its
    values with `pk_rank` breaking ties. `n` counts scored pairs (rows of the table): in a
    grouped-query model a pair that ends in a key/value head comes back as one arrow for each query
    head that shares it, with `share` below 1.

    Where users go wrong: a table that was cut to its strongest pairs by PK no longer holds the
    strongest by CS; make it with `--all`.

    Returns:
        The columns of `AffinityTable.edges()`, strongest first within each pairing, plus `score`
        (the metric) and `weight` (the score from 0 for the weakest to 1 for the strongest drawn of
        its pairing).

    Raises:
        FigureError: `n` below 1, a metric that the table lacks, or no pair to draw.
    """
    n = usual_number(table.meta) if n is None else n
    edges = _edges(table, n, metric)
    order = {pairing: i for i, pairing in enumerate(GRAPH_PAIRINGS)}
    edges = edges.assign(place=edges["pairing"].map(order), down=-edges["score"])
    by = ["place", "pk_rank"] if metric == "pk" else ["place", "down", "pk_rank"]
    edges = edges.sort_values(by, kind="stable", ignore_index=True).drop(columns=["place", "down"])
    # arrows of one scored pair carry its rank: the n-th new rank of a pairing is the last one in
    first = ~edges.duplicated(["pairing", "pk_rank"])
    edges = edges[first.groupby(edges["pairing"]).cumsum() <= n]
    lowest, highest = (edges.groupby("pairing")["score"].transform(f) for f in ("min", "max"))
    spread = (highest - lowest).where(highest > lowest, 1.0)
    weight = ((edges["score"] - lowest) / spread).where(highest > lowest, 1.0)
    return edges.assign(weight=weight).reset_index(drop=True)


def _edges(table: AffinityTable, n: int, metric: str) -> pd.DataFrame:
    """Arrows of OQ, OK and OV with their score, when there is something to draw."""
    if n < 1:
        raise FigureError(f"--per-pairing {n}: expected a whole number of at least 1")
    if metric not in table.meta.metrics:
        raise FigureError(
            f"the table has no metric {metric!r}, only {', '.join(table.meta.metrics)}: make one "
            "with headgraph compute MODEL --all --metrics pk,cs -o FILE"
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
    raise FigureError(
        f"--per-pairing {n} would draw {len(pairs):,} lines: expected at most {MOST_LINES} in one "
        f"picture, which is --per-pairing {max(fits, 1)} here; headgraph query strongest_edges "
        f"-p per_pairing={n} lists them all"
    )


def metric_name(metric: str) -> str:
    """A metric as people write it: `PK`, `CS`."""
    return _NAMES.get(metric, metric.replace("_", " "))


def rule_in_words(pairs: pd.DataFrame, n: int, metric: str) -> str:
    """What was drawn: `the 20 strongest pairs each of OQ, OK, OV by PK`."""
    counts = pairs.drop_duplicates(["pairing", "pk_rank"])["pairing"].value_counts(sort=False)
    many = "strongest pair" if n == 1 else f"{n} strongest pairs"
    if counts.max() < n:
        many = "strongest pairs"
    each = " each" if len(counts) > 1 else ""
    return f"the {many}{each} of {', '.join(counts.index)} by {metric_name(metric)}"


def cut_in_words(table: AffinityTable) -> str:
    """How the table had been cut before: `among the top 3 % per pairing`, or nothing."""
    rules = "; ".join(Selection(**rules).describe() for rules in table.meta.selection)
    return f"among the {rules}" if rules else ""

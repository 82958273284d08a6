"""Pairs of two tables side by side, and what a missing pair says.

A table that was cut keeps its strongest pairs. A pair that it lacks is no pair of PK 0: it has at
most the PK of the cutoff.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from headgraph.base.names import CHANGES
from headgraph.pk_engine.table.affinity import KEYS, AffinityTable
from headgraph.pk_engine.table.columns import frame_of
from headgraph.pk_engine.table.meta import TableMeta

PAIR = ["pairing", *KEYS]
_FIGURES = ["pk", "z", "pk_rank"]


class Cutoff(NamedTuple):
    """What is true of each pair that a table lacks, in one pairing.

    Attributes:
        pk: the most that its PK can be; 0 where the table has all pairs with a score, infinite
            where nothing is known.
        rank: the best place among all scored pairs that it can have.
        cut: whether the table lacks scored pairs.
    """

    pk: float
    rank: int
    cut: bool


def cutoffs(table: AffinityTable) -> dict[str, Cutoff]:
    """The cutoff of each pairing.

    The rows of ranks 1, 2, ... n without a gap bound all others: a pair that is missing has a rank
    above n, so its PK is at most that of rank n. This holds for any selection.
    """
    found = {}
    for pairing in table.meta.pairings:
        here = table.columns["pairing"] == pairing
        pk, rank = table.columns["pk"][here], table.columns["pk_rank"][here]
        gaps = np.flatnonzero(rank != np.arange(1, len(rank) + 1))
        first = int(gaps[0]) if len(gaps) else len(rank)
        cut = len(rank) < table.meta.scored[pairing]
        # without a cut, only pairs of a matrix of zeros are missing: they overlap with nothing
        most = (float(pk[first - 1]) if first else np.inf) if cut else 0.0
        found[pairing] = Cutoff(most, first + 1, cut)
    return found


def side_by_side(before: AffinityTable, after: AffinityTable, noise: float) -> pd.DataFrame:
    """A row for each pair that either table has.

    Returns:
        The pair; `pk_before`, `pk_after`, and the same of `z` and `rank`, without a value where a
        table lacks the pair; `cutoff`, the cutoff of the table that lacks it; `difference` of PK,
        of z (`z_difference`) and of rank (`rank_difference`), which is the least possible one for a
        pair that one table lacks; `change`, one of `CHANGES`, `equal` or `undecided`.
    """
    one, other = (_scored_pairs(table) for table in (before, after))
    both = one.merge(other, how="outer", on=PAIR, suffixes=("_before", "_after"))
    both = both.rename(columns={f"pk_rank_{when}": f"rank_{when}" for when in ("before", "after")})
    here, there = (both[f"pk_{when}"].notna().to_numpy() for when in ("before", "after"))
    found = both.assign(
        cutoff=np.float32(np.nan),
        difference=both["pk_after"] - both["pk_before"],
        z_difference=both["z_after"] - both["z_before"],
        rank_difference=both["rank_after"] - both["rank_before"],
    )
    _bound(found, ~there, "before", after, sign=-1)
    _bound(found, ~here, "after", before, sign=1)
    change = found["difference"].to_numpy()
    up, down = change > noise, change < -noise
    kinds = [up & ~here, down & ~there, up & here & there, down & here & there]
    names = np.where(here & there, "equal", "undecided").astype(object)
    for name, at in zip(CHANGES, kinds, strict=True):
        names[at] = name
    return found.assign(change=names)


def _bound(
    found: pd.DataFrame, lacks: NDArray[np.bool_], known: str, table: AffinityTable, sign: int
) -> None:
    """Fill the differences of pairs that a table lacks with the least that they can be."""
    limits = cutoffs(table)
    for pairing, limit in limits.items():
        at = lacks & (found["pairing"] == pairing)
        found.loc[at, "cutoff"] = limit.pk
        z = _z_of(limit.pk, table.meta, pairing)
        for name, most in (("pk", limit.pk), ("z", z)):
            least = (found.loc[at, f"{name}_{known}"] - most).clip(lower=0)
            found.loc[at, "difference" if name == "pk" else "z_difference"] = sign * least
        least = (limit.rank - found.loc[at, f"rank_{known}"]).clip(lower=0)
        found.loc[at, "rank_difference"] = -sign * least


def _z_of(pk: float, meta: TableMeta, pairing: str) -> float:
    """The z of a PK at full rank; not a number where ranks or streams differ: it has none then."""
    moments = meta.moments[pairing]
    widths = ({layer.rank_of(role) for layer in meta.shape.layers} for role in pairing)
    uneven = meta.shape.widths_differ or any(len(found) > 1 for found in widths)
    if uneven or meta.deficient or not moments["sd"] > 0:
        return float("nan")
    return (pk - moments["mean"]) / moments["sd"]


def _scored_pairs(table: AffinityTable) -> pd.DataFrame:
    """A row for each scored pair: the rows of an expanded table that share one are joined."""
    frame = frame_of({name: table.columns[name] for name in (*PAIR, *_FIGURES)})
    meta = table.meta
    if meta.kv == "native" or meta.group_size == 1:
        return frame
    for place, end in enumerate(("source", "target")):
        shared = frame["pairing"].str[place].isin(["K", "V"])
        head = frame[f"{end}_head"]
        groups = meta.groups_of(frame[f"{end}_layer"].to_numpy())
        frame[f"{end}_head"] = (head // groups).where(shared, head)
    return frame.drop_duplicates(PAIR, ignore_index=True)

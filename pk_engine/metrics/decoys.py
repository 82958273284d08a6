"""The share of strong pairs that mean nothing, estimated from pairs that cannot carry anything.

A backward pair, whose source layer comes after its target layer, is scored like a forward one, but
nothing can flow through it. At a threshold t

    share(t) = (1 + backward pairs with PK >= t) / (forward pairs with PK >= t)
    decoy_q  = the smallest share at any threshold that keeps the pair

This is the target-decoy estimate of mass spectrometry (Elias and Gygi 2007,
doi:10.1038/nmeth1019). It assumes that meaningless overlap is as common forward as backward.
Weights that drift with depth break that assumption.

Counts are held in bins of PK, exact at the thresholds between bins, so that any number of pairs
takes the same memory and counts of different parts of a model add up.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from headgraph.base.names import GRAPH_PAIRINGS
from headgraph.base.spelling import Message, either
from headgraph.base.text import together

BINS_PER_PK = 4096
"""Thresholds within one unit of PK: as fine as float32 scores are exact."""
HIGH = 0.25
"""Share of decoys above which a warning is given."""
RANDOM = 0.8
"""Share of decoys from which edges are hardly stronger than backward pairs.

Independent weights have a share of 1, with a standard deviation of sqrt(2 / edges): 0.08 for 3 % of
GPT-2's pairs.
"""
DIRECTED = GRAPH_PAIRINGS
"""Pairings with decoys: only where the source role writes does a pair have a direction."""


def _none() -> NDArray[np.int64]:
    return np.zeros(0, np.int64)


@dataclass
class DecoyCounts:
    """Forward and backward pairs of one pairing by their PK, a count for each bin."""

    forward: NDArray[np.int64] = field(default_factory=_none)
    backward: NDArray[np.int64] = field(default_factory=_none)

    @property
    def scored(self) -> int:
        """How many backward pairs were scored."""
        return int(self.backward.sum())

    def add(self, forward: NDArray[np.floating], backward: NDArray[np.floating]) -> None:
        """Count the PK of some more pairs."""
        self.forward = _sum(self.forward, np.bincount(_bins(forward)))
        self.backward = _sum(self.backward, np.bincount(_bins(backward)))

    def include(self, other: "DecoyCounts") -> None:
        """Count the pairs that are counted in another object too."""
        self.forward = _sum(self.forward, other.forward)
        self.backward = _sum(self.backward, other.backward)

    def stronger(self, pk: ArrayLike) -> NDArray[np.int64]:
        """For each PK, how many backward pairs are at least as strong."""
        return _at_least(self.backward, int(_bins(pk).max(initial=0)) + 1)[_bins(pk)]

    def decoy_q(self, pk: ArrayLike) -> NDArray[np.float64]:
        """For each PK, the smallest share of decoys at any threshold that keeps it.

        Not limited to 1: above it there are more backward pairs than forward ones.
        """
        size = max(len(self.forward), len(self.backward), int(_bins(pk).max(initial=0)) + 1)
        forward = _at_least(self.forward, size)
        share = np.full(size, np.inf)
        np.divide(1 + _at_least(self.backward, size), forward, out=share, where=forward > 0)
        return np.minimum.accumulate(share)[_bins(pk)]


def decoy_share(pk: NDArray[np.floating], decoys: NDArray[np.integer]) -> float | None:
    """The share of decoys among kept pairs: (1 + backward pairs >= the weakest) / pairs kept.

    Args:
        pk: of the pairs kept in one pairing.
        decoys: for each, how many backward pairs are at least as strong.

    Returns:
        None where nothing is kept.
    """
    return (1 + int(decoys[np.argmin(pk)])) / len(pk) if len(pk) else None


def sentence(shares: Mapping[str, float], of: str = "the pairs kept") -> str:
    """The shares of decoys in words; empty if there are none.

    >>> sentence({"OQ": 0.182, "OK": 0.255, "OV": 1.24}).partition(" (")[0]
    'decoy share of the pairs kept: OQ 18 %, OK 26 %, OV 124 %'
    """
    if not shares:
        return ""
    numbers = ", ".join(f"{pairing} {_in_100(share)} %" for pairing, share in shares.items())
    return f"decoy share of {of}: {numbers} (estimates how many of them mean nothing)"


def warning(shares: Mapping[str, float]) -> Message | None:
    """A sentence on the pairings with many decoys; None if there is none."""
    high = [pairing for pairing, share in shares.items() if share > HIGH]
    if not high:
        return None
    rule = either("selection=Selection(max_decoy=0.1)", "--max-decoy 0.1")
    random = [pairing for pairing in high if shares[pairing] >= RANDOM]
    near = f" (in {together(random)} near 100 % or above, as in random weights)" if random else ""
    return Message(
        f"the decoy share of {together(high)} is above {100 * HIGH:.0f} %{near}, so many of "
        f"these edges may mean nothing: {rule} keeps edges whose decoy_q is at most 0.1"
    )


def _in_100(share: float) -> str:
    return f"{100 * share:.2g}" if share < 0.01 else f"{100 * share:.0f}"


def kept_shares(
    columns: Mapping[str, NDArray[Any]], decoys: Mapping[str, Mapping[str, Any]]
) -> dict[str, dict[str, Any]]:
    """The share of decoys of each pairing among a table's rows, as its metadata records it.

    Args:
        columns: rows, with `pairing`, `pk` and `decoys`.
        decoys: pairing -> `scored`, the backward pairs scored.

    Returns:
        pairing -> `scored`, and `share` with 6 significant digits.
    """
    found = {}
    for pairing, counted in decoys.items():
        here = columns["pairing"] == pairing
        share = decoy_share(columns["pk"][here], columns["decoys"][here])
        rounded = None if share is None else float(f"{share:.6g}")
        found[pairing] = {"scored": counted["scored"], "share": rounded}
    return found


def _bins(pk: ArrayLike) -> NDArray[np.int64]:
    # PK rounds to a little below 0 where two subspaces share nothing
    return np.maximum(np.floor(np.asarray(pk, np.float64) * BINS_PER_PK), 0).astype(np.int64)


def _sum(a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.int64]:
    short, long = sorted((a, b), key=len)
    total = long.astype(np.int64, copy=True)
    total[: len(short)] += short
    return total


def _at_least(counts: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """For each bin, how many are in it or above."""
    padded = np.zeros(max(size, len(counts)), np.int64)
    padded[: len(counts)] = counts
    return padded[::-1].cumsum()[::-1]

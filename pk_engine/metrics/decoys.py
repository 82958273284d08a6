"""The share of strong pairs that mean nothing, estimated from pairs that cannot carry anything.

A backward pair, whose source layer comes after its target layer, is scored like a forward one, but
nothing can flow through it. At a threshold t

    share(t) = (1 + backward pairs with PK >= t) / (forward pairs with PK >= t)
    decoy_q  = the smallest share at any threshold that keeps the pair

This is the target-decoy estimate of mass spectrometry (Elias and Gygi 2007,
doi:10.1038/nmeth1019). It assumes that meaningless overlap is as common forward as backward.
Weights that drift with depth break that assumption.

Heads of neighbouring layers often share more, in both directions. A forward order has as many pairs
as a backward one at each distance, so the share of a whole pairing is right all the same, but the
pairs of neighbouring layers have a larger one than the rest. So both are estimated apart too, each
with the backward pairs of its own distance.

Counts are held in bins of PK, exact at the thresholds between bins, so that any number of pairs
takes the same memory and counts of different parts of a model add up.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from headgraph.base.decoys import HIGH, is_bound
from headgraph.base.names import GRAPH_PAIRINGS
from headgraph.base.spelling import Message, either
from headgraph.base.text import together

BINS_PER_PK = 4096
"""Thresholds within one unit of PK: as fine as float32 scores are exact."""
RANDOM = 0.8
"""Share of decoys from which edges are hardly stronger than backward pairs.

Independent weights have a share of 1, with a standard deviation of sqrt(2 / edges): 0.08 for 3 % of
GPT-2's pairs.
"""
APART = ("share_neighbours", "share_further")
"""Shares of decoys between neighbouring layers, and further apart."""
DIRECTED = GRAPH_PAIRINGS
"""Pairings with decoys: only where the source role writes does a pair have a direction."""


def _none() -> NDArray[np.int64]:
    return np.zeros(0, np.int64)


@dataclass
class DecoyCounts:
    """Forward and backward pairs of one pairing by their PK, a count for each bin.

    `neighbours` counts the backward pairs in neighbouring layers once more.
    """

    forward: NDArray[np.int64] = field(default_factory=_none)
    backward: NDArray[np.int64] = field(default_factory=_none)
    neighbours: NDArray[np.int64] = field(default_factory=_none)

    @property
    def scored(self) -> int:
        """How many backward pairs were scored."""
        return int(self.backward.sum())

    def add(
        self,
        forward: NDArray[np.floating],
        backward: NDArray[np.floating],
        neighbours: NDArray[np.bool_],
    ) -> None:
        """Count the PK of some more pairs.

        Args:
            forward: PK of forward pairs.
            backward: PK of backward pairs.
            neighbours: which of the backward pairs lie in neighbouring layers.
        """
        self.forward = _sum(self.forward, np.bincount(_bins(forward)))
        self.backward = _sum(self.backward, np.bincount(_bins(backward)))
        self.neighbours = _sum(self.neighbours, np.bincount(_bins(backward[neighbours])))

    def steps(self) -> list[list[int]]:
        """The strongest backward pairs, about 1, 2, 3, 4, 6, 8, 12 and so on up to all of them.

        Returns:
            For each number, how many they are (more if several share a bin) and how many of them
            lie in neighbouring layers.
        """
        every = _at_least(self.backward, 1)
        near = _at_least(self.neighbours, len(every))
        found: dict[int, int] = {}
        for number in _numbers(self.scored):
            last = int(np.searchsorted(-every, -number, side="right")) - 1
            found[int(every[last])] = int(near[last])
        return [[count, neighbours] for count, neighbours in found.items()]

    def include(self, other: "DecoyCounts") -> None:
        """Count the pairs that are counted in another object too."""
        self.forward = _sum(self.forward, other.forward)
        self.backward = _sum(self.backward, other.backward)
        self.neighbours = _sum(self.neighbours, other.neighbours)

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


def unmatched(shares: Mapping[str, float], pairings: NDArray[Any]) -> frozenset[str]:
    """The pairings with a high share in which no backward pair is as strong as the pairs kept.

    Their share, 1 / (pairs kept), is an upper bound: it is high because few pairs are kept.

    Args:
        shares: pairing -> share.
        pairings: of each pair kept.
    """
    return frozenset(
        name
        for name, share in shares.items()
        if is_bound(share, int(np.count_nonzero(pairings == name)))
    )


def sentence(
    shares: Mapping[str, float],
    of: str = "the pairs kept",
    apart: Mapping[str, Sequence[float | None]] | None = None,
    none: Collection[str] = (),
) -> str:
    """The shares of decoys in words; empty if there are none.

    Args:
        shares: pairing -> share.
        of: which pairs.
        apart: pairing -> share between neighbouring layers, and further apart; a second line if
            there are both.
        none: pairings without a decoy (`unmatched`), whose share is an upper bound.

    >>> sentence({"OQ": 0.182, "OK": 0.255, "OV": 1.24}).partition(" (")[0]
    'decoy share of the pairs kept: OQ 18 %, OK 26 %, OV 124 %'
    >>> sentence({"OV": 0.48}, apart={"OV": (0.571, 0.44)}).splitlines()[1]
    'of those between neighbouring layers: OV 57 %; further apart: OV 44 %'
    >>> sentence({"OQ": 0.33, "OV": 0.67}, none={"OQ"}).partition(" (")[0]
    'decoy share of the pairs kept: OQ at most 33 %, OV 67 %'
    """
    if not shares:
        return ""
    listed = _listed(shares, none)
    line = f"decoy share of {of}: {listed} (estimates how many of them mean nothing)"
    known = {name: both for name, both in (apart or {}).items() if name not in none}
    if not any(None not in both for both in known.values()):  # such as a model of two layers
        return line
    near, far = (_listed({name: both[end] for name, both in known.items()}) for end in (0, 1))
    return f"{line}\nof those between neighbouring layers: {near}; further apart: {far}"


def _listed(shares: Mapping[str, float | None], none: Collection[str] = ()) -> str:
    known = {pairing: share for pairing, share in shares.items() if share is not None}
    return ", ".join(
        f"{name} {'at most ' if name in none else ''}{_in_100(share)} %"
        for name, share in known.items()
    )


def warning(shares: Mapping[str, float], none: Collection[str] = ()) -> Message | None:
    """A sentence on the pairings with many decoys, except those in `none`; or None."""
    high = [pairing for pairing, share in shares.items() if share > HIGH and pairing not in none]
    if not high:
        return None
    rule = either("selection=Selection(max_decoy=0.1)", "--max-decoy 0.1")
    random = [pairing for pairing in high if shares[pairing] >= RANDOM]
    near = f" (in {together(random)} near 100 % or above, as in random weights)" if random else ""
    return Message(
        f"the decoy share of {together(high)} at the weakest pair kept is above "
        f"{100 * HIGH:.0f} %{near}, so many of these edges may mean nothing: {rule} "
        "keeps edges whose decoy_q is at most 0.1"
    )


def _in_100(share: float) -> str:
    return f"{100 * share:.2g}" if share < 0.01 else f"{100 * share:.0f}"


def kept_shares(
    columns: Mapping[str, NDArray[Any]],
    decoys: Mapping[str, Mapping[str, Any]],
    places: NDArray[np.integer],
) -> dict[str, dict[str, Any]]:
    """The share of decoys of each pairing among a table's rows, as its metadata records it.

    Args:
        columns: rows, with `pairing`, `pk`, `decoys`, `source_layer` and `target_layer`.
        decoys: pairing -> `scored`, the backward pairs scored, and perhaps `steps`
            (`DecoyCounts.steps`).
        places: of each layer, its place among the layers that have heads.

    Returns:
        pairing -> `scored`, and `share` with 6 significant digits; with `steps` also
        `share_neighbours` and `share_further`, the shares of rows between neighbouring layers and
        of the others.
    """
    found = {}
    for pairing, counted in decoys.items():
        rows = np.flatnonzero(columns["pairing"] == pairing)
        pk, stronger = columns["pk"][rows], columns["decoys"][rows]
        found[pairing] = {"scored": counted["scored"], "share": _digits(decoy_share(pk, stronger))}
        if "steps" in counted:
            ends = (places[columns[f"{end}_layer"][rows]] for end in ("source", "target"))
            source, target = ends
            near = int(np.count_nonzero(target - source == 1))
            most = int(stronger[np.argmin(pk)]) if len(pk) else 0
            shares = shares_apart(near, len(pk) - near, most, counted["steps"])
            found[pairing] |= dict(zip(APART, map(_digits, shares), strict=True))
            found[pairing]["steps"] = counted["steps"]
    return found


def shares_apart(
    neighbours: int, further: int, decoys: int, steps: Sequence[Sequence[int]]
) -> tuple[float | None, float | None]:
    """The shares of decoys between neighbouring layers and further apart.

    Each is (1 + backward pairs as strong as the weakest pair kept) / (pairs kept), with pairs of
    its own distance on both sides. Between two steps, the backward pairs of neighbouring layers are
    interpolated.

    Args:
        neighbours: pairs kept whose layers are neighbours.
        further: the other pairs kept.
        decoys: backward pairs of any distance that are as strong as the weakest pair kept.
        steps: see `DecoyCounts.steps`.

    Returns:
        Both shares; None where no pair is kept, or so few that the share is only an upper bound
        (`headgraph.base.decoys.is_bound`).
    """
    counts, near = np.array([[0, 0], *steps]).T
    between = round(float(np.interp(decoys, counts, near)))
    return _estimate(1 + between, neighbours), _estimate(1 + decoys - between, further)


def _estimate(stronger: int, kept: int) -> float | None:
    share = stronger / kept if kept else None
    return None if share is None or is_bound(share, kept) else share


def _digits(share: float | None) -> float | None:
    return None if share is None else float(f"{share:.6g}")


def _numbers(most: int) -> Iterator[int]:
    """1, 2, 3, 4, 6, 8, 12 and so on below `most`, and `most` itself, if it is not 0."""
    number = 1
    while number < most:
        yield number
        if number > 1 and number * 3 // 2 < most:
            yield number * 3 // 2
        number *= 2
    if most:
        yield most


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

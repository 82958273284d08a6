"""A difference in sentences."""

from collections.abc import Iterator

import numpy as np

from headgraph.analysis.difference.compared import Compared
from headgraph.base.spelling import either

UNRELATED = 0.15
"""Below this share of common strong pairs, two tables look like unrelated models.

GPT-2 small and GPT-Neo 125M, which have one shape and nothing else in common, share 5 to 8 %.
"""
FEW = 20
"""Fewer strong pairs than this say nothing."""


def summary(found: Compared) -> Iterator[str]:
    """What was compared and what changed, then what cut tables leave open."""
    counts = _totals(found)
    one, other = found.names
    yield f"A is {one}, B is {other}."
    yield (
        f"{_pairs(counts['compared'])} compared: {counts['stronger']:,} stronger in B, "
        f"{counts['weaker']:,} weaker, {counts['equal']:,} equal within rounding "
        f"({found.noise:.2g})."
    )
    for only, change, here, there in (("only_before", "lost", "A", "B"),
                                      ("only_after", "gained", "B", "A")):  # fmt: skip
        number, sure = counts[only], counts[change]
        if number:
            undecided = number - sure
            words = f"{_pairs(number)} only in {here}: {sure:,} {change}"
            open_ = f"; {undecided:,} undecided, as their PK is not above {there}'s cutoff"
            yield f"{words}{open_ if undecided else ''}."
    if counts["neither"]:
        yield f"{_pairs(counts['neither'])} in neither table: their change is unknown."
    yield from _cut(found)
    if words := unrelated(found):
        yield words
    if len(found.heads):
        yield f"Copying or self-overlap changed in {len(found.heads):,} heads."


def unrelated(found: Compared) -> str:
    """A sentence if the two share so few strong pairs that heads do not correspond; else empty."""
    counts = _totals(found)
    if counts["strong"] < FEW or counts["strong_in_both"] >= UNRELATED * counts["strong"]:
        return ""
    return (
        f"Only {counts['strong_in_both']:,} of the {counts['strong']:,} strongest pairs of A are "
        "among the strongest of B: these look like unrelated models, whose heads do not correspond."
    )


def compared_in_words(found: Compared) -> str:
    """How many pairs were compared, and how many were not."""
    counts = _totals(found)
    words = f"{_pairs(counts['compared'])} compared"
    undecided = counts["only_before"] + counts["only_after"] - counts["lost"] - counts["gained"]
    if undecided:
        words += f"; {undecided:,} that one table lacks are undecided, as they may be equal"
    if counts["neither"]:
        words += f"; {counts['neither']:,} are in neither table"
    return f"{words}."


def nothing_changed(found: Compared) -> str:
    """Why there is no changed pair."""
    compared = int(found.counts["compared"].sum())
    if not compared:
        return "no pair can be compared: no scored pair is in both tables"
    return (
        f"no pair differs: the {_pairs(compared)} that both tables have are equal within rounding "
        f"({found.noise:.2g})"
    )


def no_head_changed(found: Compared) -> str:
    """Why there is no changed head."""
    lacks = [side for side, meta in zip("AB", found.metas, strict=True) if not meta.heads]
    if lacks:
        compute = either("compute", "headgraph compute")
        return f"no copying scores in {' and '.join(lacks)}: make the table again with {compute}"
    return "no head's copying or self-overlap differs by more than rounding"


def _cut(found: Compared) -> Iterator[str]:
    sides = []
    for side, column in (("A", "cutoff_before"), ("B", "cutoff_after")):
        here = found.counts[["pairing", column]].dropna()
        limits = [
            f"{pairing} from PK {limit:.4g}" if np.isfinite(limit) else f"{pairing} without a limit"
            for pairing, limit in here.itertuples(index=False)
        ]
        sides += [f"{side} keeps {', '.join(limits)}"] if limits else []
    if sides:
        yield (
            f"{'; '.join(sides)}. A pair that a cut table lacks is below its cutoff, which does "
            "not mean PK 0."
        )
    if len(sides) == 1 and found.counts[["stronger", "weaker"]].to_numpy().any():
        only_a = found.counts["cutoff_before"].notna().any()
        cut, more = ("A", "weaker") if only_a else ("B", "stronger")
        yield (
            f"Only {cut} is cut: the pairs compared are strong in {cut} by choice, so more of them "
            f"are {more} in B, whatever changed."
        )


def _totals(found: Compared) -> dict[str, int]:
    """The counts over all pairings."""
    whole = found.counts.drop(columns=["pairing", "cutoff_before", "cutoff_after"])
    return {str(name): int(number) for name, number in whole.sum().items()}


def _pairs(number: int) -> str:
    return f"{number:,} pair{'' if number == 1 else 's'}"

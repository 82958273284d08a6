"""The lines of a wiring diagram: from which head to which, and where they leave a head."""

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from headgraph.analysis.figures.roles import Head


@dataclass(frozen=True)
class Line:
    """One arrow; `weight` is its score from 0 to 1, `share` its part of a scored pair."""

    pairing: str
    source: Head
    target: Head
    weight: float
    share: float


def lines_of(pairs: pd.DataFrame) -> list[Line]:
    """The rows of `strongest_pairs`, the strongest of any pairing first."""
    order = pairs.sort_values("weight", ascending=False, kind="stable")
    columns = ["source_layer", "source_head", "target_layer", "target_head"]
    ends = order[columns].to_numpy(dtype=int).tolist()
    rest = order["pairing"].tolist(), order["weight"].tolist(), order["share"].tolist()
    return [
        Line(pairing, (a, b), (c, d), weight, share)
        for (a, b, c, d), pairing, weight, share in zip(ends, *rest, strict=True)
    ]


def touches(lines: Sequence[Line]) -> dict[Head, int]:
    """How many lines begin or end at each head that any of them touches."""
    return dict(Counter(head for line in lines for head in (line.source, line.target)))


def outlets(lines: Sequence[Line]) -> list[float]:
    """Where on its source's upper edge each line leaves, from -1 (left) to 1 (right).

    Sorted by where they go, so that lines do not cross before they have left.
    """
    leaving: dict[Head, list[int]] = defaultdict(list)
    for number, line in enumerate(lines):
        leaving[line.source].append(number)
    places = [0.0] * len(lines)
    for numbers in leaving.values():
        numbers.sort(key=lambda number: _heading(lines[number]))
        for place, number in enumerate(numbers):
            places[number] = 2 * place / (len(numbers) - 1) - 1 if len(numbers) > 1 else 0.0
    return places


def _heading(line: Line) -> float:
    across, up = line.target[1] - line.source[1], line.target[0] - line.source[0]
    return math.atan2(across, max(up, 0.5))

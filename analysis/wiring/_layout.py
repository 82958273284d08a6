"""The lines of a wiring diagram, and where its heads stand.

Places are in points: layers go up, head indices to the right.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from headgraph.analysis.figures import style
from headgraph.analysis.figures.roles import Head
from headgraph.base.names import head_name


@dataclass(frozen=True)
class Line:
    """One arrow; `weight` is its score scaled to 0 to 1, `share` its part of a scored pair."""

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
    """Where each line leaves its source's upper edge, from -1 (left) to 1 (right).

    Lines of a head are sorted by direction, so that they do not cross near it.
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


LEFT, RIGHT, BELOW, ABOVE = 76.0, 22.0, 40.0, 22.0
"""Margins of the plot for names of layers, numbers of heads, and lines that swing out."""
NAMES = 52.0
"""Right end of the names of layers; no line runs to the left of it."""
NARROWEST = 45.0
"""Least distance of neighbouring heads."""
CLOSE, WIDER = 33.0, 46.0
"""Distance of two layers without a line, and what the busiest gap adds to it."""


@dataclass(frozen=True)
class Grid:
    """Places of all heads; the origin is the lower left corner of the plot.

    Attributes:
        n_heads: per layer.
        rows: height of each layer in points, from the lowest.
        narrowest: least distance of neighbouring heads.
        above: room over the highest layer.
        names: of the layers, where they are not `L0`, `L1` and so on.
    """

    n_heads: int
    rows: tuple[float, ...]
    narrowest: float = NARROWEST
    above: float = ABOVE
    names: tuple[str, ...] = ()

    def name(self, layer: int, head: int) -> str:
        """The name of a head."""
        return f"{self.names[layer]}H{head}" if self.names else head_name(layer, head)

    @cached_property
    def step(self) -> float:
        """Distance between neighbouring heads.

        It is large enough that names do not touch; many heads make the figure wider.
        """
        wide = max((style.WIDTH - LEFT - RIGHT) / self.n_heads, self.narrowest)
        return min(wide, max(90.0, self.narrowest))

    @cached_property
    def size(self) -> tuple[float, float]:
        """Width and height of the plot."""
        width = LEFT + RIGHT + self.step * self.n_heads
        return max(width, style.WIDTH), self.rows[-1] + self.above

    def centre(self, layer: int, head: int) -> tuple[float, float]:
        """Middle of a head."""
        spare = self.size[0] - LEFT - RIGHT - self.step * self.n_heads
        return LEFT + spare / 2 + self.step * (head + 0.5), self.rows[layer]


def place_rows(
    n_layers: int,
    n_heads: int,
    lines: Sequence[Line],
    *,
    taller: float = 0.0,
    narrowest: float = NARROWEST,
    names: tuple[str, ...] = (),
) -> Grid:
    """A grid with more room between layers that have more sideways lines between them.

    Args:
        n_layers: number of layers.
        n_heads: number of heads in each.
        lines: lines of the diagram.
        taller: extra height of the boxes.
        narrowest: least distance of neighbouring heads.
        names: of the layers, where they are not `L0`, `L1` and so on.
    """
    traffic = np.zeros(max(n_layers - 1, 0))
    for line in lines:
        low, high = sorted((line.source[0], line.target[0]))
        traffic[low:high] += abs(line.target[1] - line.source[1]) / max(high - low, 1)
    steps = CLOSE + WIDER * np.sqrt(traffic / max(traffic.max(initial=0.0), 1.0))
    steps *= np.clip(330.0 / max(steps.sum(), 1.0), 1.0, 2.5)
    rows = BELOW + taller / 2 + np.concatenate([[0.0], (steps + taller).cumsum()])
    return Grid(n_heads, tuple(rows.tolist()), narrowest, ABOVE + taller / 2, names)


@dataclass(frozen=True)
class Box:
    """A head with a line: a rounded box with its name, the tag of its role, and any words.

    `top` is the height of the part with name and tag; lines of words are below it.
    """

    head: Head
    x: float
    y: float
    width: float
    height: float
    name: str
    tag: str
    scale: float
    words: tuple[str, ...] = ()
    line: float = 0.0

    @property
    def top(self) -> float:
        """Height of the part with name and tag."""
        return self.height - self.line * len(self.words)

    def inlet(self, role: str) -> tuple[float, float]:
        """Where a line enters to be read as query (left), key (middle) or value (right)."""
        return self.x + 0.27 * self.width * ("QKV".index(role) - 1), self.y - self.height / 2

    def outlet(self, part: float) -> tuple[float, float]:
        """Where a line leaves: on the upper edge, `part` from -1 (left) to 1 (right)."""
        return self.x + 0.36 * self.width * part, self.y + self.height / 2


def place_boxes(
    grid: Grid,
    touched: Mapping[Head, int],
    tags: Mapping[Head, str],
    words: Mapping[Head, tuple[str, ...]] | None = None,
    *,
    line: float = 0.0,
    size: float = style.TINY,
) -> list[Box]:
    """Boxes of the heads with lines, larger for heads with many.

    Args:
        grid: places of all heads.
        touched: number of lines at each head.
        tags: tags of heads with a role.
        words: further lines of text in each box; boxes then have one scale.
        line: distance of lines of text.
        size: size of their letters.
    """
    most = max(max(touched.values()), 8)
    boxes = []
    for head, lines in sorted(touched.items()):
        # with one column to spare even the busiest head must not reach its neighbour
        scale = 1 + 0.3 * max(lines - 3, 0) / most if words is None else 1.0
        tag = tags.get(head, "")
        name = grid.name(*head)
        below = (words or {}).get(head, ())
        text = max(
            style.text_width(name, style.SMALL * scale, bold=bool(tag)),
            style.text_width(tag, style.TINY * scale),
            *(style.text_width(word, size) for word in below),
        )
        width, height = text + 7.0 * scale, (19.0 if tag else 12.5) * scale + line * len(below)
        place = grid.centre(*head)
        boxes.append(Box(head, *place, width, height, name, tag, scale, below, line))
    return boxes

"""Curves between heads that avoid other heads and each other.

Every curve is one cubic Bezier that leaves a box upwards and enters another from below. The router
tries a fixed set of such curves and takes the cheapest: short, with little turning, not behind
other heads, and not along a line drawn before (crossing one is free). A coarse raster records
occupied places, so the time is proportional to the number of lines.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product

import numpy as np
from numpy.typing import NDArray

from headgraph.analysis.wiring._layout import Box

Points = NDArray[np.float64]

TIP = 5.5
"""Length of an arrow's tip; a curve ends where the tip begins."""
_CELL = 3.0
_DIRECTIONS = 6
_STEPS = 56
_LEAVE = np.radians([-78, -60, -42, -24, -10, 0, 10, 24, 42, 60, 78])
_REACH = (0.3, 0.5, 0.8)
_ALL = np.array(list(product(_LEAVE, _LEAVE, _REACH, _REACH)))
_EVEN = _ALL[_ALL[:, 2] == _ALL[:, 3]]
_FEW = 200
_FIRST = 60
"""Shapes whose place is looked at first; of the others, those that could still be the cheapest."""
_TURNING, _DOWN, _BEHIND, _ALONG, _OUTSIDE = 0.45, 2.0, 9.0, 0.6, 30.0


def bezier(control: Points, steps: int = _STEPS) -> Points:
    """Points along cubic curves: (..., 4, 2) control points to (..., steps, 2)."""
    t = np.linspace(0, 1, steps)[:, None]
    weights = np.hstack([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3])
    return np.asarray(weights @ control)


@dataclass
class Router:
    """Finds curves one after the other; each avoids what was placed before it.

    Attributes:
        size: width and height of the plot in points.
        boxes: boxes that no line should pass behind.
        left: left limit of all lines.
        lines: number of lines to route; with many, fewer shapes are tried for each.
    """

    size: tuple[float, float]
    boxes: Sequence[Box]
    left: float = 0.0
    lines: int = 1
    _owner: NDArray[np.int32] = field(init=False)
    _used: NDArray[np.float64] = field(init=False)

    def __post_init__(self) -> None:
        shape = tuple(int(side / _CELL) + 2 for side in self.size)
        self._owner = np.full(shape, -1, np.int32)
        self._used = np.zeros((*shape, _DIRECTIONS))
        for number, box in enumerate(self.boxes):
            x, y = box.width / 2 + 2.5, box.height / 2 + 2.5
            low = self._cells(np.array([box.x - x, box.y - y]))
            high = self._cells(np.array([box.x + x, box.y + y]))
            self._owner[low[0] : high[0] + 1, low[1] : high[1] + 1] = number

    def route(
        self, start: tuple[float, float], end: tuple[float, float], ends: tuple[int, int]
    ) -> Points:
        """Four control points of the curve between two points.

        Args:
            start: where it begins.
            end: where the tip of its arrow will point to.
            ends: numbers of the two boxes, which the curve may touch.
        """
        straight = max(math.dist(start, end), 30.0)
        shapes = _candidates(start, end, _ALL if self.lines <= _FEW else _EVEN)
        points = bezier(shapes)
        best = shapes[self._cheapest(_shape_cost(points, straight), points, ends)]
        self._occupy(bezier(best, max(int(straight / _CELL), _STEPS)))
        return np.asarray(best)

    def _cheapest(self, shape_cost: Points, points: Points, ends: tuple[int, int]) -> int:
        """Place costs are never negative: a shape dearer than another with its place is out."""
        cost = np.full(len(shape_cost), np.inf)
        some = np.argpartition(shape_cost, _FIRST)[:_FIRST]
        for _ in range(2):
            cost[some] = shape_cost[some] + self._place_cost(points[some], ends)
            some = np.flatnonzero(np.isinf(cost) & (shape_cost <= cost.min()))
        return int(np.argmin(cost))

    def _place_cost(self, points: Points, ends: tuple[int, int]) -> Points:
        steps = np.diff(points, axis=1)
        middle = (points[:, 1:] + points[:, :-1]) / 2
        x, y = self._cells(middle)
        owner = self._owner[x, y]
        # a curve may touch its own boxes where it leaves one and enters the other
        first = np.arange(owner.shape[1]) < 0.3 * owner.shape[1]
        own = ((owner == ends[0]) & first) | ((owner == ends[1]) & first[::-1])
        hidden = (owner >= 0) & ~own
        along = self._used[x, y, _direction(steps)]
        low, high = np.array([self.left, 0.0]) + 4.0, np.array(self.size) - 4.0
        outside = ((middle < low) | (middle > high)).any(axis=2)
        # weights by length: the cost does not depend on where the sampled points fall
        length = np.hypot(steps[..., 0], steps[..., 1])
        paid = length * (_BEHIND * hidden + _ALONG * along + _OUTSIDE * outside)
        return np.asarray(paid.sum(axis=1) / 24.0)

    def _occupy(self, curve: Points) -> None:
        directions = _direction(np.diff(curve, axis=0))
        x, y = self._cells((curve[1:] + curve[:-1]) / 2)
        for dx, dy, turn in product((-1, 0, 1), (-1, 0, 1), (-1, 0, 1)):
            weight = 1.0 if dx == dy == 0 else 0.6
            near = np.clip(x + dx, 0, None), np.clip(y + dy, 0, self._used.shape[1] - 1)
            cells = np.minimum(near[0], self._used.shape[0] - 1), near[1]
            place = (*cells, (directions + turn) % _DIRECTIONS)
            self._used[place] = np.maximum(self._used[place], weight)

    def _cells(self, points: Points) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        cells = np.floor(points / _CELL).astype(np.int64)
        limit = np.array(self._owner.shape) - 1
        cells = np.clip(cells, 0, limit)
        return cells[..., 0], cells[..., 1]


def _shape_cost(points: Points, straight: float) -> Points:
    """Cost of length, turning, and running downwards."""
    steps = np.diff(points, axis=1)
    length = np.hypot(steps[..., 0], steps[..., 1]).sum(axis=1)
    turns = np.abs((np.diff(_heading(steps), axis=1) + np.pi) % (2 * np.pi) - np.pi).sum(axis=1)
    down = np.maximum(-steps[..., 1], 0.0).sum(axis=1)
    return np.asarray(length / straight + _TURNING * turns + _DOWN * down / 24.0)


def _heading(steps: Points) -> Points:
    return np.asarray(np.arctan2(steps[..., 1], steps[..., 0]))


def _direction(steps: Points) -> NDArray[np.int64]:
    # a line and its reverse are one direction
    part = (_heading(steps) % np.pi) / np.pi * _DIRECTIONS
    return np.asarray(part.astype(np.int64) % _DIRECTIONS)


def _candidates(
    start: tuple[float, float], end: tuple[float, float], tried: NDArray[np.float64]
) -> Points:
    leave, enter = (np.column_stack([np.sin(a), np.cos(a)]) for a in tried.T[:2])
    out, into = tried.T[2:, :, None] * max(math.dist(start, end), 36.0)
    base = np.array(end) - TIP * enter
    first = np.broadcast_to(np.array(start), base.shape)
    return np.stack([first, first + out * leave, base - into * enter, base], axis=1)

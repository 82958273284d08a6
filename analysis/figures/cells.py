"""Cells of heatmaps: a row of panels with the same colours, values in cells, axes of heads."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from headgraph.analysis.figures import style
from headgraph.base.names import head_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.image import AxesImage

Matrix = NDArray[np.float64]

_NAMED_HEADS = 24
"""As many heads along an axis have a name each; with more, the layers do."""


def row_of(
    axes: Sequence["Axes"], matrices: Sequence[Matrix], theme: style.Theme
) -> list["AxesImage"]:
    """Matrices in one row of panels with the same colours."""
    values = np.concatenate([matrix[np.isfinite(matrix)] for matrix in matrices])
    shown = []
    for panel, matrix in zip(axes, matrices, strict=True):
        panel.set_facecolor(theme.band)
        filled = np.isfinite(matrix)
        panel.spines[:].set_visible(False)
        shown.append(
            panel.imshow(matrix, origin="lower", interpolation="nearest", aspect="auto",
                         vmin=values.min(), vmax=values.max())
        )  # fmt: skip
        for axis, which in ((panel.xaxis, filled.any(axis=0)), (panel.yaxis, filled.any(axis=1))):
            first, last = np.flatnonzero(which)[[0, -1]].tolist() if which.any() else (0, 0)
            axis.set_view_interval(first - 0.5, last + 0.5, ignore=True)
    return shown


def write_values(panel: "Axes", matrix: Matrix, image: "AxesImage", theme: style.Theme) -> None:
    """Each value in its cell, light or dark as the cell asks for."""
    from matplotlib.colors import to_hex

    digits = 1 if np.nanmax(np.abs(matrix)) >= 1 else 2
    for up, right in np.argwhere(np.isfinite(matrix)).tolist():
        value = matrix[up, right]
        color: Any = image.cmap(image.norm(value))
        ink = theme.ink_on(to_hex(color))
        text = f"{value:.{digits}f}".lstrip("0" if abs(value) < 1 else "")
        panel.text(right, up, text, size=4.4, color=ink, ha="center", va="center_baseline")


def head_axis(axis: "Axis", n_layers: int, heads: int, label: str) -> None:
    """A name for each of few heads; else layers' numbers in the middle of each layer's heads."""
    axis.set_tick_params(length=0)
    low, high = axis.get_view_interval()
    if abs(high - low) <= _NAMED_HEADS:
        names = [head_name(layer, head) for layer in range(n_layers) for head in range(heads)]
        axis.set_ticks(range(len(names)), names, size=style.TINY)
        if axis is axis.axes.xaxis:
            axis.set_tick_params(rotation=90)
    else:
        layers = range(0, n_layers, -(-n_layers // 16))
        axis.set_ticks([layer * heads + (heads - 1) / 2 for layer in layers], [*map(str, layers)])
        label += " by layer"
    axis.set_label_text(label)
    axis.set_view_interval(low, high, ignore=True)


def extent(matrix: Matrix) -> int:
    """The longer side of the part that has values."""
    return max(int(np.isfinite(matrix).any(axis=axis).sum()) for axis in (0, 1))

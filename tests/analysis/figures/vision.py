"""What a colour looks like to a reader who does not see all of it, as numbers.

Simulation at full severity after Machado, Oliveira & Fernandes 2009, doi:10.1109/TVCG.2009.113, on
linear RGB; distances in CIELAB (2 is just visible side by side; 10 is plain).
"""

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

EYES = {
    "normal": np.eye(3),
    "protan": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deutan": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritan": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
_WHITE = np.array([0.95047, 1.0, 1.08883])


def seen(color: str, eyes: str = "normal") -> Numbers:
    """L*, a*, b* of `#RRGGBB` as these eyes see it."""
    encoded = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    part = _XYZ @ np.clip(EYES[eyes] @ linear, 0, 1) / _WHITE
    f = np.where(part > (6 / 29) ** 3, np.cbrt(part), part / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def lightness(color: str) -> float:
    """What is left in greyscale: L* from 0 to 100."""
    return float(seen(color)[0])


def distance(one: str, other: str, eyes: str = "normal") -> float:
    """Distance of two colours for these eyes."""
    return float(np.linalg.norm(seen(one, eyes) - seen(other, eyes)))

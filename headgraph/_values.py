"""Values of an answer as Python's own: what JSON and CSV print, digit for digit the same."""

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


def records(rows: "pd.DataFrame") -> list[dict[str, Any]]:
    """One dictionary per row; what is missing (and what JSON cannot hold) is None."""
    columns = [[exact(value) for value in rows[name].array] for name in rows.columns]
    return [dict(zip(rows.columns, row, strict=True)) for row in zip(*columns, strict=True)]


def exact(value: Any) -> Any:
    """A value with as many digits as tell it from its neighbours, in its own precision.

    >>> import numpy as np
    >>> exact(np.float32(0.1)), exact(np.float64(1e-20)), exact(np.int64(3)), exact(float("nan"))
    (0.1, 1e-20, 3, None)
    """
    if isinstance(value, dict):
        return {str(name): exact(item) for name, item in value.items()}
    if hasattr(value, "iso_format"):  # Neo4j's duration is a tuple as well
        return str(value.iso_format())
    if isinstance(value, list | tuple):
        return [exact(item) for item in value]
    if value is None or isinstance(value, str):
        return value
    if hasattr(value, "dtype"):
        kept = value.tolist()
        if not isinstance(kept, float):
            return exact(kept)
        value = float(str(value))  # the shortest text of a float32 is not that of its float64
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, int):
        return value
    return None if value != value else str(value)  # pandas' own nothings are not themselves

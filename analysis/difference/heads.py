"""How copying and self-overlap of heads changed, where both tables have them."""

import numpy as np
import pandas as pd

from headgraph.pk_engine.metrics.copying import derived_role
from headgraph.pk_engine.table.meta import TableMeta

SCORES = ("copying", "self_overlap")
COLUMNS = (
    "head", "copying_before", "copying_after", "difference", "self_overlap_before",
    "self_overlap_after", "role_before", "role_after",
)  # fmt: skip


def changed_heads(before: TableMeta, after: TableMeta, noise: float) -> pd.DataFrame:
    """The heads whose copying or self-overlap changed, the largest change of copying first.

    Args:
        before: metadata of the first table.
        after: of the second.
        noise: the largest difference that counts as rounding.

    Returns:
        Empty if a table lacks these scores. `difference` is that of copying; `role_before` and
        `role_after` are the derived roles (`eraser`, `copier`), empty for other heads.
    """
    rows = []
    if before.heads and after.heads:
        for layer, head in before.places():
            rows.append(_row(layer, head, before, after))
    frame = pd.DataFrame(rows, columns=COLUMNS)
    overlap = _difference(frame, "self_overlap")
    changed = pd.Series(False, index=frame.index)
    for change, name in ((frame["difference"].astype(float), "copying"), (overlap, "self_overlap")):
        appears = frame[f"{name}_before"].isna() != frame[f"{name}_after"].isna()
        changed |= (change.abs() > noise) | appears
    kept = frame[changed]
    order = kept["difference"].astype(float).abs().sort_values(ascending=False, kind="stable")
    found = kept.loc[order.index].reset_index(drop=True)
    roles = {name: found[name].astype(object).where(found[name].notna(), None)
             for name in ("role_before", "role_after")}  # fmt: skip
    return found.assign(**roles)


def _row(layer: int, head: int, before: TableMeta, after: TableMeta) -> dict[str, object]:
    row: dict[str, object] = {"head": before.head_name(layer, head)}
    for when, meta in (("before", before), ("after", after)):
        copies, overlap = (meta.heads[name][layer][head] for name in SCORES)
        row |= {
            f"copying_{when}": np.nan if copies is None else copies,
            f"self_overlap_{when}": np.nan if overlap is None else overlap,
            f"role_{when}": derived_role(copies, overlap),
        }
    return row | {"difference": row["copying_after"] - row["copying_before"]}  # type: ignore[operator]


def _difference(frame: pd.DataFrame, name: str) -> "pd.Series[float]":
    return frame[f"{name}_after"].astype(float) - frame[f"{name}_before"].astype(float)

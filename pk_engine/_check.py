"""What a table must fulfil, whoever made it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pk_engine.errors import TableError
from pk_engine.meta import TableMeta

if TYPE_CHECKING:
    import pandas as pd

INTEGERS = ("source_layer", "source_head", "target_layer", "target_head", "pk_rank")
FLOATS = ("pk", "pk_normalized", "z")


def by_pairing(frame: pd.DataFrame, values: Mapping[str, float]) -> NDArray[Any]:
    """One value per row, by its pairing: pandas' map, without asking for each string."""
    import pandas as pd

    codes, names = pd.factorize(frame["pairing"])
    return np.array([values[name] for name in names])[codes]


def check_columns(frame: pd.DataFrame, meta: TableMeta) -> None:
    """Every column is there, of its kind, and finite.

    Raises:
        TableError: a column is missing, unexpected, of another type, or holds NaN.
    """
    metrics = [name for name in meta.metrics if name != "pk"] + meta.null_columns
    extra = ["target_kv_head"] if "target_kv_head" in frame else []
    wanted = ["pairing", *INTEGERS, *FLOATS, *metrics, *extra]
    if sorted(frame.columns) != sorted(wanted):
        raise TableError(f"its columns are {list(frame.columns)}, wanted {wanted}")
    for name in frame.columns.drop("pairing"):
        kind = frame[name].dtype.kind
        if kind != ("i" if name in (*INTEGERS, "target_kv_head") else "f"):
            raise TableError(f"its column {name} has the type {frame[name].dtype}")
    for name in (*FLOATS, *metrics):
        bad = int((~np.isfinite(frame[name].to_numpy())).sum())
        if bad:
            raise TableError(f"its column {name} holds {bad} values that are NaN or infinite")


def check_rows(frame: pd.DataFrame, meta: TableMeta) -> None:
    """Rows, in the table's order, agree with their metadata.

    Raises:
        TableError: heads the model does not have, pairs twice or missing, ranks that are not the
            order of PK, or scores outside their range.
    """
    strange = sorted(set(frame["pairing"].unique()) - set(meta.pairings))
    if strange:
        raise TableError(f"it has rows of {strange}, and its metadata has {meta.pairings}")
    if not meta.selection and len(frame) != sum(meta.scored.values()):
        raise TableError(
            f"it has {len(frame)} rows, and its metadata says that all "
            f"{sum(meta.scored.values())} scored pairs are here"
        )
    if frame.empty:
        return
    _check_heads(frame, meta)
    _check_scores(frame, meta)


def _check_heads(frame: pd.DataFrame, meta: TableMeta) -> None:
    for end, letter in (("source", 0), ("target", 1)):
        layer = frame[f"{end}_layer"]
        heads = by_pairing(frame, {p: meta.heads_of(p[letter]) for p in meta.pairings})
        head = frame[f"{end}_head"]
        outside = (layer < 0) | (layer >= meta.n_layers) | (head < 0) | (head >= heads)
        if outside.any():
            at = frame[outside].iloc[0]
            has = heads[outside][0]
            raise TableError(
                f"it names L{at[f'{end}_layer']}H{at[f'{end}_head']} as {end} of {at.pairing}, "
                f"and the model has {meta.n_layers} layers of {has} such heads"
            )
    if meta.layer_order == "forward" and (frame["source_layer"] >= frame["target_layer"]).any():
        raise TableError("it has pairs whose source is not in an earlier layer than the target")
    keys = ["pairing", "source_layer", "source_head", "target_layer", "target_head"]
    if frame.duplicated(keys).any():
        raise TableError(f"it has {int(frame.duplicated(keys).sum())} pairs twice")


def _check_scores(frame: pd.DataFrame, meta: TableMeta) -> None:
    scored = by_pairing(frame, meta.scored)
    if ((frame["pk_rank"] < 1) | (frame["pk_rank"] > scored)).any():
        raise TableError(f"its pk_rank goes beyond the pairs scored ({meta.scored})")
    if frame.duplicated(["pairing", "pk_rank"]).any():
        raise TableError("its pk_rank gives one place to two pairs")
    for name in meta.null_columns:
        if name[0] in "pq" and not frame[name].between(0, 1).all():
            raise TableError(f"its column {name} leaves the range from 0 to 1")
    slack = 1e-3 * meta.d_head
    if ((frame["pk"] < -slack) | (frame["pk"] > meta.d_head + slack)).any():
        raise TableError(f"its pk leaves the range from 0 to d_head = {meta.d_head}")
    if not frame.groupby("pairing", observed=True)["pk"].is_monotonic_decreasing.all():
        raise TableError("its pk_rank is not the order of its pk")

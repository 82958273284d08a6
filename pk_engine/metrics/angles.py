"""Principal angles between the subspaces of two heads.

PK is the sum of cos^2 of these angles. A PK of 16 can be 16 shared directions, or 64 directions at
60 degrees. The angles distinguish these cases.
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from headgraph.base.names import canonical_head, head_key, parse_pairings
from headgraph.base.text import quoted
from headgraph.pk_engine.errors import EngineError
from headgraph.pk_engine.linalg.bases import bases, one_thread
from headgraph.pk_engine.metrics.singular_values import principal_cosines
from headgraph.pk_engine.models.interface import Model, Weights
from headgraph.pk_engine.models.shape import NO_STREAM
from headgraph.pk_engine.models.sources import open_weights


def principal_angles(
    model: Model,
    source: str,
    target: str,
    pairing: str,
    *,
    via: str = "files",
    revision: str | None = None,
) -> pd.DataFrame:
    """Principal angles between the subspaces of two heads, one role each.

    cos(theta_k) = sigma_k(U^T U') for orthonormal bases U and U'. Only the layers of the two heads
    are read. The computation is in float64.

    Args:
        model: as for `compute`.
        source: a name such as `L4H11`, counting query heads.
        target: the other head. It may be the same head where the roles differ (`compute` has such
            pairs in the layer orders `within` and `all`). Swapping the ends leaves the angles
            unchanged.
        pairing: one pairing, source role then target role: `OK`.
        via: `files`, or `transformer-lens` for models that no family file describes.
        revision: branch, tag or commit of a hub id.

    Returns:
        A row per angle, smallest first; as many as the smaller of the two ranks. Columns: `index`
        from 1, `cosine`, `angle_degrees`, and `pk_share`, the share of PK of this and all
        smaller angles. `attrs` holds `pk`, `pairing`, `ranks` of source and target, and `kv_heads`:
        the shared key/value head of each end, None where the head has its own matrix.

    Raises:
        ModelError: the model cannot be read.
        UnknownHead: the model has no such head.
        EngineError: one head in the same role twice, several pairings, or a matrix of zeros.

    Sources: Bjorck and Golub 1973, doi:10.1090/S0025-5718-1973-0348991-3; PK: Yamagiwa, Takase,
    Shimodaira, arXiv:2601.10266.
    """
    roles = _one_pairing(pairing)
    keys = [head_key(name) for name in (source, target)]
    if keys[0] == keys[1] and roles[0] == roles[1]:
        raise EngineError(
            f"source and target are both {canonical_head(source)} and {roles} compares it in one "
            "role, with itself: expected two heads, or two roles such as OK"
        )
    weights = open_weights(model, revision, via=via)
    at = [weights.shape.place_of(name, weights.name) for name in (source, target)]
    read, other = (
        weights.shape.by_index[layer].streams[role]
        for (layer, _), role in zip(at, roles, strict=True)
    )
    if NO_STREAM in (read, other):
        raise EngineError(
            f"{roles} of {source} and {target}: the layer uses the keys and values of an earlier "
            "one; give a head of that layer"
        )
    if read != other:
        raise EngineError(
            f"{roles} of {source} and {target} are in different residual streams ({read} and "
            f"{other}), so there are no angles between them"
        )
    with one_thread():
        u, v = (_span(weights, *head, role) for head, role in zip(at, roles, strict=True))
        cosines, angles = principal_cosines(u, v)
    frame = _frame(cosines, angles)
    frame.attrs = {
        "pk": float(np.square(cosines).sum()),
        "pairing": roles,
        "ranks": [u.shape[1], v.shape[1]],
        "kv_heads": [
            shared_head(weights, *head, role) for head, role in zip(at, roles, strict=True)
        ],
    }
    return frame


def shared_head(weights: Weights, layer: int, head: int, role: str) -> int | None:
    """The key/value head that a query head shares in this role; None where it has its own."""
    group = weights.shape.by_index[layer].group_size
    return head // group if role in "KV" and group > 1 else None


def _one_pairing(text: str) -> str:
    pairings = parse_pairings(text)
    if len(pairings) > 1:
        raise EngineError(f"{len(pairings)} pairings in {quoted(text)}: expected one, such as OK")
    return pairings[0]


def _span(weights: Weights, layer: int, head: int, role: str) -> NDArray[np.float64]:
    """Orthonormal basis, d x rank, in float64; the rank is the same as for scores."""
    shared = shared_head(weights, layer, head, role)
    matrix = weights.layer(layer)[role][head if shared is None else shared]
    rank = int(bases(matrix[None]).rank[0])
    if rank == 0:
        raise EngineError(
            f"the {role} matrix of {weights.shape.by_index[layer].name}H{head} is zero: it spans "
            "nothing, so there are no angles"
        )
    left: Any = np.linalg.svd(matrix.astype(np.float64), full_matrices=False)[0]
    return left[:, :rank]  # type: ignore[no-any-return]


def _frame(cosines: NDArray[Any], angles: NDArray[Any]) -> pd.DataFrame:
    shares = np.cumsum(np.square(cosines))
    # for a PK of 0 every share is 0
    whole = shares[-1] if shares[-1] > 0 else 1.0
    return pd.DataFrame(
        {
            "index": np.arange(1, len(cosines) + 1),
            "cosine": cosines,
            "angle_degrees": np.degrees(angles),
            "pk_share": shares / whole,
        }
    )

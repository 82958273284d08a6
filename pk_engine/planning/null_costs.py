"""Costs of the null models that a selection needs, on workers and on the client.

The counts are those of the docstrings in `pk_engine.nulls`, with the default numbers of samples.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from headgraph.pk_engine.linalg.backends import Backend
from headgraph.pk_engine.metrics.layer_order import Group
from headgraph.pk_engine.nulls.covariance import SAMPLES as DRAWS
from headgraph.pk_engine.nulls.rotations import SAMPLES as ROTATIONS
from headgraph.pk_engine.planning.costs import Amounts, group_amounts, total_amounts
from headgraph.pk_engine.scoring.spec import Spec

_EIGEN = 9
"""Operations of an eigendecomposition of d x d, beside d^3."""
_CALIBRATION = 2**16
"""Directions of the calibration draws in a step of the covariance null, and steps."""
_STEPS = 6


class NullAmounts(NamedTuple):
    """The work of null models.

    Attributes:
        groups: that of groups of layers, which workers share.
        client: that of one process.
    """

    groups: Amounts
    client: Amounts


def null_amounts(spec: Spec, nulls: Sequence[str], samples: int | None) -> NullAmounts:
    """The work of these nulls on all pairs of a spec, in NumPy."""
    spec = replace(spec, metrics=("pk",), decoys=False, backend=Backend(), kv="native")
    found = Amounts()
    if {"backward", "within"} & set(nulls):
        everything = total_amounts(replace(spec, layer_order="all"))
        for name in ("backward", "within"):  # each compares all layers again
            found = found.plus(everything) if name in nulls else found
    if "rotations" in nulls:
        found = found.plus(_rotations(spec, samples or ROTATIONS))
    drawn = _covariance(spec, samples or DRAWS) if "covariance" in nulls else Amounts()
    return NullAmounts(found, drawn)


def _rotations(spec: Spec, samples: int) -> Amounts:
    """The kernel for each sample; spans and rotations of each layer and role."""
    shape, once = spec.weights.shape, total_amounts(spec)
    roles = {role for pairing in spec.pairings for role in pairing}
    d, layers = shape.d_model, len(shape.layers)
    heads = layers * sum(shape.heads_of(role) for role in roles)
    spans = _EIGEN * layers * len(roles) * d**3
    # three products of d x k x m for each head, with k at most d, and a QR of k x k
    turns = 6 * heads * d**2 * shape.d_head + 3 * layers * len(roles) * d**3
    return Amounts(
        forming=once.forming * samples,
        products=once.products * samples + spans + turns * samples,
        blocks=once.blocks * samples,
        reading=once.reading,
    )


def _covariance(spec: Spec, samples: int) -> Amounts:
    """Draws of each role, calibrated and compared with draws of the other role."""
    shape, roles = spec.weights.shape, {role for pairing in spec.pairings for role in pairing}
    d, m = shape.d_model, shape.d_head
    everything = range(len(shape.layers))
    read = group_amounts(spec, Group(everything, everything)).reading
    heads = len(shape.layers) * sum(shape.heads_of(role) for role in roles)
    mean = 2 * heads * d**2 * m + _EIGEN * len(roles) * d**3
    calibration = 4 * _STEPS * len(roles) * max(200, _CALIBRATION // d) * d * m**2
    draws = 2 * len(spec.pairings) * 2 * samples * d**2 * m
    pairs = len(spec.pairings) * (2 * samples * d**2 * m + samples**2 * d**2)
    return Amounts(products=mean + calibration + draws + pairs, reading=read)

"""Subspaces drawn from the mean projector of all heads in a role: preferred directions, no pairs.

C_X = (1/H) sum over heads h of U_h U_h^T, with U_h the d x r_h basis of head h in role X: how much
of each direction of R^d the heads of that role use, from 0 to 1. A draw is the column space of
S^(1/2) Z, with Z a d x r matrix of independent standard normals: the matrix angular central
Gaussian distribution with parameter S (Chikuse 1990, doi:10.1016/0047-259X(90)90050-R). S is
chosen so that the mean projector of the draws is C_X: they use each direction as much as the heads
do on average. With C_X a multiple of I the draws are uniform, and the null is the isotropic one.

Choice of S: a change of sign of any coordinate in the eigenbasis of S leaves the distribution of a
draw unchanged. The mean projector F therefore has the eigenvectors of S, and only eigenvalues are
sought: s with f_i(s) = c_i, eigenvalues of C_X. As f is the gradient, by log s, of the convex
function E log det(Z^T S Z), the solution exists and is unique up to a factor. The iteration starts
at s = c / (1 - c) (Derezinski, Liang, Liao and Mahoney 2020, arXiv:2006.10653), whose mean
projector uses preferred directions a little less than C. Each step multiplies every s_i by the
odds of c_i over the odds of f_i. f is the mean of max(200, 65536 / d) seeded draws of the heads'
ranks, the same in each step, so that the steps converge. The iteration ends where
sum |f_i - c_i| <= `TOLERANCE` sum c_i, after a few steps.

Assumes that heads of a role are independent draws from one distribution, whatever their layer, and
that C_X alone describes it. What two heads share because all heads prefer the same directions is
then expected, and what they share beyond it is not. C_X is taken from the very heads that are
judged, so a few heads with directions of their own weigh on it: the null errs on the careful side.

Sampling: `samples` draws of the source's role and, independent of them, as many of the target's,
all of the former against all of the latter: n = samples^2 values of PK for each pair of ranks.
They are not independent, as each draw takes part in `samples` of them.

Cost: d^3 for the eigenvectors of C_X; 4 d m^2 for each calibration draw in each step; 2 d^2 m for
each draw; a kernel of samples x samples pairs.
"""

from concurrent.futures import Executor
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from headgraph.base.names import ROLES
from headgraph.base.spelling import argument
from headgraph.pk_engine.errors import EngineError
from headgraph.pk_engine.linalg.bases import bases
from headgraph.pk_engine.linalg.kernel import kernel
from headgraph.pk_engine.models.interface import Weights
from headgraph.pk_engine.nulls.comparison import Comparisons, NullInputs, compare_by_cell
from headgraph.pk_engine.scoring.layers import collect
from headgraph.pk_engine.table.heads import pair_ranks

SAMPLES = 400
TOLERANCE = 1e-4
STEPS = 100
_AT_ONCE, _LAYERS = 16, 4
_FEWEST, _DIRECTIONS = 200, 2**16
"""Calibration draws: this many, or as many as have this many directions in all."""
_MOST = 1 - 1e-6
"""Largest share of a direction: one that every head has would need an infinite parameter."""


@dataclass(frozen=True)
class RoleUse:
    """How the heads of one role use the directions of R^d.

    Attributes:
        mean: C, d x d, the mean projector; heads of zeros are left out.
        ranks: rank of each head that is not zero.
    """

    mean: NDArray[np.float64]
    ranks: NDArray[np.int64]


def covariance(inputs: NullInputs) -> Comparisons:
    """Compare every pair with draws of its two roles, of its own ranks."""
    meta, compared = inputs.table.meta, {}
    roots = {
        role: parameter_root(use, [inputs.seed, ROLES.index(role), 2], threads=inputs.threads)
        for role, use in role_uses(inputs).items()
        if len(use.ranks)
    }
    # the draws of one source serve all its pairings; no others are kept
    draws_of_source = lru_cache(maxsize=1)(lambda role, rank: _draws(inputs, roots, role, 0, rank))
    for done, pairing in enumerate(meta.pairings):
        inputs.report("Drawing subspaces", done, len(meta.pairings))
        frame = inputs.rows(pairing)
        r, s = pair_ranks(frame, meta)
        # ranks differ in few models: one pool for each pair of ranks
        cells = r * (meta.d_model + 1) + s
        pools = {}
        for cell in np.unique(cells):
            source, target = divmod(int(cell), meta.d_model + 1)
            x = draws_of_source(pairing[0], source)
            y = _draws(inputs, roots, pairing[1], 1, target)
            everything = [(slice(None), slice(None))]
            pools[int(cell)] = kernel(x, y, everything, executor=inputs.threads).ravel()
        compared[pairing] = compare_by_cell(frame["pk"].to_numpy(), cells, pools)
    return compared


def _draws(
    inputs: NullInputs, roots: dict[str, NDArray[np.float32]], role: str, end: int, rank: int
) -> NDArray[np.float32]:
    stream = [inputs.seed, ROLES.index(role), end]
    return draw(roots[role], rank, inputs.samples or SAMPLES, stream, inputs.threads)


def role_uses(inputs: NullInputs) -> dict[str, RoleUse]:
    """Mean projector and ranks of each role in the table."""
    weights, pairings = inputs.weights, inputs.table.meta.pairings
    roles = [role for role in ROLES if role in "".join(pairings)]
    run = map if inputs.threads is None else inputs.threads.map
    layers = range(len(weights.shape.layers))
    totals = {role: np.zeros((weights.shape.d_model,) * 2) for role in roles}
    ranks: dict[str, list[NDArray[np.int64]]] = {role: [] for role in roles}
    for first in layers[::_LAYERS]:  # a few at a time: their d x d matrices wait to be added
        some = layers[first : first + _LAYERS]
        for part in run(lambda layer: _of_layer(weights, roles, layer), some):
            for role, (total, found) in part.items():
                totals[role] += total
                ranks[role].append(found[found > 0])
    joined = {role: np.concatenate(parts) for role, parts in ranks.items()}
    return {role: RoleUse(totals[role] / max(len(joined[role]), 1), joined[role]) for role in roles}


def _of_layer(
    weights: Weights, roles: list[str], layer: int
) -> dict[str, tuple[NDArray[np.float32], NDArray[np.int64]]]:
    stacks = collect(weights, roles, layers=range(layer, layer + 1))
    found = {}
    for role in roles:
        basis = stacks.basis[role][0]  # heads x d x m
        rows = basis.mT.reshape(-1, basis.shape[1])  # (heads m) x d
        found[role] = rows.T @ rows, np.ravel(stacks.rank[role])  # 0 of heads a layer lacks
    return found


def parameter_root(
    use: RoleUse, stream: list[int], *, steps: int = STEPS, threads: Executor | None = None
) -> NDArray[np.float32]:
    """A root A of S, A A^T = S, d x k, whose draws have the mean projector C of the heads.

    Directions that no head uses are left out, so k is at most d.

    Args:
        use: C and the ranks of the heads.
        stream: seed of the calibration draws.
        steps: largest number of steps.
        threads: executor for the draws; the result does not depend on it.

    Raises:
        EngineError: no convergence within that many steps.
    """
    values, vectors = np.linalg.eigh(use.mean)
    keep = values > len(values) * np.finfo(np.float32).eps
    # what is left out is divided among the others: a draw has its full rank in those
    share = np.minimum(values[keep] * (values.sum() / values[keep].sum()), _MOST)
    s = _calibrated(share, use.ranks, stream, steps, threads)
    return np.asarray(vectors[:, keep] * np.sqrt(s), dtype=np.float32)


def _calibrated(
    share: NDArray[np.float64],
    ranks: NDArray[np.int64],
    stream: list[int],
    steps: int,
    threads: Executor | None,
) -> NDArray[np.float64]:
    """Eigenvalues s of S for which draws use each direction by its share."""
    wanted = _log_odds(share)
    best = trial = wanted
    error, pace, change = np.inf, 1.0, np.zeros(len(share))
    for _ in range(steps):
        found = _mean_shares(np.exp(trial), ranks, stream, threads)
        now = float(np.abs(found - share).sum() / share.sum())
        if now < error:
            best, error = trial, now
            change = wanted - _log_odds(np.minimum(found, _MOST))
        else:
            pace /= 2
        if error <= TOLERANCE:
            return np.exp(best)
        trial = best + pace * change
    raise EngineError(
        f"the null covariance did not converge: after {steps} steps the mean projector of its "
        f"draws differs from that of the heads by {error:.2g} of its trace, expected at most "
        f"{TOLERANCE:g}. Choose another null, such as {argument('null', 'backward')}"
    )


def _log_odds(share: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.log(share) - np.log1p(-share))


def _mean_shares(
    s: NDArray[np.float64],
    ranks: NDArray[np.int64],
    stream: list[int],
    threads: Executor | None,
) -> NDArray[np.float64]:
    """Diagonal f of the mean projector of draws with parameter diag(s), of the heads' ranks.

    The first r columns of a draw of rank m are a draw of rank r, and so are those of its Q in a QR
    factorisation: column k counts by the share of heads whose rank exceeds k.
    """
    columns, draws = int(ranks.max()), max(_FEWEST, _DIRECTIONS // len(s))
    counts = (ranks[:, None] > np.arange(columns)).mean(0)

    def some(first: int) -> NDArray[np.float64]:
        size = min(_AT_ONCE, draws - first)
        normal = np.random.default_rng([*stream, first]).standard_normal((size, columns, len(s)))
        rows = normal * np.sqrt(s)  # transposed draws, size x m x d
        lower = np.linalg.cholesky(rows @ rows.mT)
        orthonormal = np.linalg.inv(lower) @ rows  # Q^T
        return np.asarray(counts @ np.square(orthonormal).sum(0))

    run = map if threads is None else threads.map
    return np.asarray(sum(run(some, range(0, draws, _AT_ONCE))) / draws)


def draw(
    root: NDArray[np.float32],
    rank: int,
    samples: int,
    stream: list[int],
    threads: Executor | None = None,
) -> NDArray[np.float32]:
    """Orthonormal bases of `samples` draws, samples x d x rank.

    Args:
        root: d x k, a root of the parameter S.
        rank: rank of each draw, at most k.
        samples: number of draws.
        stream: seed of the draws.
        threads: executor for the draws; the result does not depend on it.
    """
    out = np.empty((samples, len(root), rank), np.float32)

    def some(first: int) -> None:
        part = out[first : first + _AT_ONCE]
        normal = np.random.default_rng([*stream, first]).standard_normal(
            (len(part), root.shape[1], rank), dtype=np.float32
        )
        part[:] = bases(root @ normal).basis

    run = map if threads is None else threads.map
    list(run(some, range(0, samples, _AT_ONCE)))
    return out

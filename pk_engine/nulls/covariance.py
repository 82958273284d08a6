"""Subspaces drawn from the mean projector of all heads in a role: preferred directions, no pairs.

C_X = (1/H) sum over heads h of U_h U_h^T, with U_h the d x r_h basis of head h in role X: how much
of each direction of R^d the heads of that role use, from 0 to 1. A draw is the column space of
S^(1/2) Z, with Z a d x r matrix of independent standard normals: the matrix angular central
Gaussian distribution with parameter S (Chikuse 1990, doi:10.1016/0047-259X(90)90050-R). Its mean
projector is close to S (S + g I)^-1 with g such that the trace is r (Derezinski, Liang, Liao and
Mahoney 2020, arXiv:2006.10653), so S = C_X (I - C_X)^-1 gives draws that use each direction as much
as the heads do on average (S = C_X itself would use the preferred ones less). With C_X a multiple
of I the draws are uniform, and the null is the isotropic one.

Assumes that heads of a role are independent draws from one distribution, whatever their layer, and
that C_X alone describes it. What two heads share because all heads prefer the same directions is
then expected, and what they share beyond it is not. C_X is taken from the very heads that are
judged, so a few heads with directions of their own weigh on it: the null errs on the careful side.

Sampling: `samples` draws of the source's role and, independent of them, as many of the target's,
all of the former against all of the latter: n = samples^2 values of PK for each pair of ranks.
They are not independent, as each draw takes part in `samples` of them.

Cost: d^3 for the root of C_X; 2 d^2 m for each draw; a kernel of samples x samples pairs.
"""

from concurrent.futures import Executor
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from headgraph.base.names import ROLES
from headgraph.pk_engine.linalg.bases import bases
from headgraph.pk_engine.linalg.kernel import kernel
from headgraph.pk_engine.models.interface import Weights
from headgraph.pk_engine.nulls.null_model import Answers, Question, by_cell
from headgraph.pk_engine.scoring.layers import collect
from headgraph.pk_engine.table.heads import pair_ranks

SAMPLES = 400
_AT_ONCE, _LAYERS = 16, 4


def covariance(question: Question) -> Answers:
    """Every pair against draws of its two roles, of its own ranks."""
    meta, answers = question.table.meta, {}
    roots = {role: root_of(mean) for role, mean in mean_projectors(question).items()}
    # the draws of one source serve all its pairings; no others are kept
    draws_of_source = lru_cache(maxsize=1)(
        lambda role, rank: _draws(question, roots, role, 0, rank)
    )
    for done, pairing in enumerate(meta.pairings):
        question.report("Drawing subspaces", done, len(meta.pairings))
        frame = question.rows(pairing)
        r, s = pair_ranks(frame, meta)
        # ranks differ in few models: one pool for each pair of ranks
        cells = r * (meta.d_model + 1) + s
        pools = {}
        for cell in np.unique(cells):
            source, target = divmod(int(cell), meta.d_model + 1)
            x = draws_of_source(pairing[0], source)
            y = _draws(question, roots, pairing[1], 1, target)
            everything = [(slice(None), slice(None))]
            pools[int(cell)] = kernel(x, y, everything, executor=question.threads).ravel()
        answers[pairing] = by_cell(frame["pk"].to_numpy(), cells, pools)
    return answers


def _draws(
    question: Question, roots: dict[str, NDArray[np.float32]], role: str, end: int, rank: int
) -> NDArray[np.float32]:
    stream = [question.seed, ROLES.index(role), end]
    return draw(roots[role], rank, question.samples or SAMPLES, stream, question.threads)


def mean_projectors(question: Question) -> dict[str, NDArray[np.float64]]:
    """C_X, d x d, of each role in the table; heads of zeros are left out."""
    weights, pairings = question.weights, question.table.meta.pairings
    roles = [role for role in ROLES if role in "".join(pairings)]
    run = map if question.threads is None else question.threads.map
    layers = range(weights.shape.n_layers)
    totals = {role: np.zeros((weights.shape.d_model,) * 2) for role in roles}
    counts = dict.fromkeys(roles, 0)
    for first in layers[::_LAYERS]:  # a few at a time: their d x d matrices wait to be added
        some = layers[first : first + _LAYERS]
        for part in run(lambda layer: _of_layer(weights, roles, layer), some):
            for role, (total, heads) in part.items():
                totals[role] += total
                counts[role] += heads
    return {role: totals[role] / max(counts[role], 1) for role in roles}


def _of_layer(
    weights: Weights, roles: list[str], layer: int
) -> dict[str, tuple[NDArray[np.float32], int]]:
    stacks = collect(weights, roles, layers=range(layer, layer + 1))
    found = {}
    for role in roles:
        basis = stacks.basis[role][0]  # heads x d x m
        rows = basis.mT.reshape(-1, basis.shape[1])  # (heads m) x d
        found[role] = rows.T @ rows, int((stacks.rank[role] > 0).sum())
    return found


def root_of(mean: NDArray[np.float64]) -> NDArray[np.float32]:
    """A root A of S = C (I - C)^-1, A A^T = S, d x k: without directions that no head uses."""
    values, vectors = np.linalg.eigh(mean)
    keep = values > len(values) * np.finfo(np.float32).eps
    # a direction that every head has is in every draw as well: its share stays just below 1
    share = np.minimum(values[keep], 1 - 1e-6)
    return np.asarray(vectors[:, keep] * np.sqrt(share / (1 - share)), dtype=np.float32)


def draw(
    root: NDArray[np.float32],
    rank: int,
    samples: int,
    stream: list[int],
    threads: Executor | None = None,
) -> NDArray[np.float32]:
    """Orthonormal bases of `samples` draws, samples x d x rank.

    Args:
        root: d x k, a root of the distribution's parameter.
        rank: of each draw, at most k.
        samples: how many.
        stream: what the generators are seeded with.
        threads: where they are drawn; the result does not depend on it.
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

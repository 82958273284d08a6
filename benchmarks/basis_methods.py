"""The table of reference/scores.md on how much the basis method matters, from the real weights.

python -m benchmarks.basis_methods

Each method makes the bases in its own precision; the kernel of all of them is float64, so that what
differs is the basis. The reference is Householder QR in float64 of the float32 weights.
"""

import platform
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.common import DOCS, SHARED, table, write
from headgraph.base.names import GRAPH_PAIRINGS, ROLES
from headgraph.pk_engine.linalg.bases import bases, one_thread
from headgraph.pk_engine.models.interface import Weights
from headgraph.pk_engine.models.sources import open_weights

MODELS = {
    "GPT-2 small": "gpt2-attention",
    "GPT-Neo 125M": "gpt-neo-125m-attention",
    "stories260K": "stories260K",
    "babyllama-361": "babyllama-361",
    "slm-4096": "slm-4096",
    "capp-gpt2": "capp-gpt2",
}
STRONGEST = 20

Floats = NDArray[np.float32] | NDArray[np.float64]
Method = Callable[[Any], Any]


def householder(weights: Floats) -> Floats:
    """Orthonormal columns of heads x d x m by Householder QR, in the type of the weights."""
    basis: Floats = np.linalg.qr(weights)[0]
    return basis


def cholesky(weights: Floats) -> Floats:
    """The same by Cholesky of the float64 Gram matrix: what `compute` does."""
    basis: Floats = bases(weights).basis
    return basis


def svd(weights: Floats) -> Floats:
    """The same by singular vectors, in the type of the weights."""
    basis: Floats = np.linalg.svd(weights, full_matrices=False)[0]
    return basis


METHODS: dict[str, Method] = {"QR": householder, "Cholesky": cholesky, "SVD": svd}


def to_bfloat16(weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """Float32 weights rounded to bfloat16 (8 bits of mantissa), ties to even."""
    bits = weights.view(np.uint32)
    rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) & np.uint32(0xFFFF0000)
    return rounded.astype(np.uint32).view(np.float32)


def projection_kernels(
    weights: Weights, method: Method, of: Method = lambda matrix: matrix
) -> dict[str, NDArray[np.float64]]:
    """Pairing -> PK of all its pairs, source layer before target layer, in one fixed order.

    PK = ||U_i^T U_j||_F^2 in float64.

    Args:
        weights: the model.
        method: heads x d x m -> orthonormal columns.
        of: what is done to the matrices first.
    """
    basis: dict[str, list[NDArray[np.float64]]] = {role: [] for role in ROLES}
    for layer in range(weights.shape.n_layers):
        for role, matrices in weights.layer(layer).items():
            basis[role].append(method(of(matrices)).astype(np.float64))
    found = {}
    for source, target in GRAPH_PAIRINGS:
        parts = [
            _squares(u, v)
            for before, u in enumerate(basis[source])
            for v in basis[target][before + 1 :]
        ]
        found[source + target] = np.concatenate(parts) if parts else np.empty(0)
    return found


def _squares(u: NDArray[np.float64], v: NDArray[np.float64]) -> NDArray[np.float64]:
    """||U_i^T V_j||_F^2 of two layers' heads, flat."""
    wide = [np.moveaxis(stack, 1, 0).reshape(stack.shape[1], -1) for stack in (u, v)]
    product = (wide[0].T @ wide[1]).reshape(len(u), u.shape[2], len(v), v.shape[2])
    flat: NDArray[np.float64] = (product**2).sum((1, 3)).ravel()
    return flat


def largest_difference(
    a: dict[str, NDArray[np.float64]], b: dict[str, NDArray[np.float64]]
) -> float:
    """The largest |PK - PK'| over all pairs of all pairings."""
    return max(float(np.abs(a[pairing] - b[pairing]).max()) for pairing in a)


def overlap(a: NDArray[np.float64], b: NDArray[np.float64], count: int = STRONGEST) -> int:
    """How many of the `count` strongest pairs of one are among those of the other."""
    return len({*np.argsort(-a, kind="stable")[:count]} & {*np.argsort(-b, kind="stable")[:count]})


def main() -> None:
    """Measure all models and write the tables."""
    rows, rounded = [], []
    with one_thread():
        for name, folder in MODELS.items():
            weights = open_weights(SHARED / "models" / folder)
            exact = projection_kernels(weights, lambda matrix: householder(matrix.astype(float)))
            pairs = sum(len(values) for values in exact.values())
            found = [projection_kernels(weights, method) for method in METHODS.values()]
            differences = [largest_difference(one, exact) for one in found]
            rows.append([name, f"{pairs:,}", *(f"{value:.1e}" for value in differences)])
            rounded.append([name, *_rounded(weights, exact)])
    write("basis methods", _text(rows, rounded), DOCS / "reference" / "scores.md")


def _rounded(weights: Weights, exact: dict[str, NDArray[np.float64]]) -> list[str]:
    from scipy.stats import spearmanr

    found = [projection_kernels(weights, method, to_bfloat16) for method in METHODS.values()]
    ours = found[list(METHODS).index("Cholesky")]
    same = [overlap(ours[pairing], exact[pairing]) for pairing in exact]
    order = [spearmanr(ours[pairing], exact[pairing]).statistic for pairing in exact]
    return [
        *(f"{largest_difference(one, exact):.1e}" for one in found),
        f"{min(order):.6f}",
        ", ".join(map(str, same)),
    ]


def _text(rows: list[list[str]], rounded: list[list[str]]) -> str:
    return "\n".join(
        [
            "The largest difference from the PK that Householder QR gives in float64, over all "
            "pairs of OQ, OK and OV. headgraph uses the method Cholesky. "
            "`python -m benchmarks.basis_methods` writes this and the next table (numpy "
            f"{version('numpy')}, {platform.machine()}).",
            "",
            table(["model", "pairs", "QR, float32", "Cholesky", "SVD, float32"], rows),
            "",
            "The same, but each method gets the weights rounded to bfloat16, while the reference "
            "keeps them unrounded. The last two columns compare PK before and after rounding, by "
            "Cholesky. `Spearman` is the lowest rank correlation of "
            f"the three pairings. The last column counts how many of the {STRONGEST} strongest "
            f"pairs stay among the {STRONGEST} strongest, in OQ, OK and OV.",
            "",
            table(
                ["model", "QR", "Cholesky", "SVD", "Spearman", f"top {STRONGEST} that stay"],
                rounded,
            ),
        ]
    )


if __name__ == "__main__":
    main()

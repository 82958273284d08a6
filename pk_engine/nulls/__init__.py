"""Null models: what pairs of heads would share if nothing joined them.

isotropic   two random subspaces of R^d: the paper's reference, as a Beta distribution
covariance  subspaces drawn from the mean projector of all heads in that role
rotations   the same heads, rotated at random within the span that their layer's weights use
backward    pairs from a later to an earlier layer, through which nothing can flow
within      pairs of one layer, through which nothing can flow either

Each adds three columns for every pair of a table: z_NULL = (PK - mean) / sd; p_NULL = (1 + e) /
(1 + n), where e of the null's n values are at least as large (`isotropic` has a formula); and
q_NULL, p adjusted by Benjamini & Hochberg (1995, doi:10.1111/j.2517-6161.1995.tb02031.x) over the
pairs scored in its pairing. Of the pairs with q_NULL <= A an expected share of at most A is false,
under the null's assumptions. Each module states its assumptions, sampling and cost.
Workers of a cluster compute the values of rotations, backward and within (`nulls.groups`).
docs/studies/nulls.md says which null controls false discoveries where.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

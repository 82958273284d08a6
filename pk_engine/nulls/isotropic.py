"""The paper's reference: two independent, uniformly random subspaces of R^d.

Assumes that no direction of the residual stream is preferred, which is wrong for trained weights:
nearly every pair then looks significant. z is the table's own; p = 1 - Phi(z), the normal's upper
tail. Nothing is drawn; it costs nothing. Source: arXiv:2601.10266.
"""

import numpy as np

from headgraph.pk_engine.metrics.random_reference import reference_mean, reference_sd
from headgraph.pk_engine.nulls.null_model import Against, Answers, Question
from headgraph.pk_engine.table.heads import pair_ranks


def isotropic(question: Question) -> Answers:
    """Every pair against the normal of its own ranks."""
    from scipy.stats import norm

    answers, meta = {}, question.table.meta
    for pairing, frame in question.table.frame.groupby("pairing", sort=False):
        r, s = pair_ranks(frame, meta)
        mean, sd = reference_mean(r, s, meta.d_model), reference_sd(r, s, meta.d_model)
        z = frame["z"].to_numpy(np.float64)
        # where the reference has no variance every subspace shares as much: nothing stands out
        p = np.where(sd > 0, norm.sf(z), 1.0)
        spread = float(np.sqrt((sd**2).mean() + mean.var()))
        answers[str(pairing)] = Against(z, p, 0, float(mean.mean()), spread)
    return answers

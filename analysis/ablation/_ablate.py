"""The loss without some heads, beside the loss without as many others."""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from headgraph.analysis._tables import full_table
from headgraph.analysis.ablation.head_sets import Heads, chosen_sets, draw, listed, possible
from headgraph.analysis.errors import PatchingError
from headgraph.analysis.running.prompts import N_PROMPTS, prompts_for
from headgraph.analysis.running.unpatched import BaseRun
from headgraph.base.names import GRAPH_PAIRINGS
from headgraph.base.seeds import check_seed
from headgraph.base.spelling import argument

SAMPLES = 200
COLUMNS = (
    "model",
    "what", "n_heads", "heads", "loss", "base_loss", "delta", "random_mean", "low", "high",
    "percentile", "samples", "possible", "match_layers", "replaced_by", "prompts", "predictions",
    "seed",
)  # fmt: skip


def ablate(
    model: Any,
    *,
    role: str | Sequence[str] | None = None,
    hubs: int | None = None,
    heads: str | Sequence[str] | None = None,
    labels: str | os.PathLike[str] | None = None,
    top_percent: float = 3,
    samples: int = SAMPLES,
    match_layers: bool = False,
    replace: str = "mean",
    prompts: str | os.PathLike[str] | None = None,
    text_file: str | os.PathLike[str] | None = None,
    sample: int = 0,
    n_prompts: int = N_PROMPTS,
    length: int | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Loss without some heads, beside the loss without equally many random heads.

    An ablated head writes, at each position, the mean of what it writes there over the prompts.

    Args:
        model: folder, bundled model's name or hub id that can be run, or a TransformerBridge.
        role: heads of this role, or of several roles, a set each; `all` for all roles.
        hubs: the N greatest hubs, by `headgraph.hub_scores` over the strongest pairs.
        heads: names of heads, such as `L0H1,L1H5`.
        labels: label file with the heads' roles; the bundled labels of the model by default.
        top_percent: percentage of each pairing's strongest pairs that count for hubs.
        samples: random sets of heads to compare with.
        match_layers: draw random sets with as many heads in each layer as the ablated set.
        replace: `mean`, `resample` or `zero`; see `headgraph.verify_edge`.
        prompts: file with a prompt a line; see `analysis.running.prompts.prompts_for` for
            this and the next four. By default the model reads repeated random tokens.
        text_file: a text file to draw windows from.
        sample: let the model continue each prompt by this many tokens.
        n_prompts: most prompts to use.
        length: tokens in a repeated sequence or in a window.
        seed: random seed for the prompts and the random sets.

    Returns:
        A row for each set (a role, the hubs, the named heads): `model`, `what`, `n_heads`,
        `heads`, `loss`, `base_loss` (nothing ablated), `delta` (loss - base_loss, nats per token),
        `random_mean`, `low` and `high` (mean delta of the random sets, 2.5 and 97.5 % quantiles),
        `percentile` (random sets with a smaller delta, in %, half of those with the same),
        `samples`, `possible` (number of such sets; with few, a percentile says little),
        `match_layers`, `replaced_by`, `prompts`, `predictions`, `seed`.

    Raises:
        PatchingError: nothing to ablate, a role or head that the model does not have, more hubs
            than heads with an edge, or a model or prompts that cannot be run.
    """
    from headgraph.analysis.running import open_model

    if samples < 1:
        raise PatchingError(f"{argument('samples', samples)}: expected at least 1")
    seed = check_seed(seed, PatchingError)
    table = full_table(model, GRAPH_PAIRINGS)
    sets = chosen_sets(table, role, hubs, heads, labels, top_percent)
    bridge = open_model(model)
    drawn = prompts_for(
        bridge, prompts=prompts, text_file=text_file, sample=sample,
        n_prompts=n_prompts, length=length,
        seed=seed,
    )  # fmt: skip
    run = BaseRun(bridge, drawn)
    rows = [
        {
            "model": table.meta.model,
            "what": what,
            **_row(run, chosen, samples, match_layers, replace, seed),
            "samples": samples,
            "match_layers": match_layers,
            "replaced_by": replace,
            "prompts": len(drawn),
            "predictions": int(drawn.counts.sum()),
            "seed": seed,
        }
        for what, chosen in sets.items()
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _row(
    run: BaseRun, heads: Heads, samples: int, match_layers: bool, replace: str, seed: int
) -> dict[str, Any]:
    """The loss without the heads beside that of random sets; the seed fixes the sets."""
    shape, rng = (run.model.cfg.n_layers, run.model.cfg.n_heads), np.random.default_rng(seed)
    delta = loss_change(run, heads, replace, seed)
    sets = [draw(heads, shape, match_layers, rng) for _ in range(samples)]
    others = np.array([loss_change(run, other, replace, seed) for other in sets])
    return {
        "n_heads": len(heads),
        "heads": ",".join(listed(heads)),
        "loss": run.loss + delta,
        "base_loss": run.loss,
        "delta": delta,
        **_beside(delta, others),
        "possible": possible(heads, shape, match_layers),
    }


def loss_change(run: BaseRun, heads: Heads, replace: str = "mean", seed: int = 0) -> float:
    """Mean loss without these heads minus that of the unpatched run, in nats per token."""
    hooks = []
    for layer in sorted({layer for layer, _ in heads}):
        which = [head for at, head in heads if at == layer]
        instead = run.replaced(layer, replace, seed)
        hooks.append((f"blocks.{layer}.attn.hook_z", _Replacing(which, instead)))
    return run.distance(hooks).loss_change if hooks else 0.0


class _Replacing:
    """A hook that replaces z of some heads."""

    def __init__(self, heads: Sequence[int], instead: Any) -> None:
        self.heads, self.instead = list(heads), instead

    def __call__(self, z: Any, hook: Any) -> Any:
        ablated = z.clone()
        ablated[:, :, self.heads] = self.instead[:, :, self.heads]
        return ablated


def _beside(delta: float, others: NDArray[np.float64]) -> dict[str, float]:
    from scipy.stats import percentileofscore

    low, high = np.quantile(others, [0.025, 0.975])
    return {
        "random_mean": float(others.mean()),
        "low": float(low),
        "high": float(high),
        "percentile": float(percentileofscore(others, delta, kind="mean")),
    }

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
    """Loss when heads are ablated, beside the loss when as many random heads are.

    An ablated head writes the mean of what it writes on these prompts, position by position, in
    place of what it would.

    Args:
        model: folder, bundled model's name or hub id that can be run, or a TransformerBridge.
        role: heads of this role, or of each of several; `all` for each role of the labels.
        hubs: the N greatest hubs, by `headgraph.hub_scores` over the strongest pairs.
        heads: head names, `L0H1,L1H5`.
        labels: label file that says which heads have a role; default those known for the model.
        top_percent: pairs of each pairing that count for hubs, the strongest ones.
        samples: random sets of heads to compare with.
        match_layers: random sets have as many heads in each layer as the ablated ones.
        replace: `mean`, `resample` or `zero`; see `headgraph.verify_edge`.
        prompts: file with a prompt a line; see `analysis.running.prompts.prompts_for` for
            this and the next four. Without any of them random tokens that come twice.
        text_file: a text, of which windows are drawn.
        sample: tokens by which the model continues each prompt.
        n_prompts: prompts at most.
        length: tokens of a sequence that is repeated, or of a window.
        seed: of prompts and of the random sets.

    Returns:
        A row for each role, the hubs and the heads: `model`, `what`, `n_heads`, `heads`, `loss`,
        `base_loss` (nothing ablated), `delta` (loss - base_loss, nats per token), `random_mean`,
        `low` and `high` (the random sets' mean delta and their 2.5 and 97.5 % quantiles),
        `percentile` (random sets with a smaller delta, in %, half of those with the same),
        `samples`, `possible` (how many such sets there are: with few, a percentile says little),
        `match_layers`, `replaced_by`, `prompts`, `predictions`, `seed`.

    Raises:
        PatchingError: nothing to ablate, a role or head that the model does not have, more hubs
            than heads with an edge, or a model or prompts that cannot be run.
    """
    from headgraph.analysis.running import open_model

    if samples < 1:
        raise PatchingError(f"--samples {samples}: expected at least 1")
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
    """The heads' loss beside that of random sets; the same seed, the same sets."""
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
    """Mean loss without these heads minus the unpatched run's, nats per token; 0 without heads."""
    hooks = []
    for layer in sorted({layer for layer, _ in heads}):
        which = [head for at, head in heads if at == layer]
        instead = run.replaced(layer, replace, seed)
        hooks.append((f"blocks.{layer}.attn.hook_z", _Replacing(which, instead)))
    return run.distance(hooks).loss_change if hooks else 0.0


class _Replacing:
    """A hook that puts other values in place of some heads' z."""

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

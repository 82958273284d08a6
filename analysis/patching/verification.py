"""PK beside the effect of patching, for one edge or for many."""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from headgraph.analysis._tables import full_table
from headgraph.analysis.errors import PatchingError
from headgraph.analysis.patching.correlation import rank_correlation
from headgraph.analysis.patching.paths import Head, PathPatcher
from headgraph.analysis.running.prompts import N_PROMPTS, prompts_for
from headgraph.base.names import GRAPH_PAIRINGS, check_head, head_name, parse_head, parse_pairings
from headgraph.base.seeds import check_seed
from headgraph.base.spelling import argument
from headgraph.base.text import listed
from headgraph.pk_engine.table.affinity import AffinityTable

COLUMNS = (
    "model", "pairing", "source", "target", "kv_head", "pk", "z", "pk_rank", "chosen", "effect",
    "effect_se", "loss_change", "local", "written", "gain", "replaced_by", "prompts", "predictions",
    "seed",
)  # fmt: skip


def verify_edge(
    model: Any,
    source: str | None = None,
    target: str | None = None,
    *,
    pairings: Sequence[str] | str = GRAPH_PAIRINGS,
    top: int | None = None,
    random: int | None = None,
    every: bool = False,
    correlate: bool = False,
    replace: str = "mean",
    prompts: str | os.PathLike[str] | None = None,
    text_file: str | os.PathLike[str] | None = None,
    sample: int = 0,
    n_prompts: int = N_PROMPTS,
    length: int | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Patch edges: replace what a head writes in the Q, K or V input of one later head alone.

        effect  = mean of KL(unpatched || patched) over the predictions that count, nats per token
        local   = ||change of what the target writes|| / ||what it writes||
        written = ||change of what the source writes|| / ||what the target's layer reads||
        gain    = local / written

    PK measures what could pass between two heads; patching measures what does on these prompts.

    Where users go wrong: a small effect does not show that a path is unused. Where another head
    writes the same, patching one path changes little.

    Args:
        model: folder, bundled model's name or hub id that can be run, or a TransformerBridge.
        source: head such as `L0H7`; by default PK chooses the edges.
        target: head of a later layer. In a grouped-query model, its K and V belong to a key/value
            head, and all query heads that read through it see the patch.
        pairings: `OQ`, `OK`, `OV`, which name the input of the target to patch.
        top: number of strongest pairs of each pairing; 10 if `random` is not given either.
        random: number of other pairs, drawn with the seed; 10 if `top` is not given either.
        every: patch all pairs instead.
        correlate: return the rank correlation of PK with the effect instead of the edges; see
            `analysis.patching.rank_correlation`.
        replace: replacement for what the source writes: its `mean` over the prompts at each
            position, what it writes in another prompt (`resample`), or `zero`.
        prompts: file with a prompt a line; see `analysis.running.prompts.prompts_for` for
            this and the next four. By default the model reads repeated random tokens.
        text_file: a text file to draw windows from.
        sample: let the model continue each prompt by this many tokens.
        n_prompts: most prompts to use.
        length: tokens in a repeated sequence or in a window.
        seed: random seed for the prompts, `resample`, `random` and the bootstrap.

    Returns:
        `model`, `pairing`, `source`, `target`, `kv_head` (-1 where heads do not share it), `pk`,
        `z`, `pk_rank`, `chosen` (`named`, `top`, `random` or `all`), `effect`, `effect_se`
        (standard error over prompts), `loss_change` (nats per token), `local`, `written`, `gain`,
        `replaced_by`, `prompts`, `predictions` (how many count), `seed`. Each scored pair has one
        row. Of the query heads that share a key/value head, the row names the first, or the given
        one.

    Raises:
        PatchingError: a pairing other than OQ, OK and OV, heads that are not in order, or a model
            or prompts that cannot be patched.
        UnknownHead: the model has no such head.
    """
    from headgraph.analysis.running import open_model

    wanted, seed = _paths(pairings), check_seed(seed, PatchingError)
    if (source is None) != (target is None):
        raise PatchingError(
            "expected two heads, got one: give a source and a target, such as L0H7 L1H2"
        )
    chosen = _chosen(top, random, every, named=source is not None)
    table = full_table(model, wanted)
    edges = table.edges()
    if source is not None and target is not None:
        rows = _named(edges, source, target, table).assign(chosen="named")
    else:
        rows = _pick(edges, wanted, chosen, seed)
    bridge = open_model(model)
    drawn = prompts_for(
        bridge, prompts=prompts, text_file=text_file, sample=sample,
        n_prompts=n_prompts, length=length,
        seed=seed,
    )  # fmt: skip
    with PathPatcher(bridge, drawn, replace=replace, seed=seed) as patcher:
        rows = _patched(rows.assign(model=table.meta.model), patcher)
    return rank_correlation(rows, seed=seed) if correlate else rows


def _patched(pairs: pd.DataFrame, patcher: PathPatcher) -> pd.DataFrame:
    """The rows with names of heads and the effect of patching each pair."""
    ends = [_ends(row) for row in pairs.itertuples()]
    effects = [
        patcher.effect(source, target, pairing[1])
        for (source, target), pairing in zip(ends, pairs["pairing"], strict=True)
    ]
    return pairs.reset_index(drop=True).join(pd.DataFrame(effects)).assign(
        source=[head_name(*source) for source, _ in ends],
        target=[head_name(*target) for _, target in ends],
        replaced_by=patcher.replace,
        prompts=len(patcher.prompts),
        predictions=int(patcher.prompts.counts.sum()),
        seed=patcher.seed,
    )[list(COLUMNS)]  # fmt: skip


def _paths(pairings: Sequence[str] | str) -> tuple[str, ...]:
    wanted = parse_pairings(pairings)
    if none := [name for name in wanted if name not in GRAPH_PAIRINGS]:
        raise PatchingError(
            f"{listed(none)} is no path: a head's output reaches a later head's input, expected "
            f"some of {', '.join(GRAPH_PAIRINGS)}"
        )
    return wanted


def _chosen(
    top: int | None, random: int | None, every: bool, *, named: bool
) -> tuple[int, int] | None:
    """Numbers of strongest and of other pairs; None for all pairs."""
    asked = top is not None or random is not None
    if named + asked + every > 1:
        raise PatchingError(
            f"an edge, {argument('top')} or {argument('random')}, and "
            f"{argument('every', option='--all')} exclude each other: choose edges in one way"
        )
    for name, value in (("top", top), ("random", random)):
        if value is not None and value < 0:
            raise PatchingError(f"{argument(name, value)}: expected 0 or more")
    if every:
        return None
    return (top or 0, random or 0) if asked else (10, 10)


def _named(edges: pd.DataFrame, source: str, target: str, table: AffinityTable) -> pd.DataFrame:
    (a, b), (c, d) = parse_head(source), parse_head(target)
    source, target = head_name(a, b), head_name(c, d)
    meta = table.meta
    for layer, head in ((a, b), (c, d)):
        check_head(layer, head, (meta.n_layers, meta.n_heads), meta.model)
    if a >= c:
        swapped = f", such as {target} {source}" if a > c else ""
        raise PatchingError(f"{source} > {target}: expected a source in an earlier layer{swapped}")
    ends = dict(zip(_ENDS, (a, b, c, d), strict=True))
    rows = edges[np.logical_and.reduce([edges[name] == value for name, value in ends.items()])]
    if rows.empty:
        raise PatchingError(
            f"{source} > {target} has no PK: one of the matrices is all zeros, nothing can pass"
        )
    return rows


_ENDS = ("source_layer", "source_head", "target_layer", "target_head")


def _pick(
    edges: pd.DataFrame, pairings: Sequence[str], numbers: tuple[int, int] | None, seed: int
) -> pd.DataFrame:
    rng, parts = np.random.default_rng(seed), []
    for pairing in pairings:
        # an arrow per query head: the first stands for the scored pair
        pairs = edges[edges["pairing"] == pairing].drop_duplicates("pk_rank")
        pairs = pairs.sort_values("pk_rank")
        if numbers is None:
            parts.append(pairs.assign(chosen="all"))
            continue
        top, random = numbers
        rest = pairs.iloc[top:]
        drawn = np.sort(rng.permutation(len(rest))[:random])
        parts += [pairs.iloc[:top].assign(chosen="top"), rest.iloc[drawn].assign(chosen="random")]
    return pd.concat(parts, ignore_index=True)


def _ends(row: Any) -> tuple[Head, Head]:
    return (
        (int(row.source_layer), int(row.source_head)),
        (int(row.target_layer), int(row.target_head)),
    )

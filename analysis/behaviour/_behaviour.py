"""Behaviour scores of heads, from the attention patterns of a model that runs."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from headgraph.analysis.behaviour.attention_scores import (
    BEHAVIOURS,
    CHANCES,
    attended,
    uniform,
)
from headgraph.analysis.errors import RunningError
from headgraph.analysis.running.bridge import first_token, open_model, tokens_of
from headgraph.analysis.running.prompts import PERIOD, prompt_lines, prompts_for, token_numbers
from headgraph.base.seeds import check_seed
from headgraph.base.spelling import argument

AT_ONCE = 16
"""Prompts in one batch; their patterns take the memory."""


def behaviour(
    model: Any,
    *,
    text: str | None = None,
    prompts: str | os.PathLike[str] | None = None,
    n_prompts: int = 32,
    length: int | None = None,
    seed: int = 0,
    revision: str | None = None,
) -> pd.DataFrame:
    """Previous-token, duplicate-token, induction and identity scores of every head.

    The formulas are in `analysis.behaviour.attention_scores`. By default the model reads a sequence
    of distinct random tokens twice, so the scores do not depend on the subject of a text. Scores
    on a text of your own describe the heads on that text.

    Where users go wrong: compare a score with its chance level, not with 0. A head that attends
    equally to all positions up to its own has the score in the column `..._chance`, which depends
    on the text and is high on a short one. Attention is not effect. A head may attend to a token
    and write nothing of it; `headgraph.ablate` and `headgraph.verify_edge` measure effects. A score
    on a short text averages over few positions. Without a repeated token, two scores are NaN.

    Args:
        model: a folder, a bundled model's name, a hub id, or a TransformerBridge.
        text: a text to run on.
        prompts: a file with one prompt a line, as text or token numbers.
        n_prompts: number of random sequences.
        length: tokens in the repeated sequence; by default 24, or fewer if the vocabulary or the
            context is smaller.
        seed: random seed for the tokens.
        revision: branch, tag or commit of a hub id.

    Returns:
        `layer`, `head`, `previous_token`, `duplicate_token`, `induction`, `identity` (0 to 1; NaN
        where no position allows it), `previous_token_chance`, `duplicate_token_chance`,
        `induction_chance`, `identity_chance` (the scores of uniform attention on the same tokens),
        `prompts`, `tokens` (of all prompts), `seed`.

    Raises:
        RunningError: the model cannot be run, or both `text` and `prompts` are given.
        PatchingError: prompts that cannot be read or turned into tokens.
    """
    if text is not None and prompts is not None:
        raise RunningError(
            f"{argument('text')} and {argument('prompts')} exclude each other: give one of them"
        )
    seed = check_seed(seed, RunningError)
    bridge = open_model(model, revision)
    rows = prompts_of(
        bridge, text=text, prompts=prompts, n_prompts=n_prompts, length=length, seed=seed
    )
    layers, heads = bridge.cfg.n_layers, bridge.cfg.n_heads
    totals = {name: np.zeros((layers, heads)) for name in BEHAVIOURS}
    by_chance, positions = dict.fromkeys(BEHAVIOURS, 0.0), dict.fromkeys(BEHAVIOURS, 0)
    for tokens, patterns in patterns_of(bridge, rows):
        for layer, pattern in enumerate(patterns):
            for name, found in attended(pattern, tokens).items():
                totals[name][layer] += found.total
        for name, found in attended(uniform(len(tokens)), tokens).items():
            by_chance[name] += float(found.total[0])
            positions[name] += found.positions
    scores = {
        name: np.clip(totals[name] / count, 0, 1) if count else np.full((layers, heads), np.nan)
        for name, count in positions.items()
    }
    chances = {CHANCES[name]: by_chance[name] / count if count else np.nan
               for name, count in positions.items()}  # fmt: skip
    at = np.indices((layers, heads)).reshape(2, -1)
    return pd.DataFrame({
        "layer": at[0], "head": at[1],
        **{name: scores[name].reshape(-1) for name in BEHAVIOURS},
        **chances,
        "prompts": len(rows), "tokens": sum(map(len, rows)), "seed": seed,
    })  # fmt: skip


def chance_in_words(scores: pd.DataFrame) -> str:
    """One sentence with the chance level of each behaviour."""
    levels = [
        f"{name} {scores[column].iloc[0]:.2f}"
        for name, column in CHANCES.items()
        if not np.isnan(scores[column].iloc[0])
    ]
    return f"Chance (attention spread equally over the allowed positions): {', '.join(levels)}."


def labels_of(scores: pd.DataFrame, threshold: float) -> pd.DataFrame:
    """Rows of a label file: the heads with a behaviour score of at least the threshold.

    Returns:
        `layer`, `head`, `role`, `circuit`, `source`, `note`, as `pk_engine.labels` reads them.

    Raises:
        RunningError: a threshold outside 0 to 1.
    """
    if not 0 < threshold <= 1:
        raise RunningError(
            f"{argument('threshold', threshold)}: expected more than 0 and at most 1"
        )
    long = scores.melt(["layer", "head"], list(BEHAVIOURS), "role", "score")
    long = long[long["score"] >= threshold].sort_values(["layer", "head", "role"])
    words = f"measured on {scores['prompts'].iloc[0]} prompts, seed {scores['seed'].iloc[0]}"
    notes = [f"score {score:.2f}" for score in long["score"]]
    return pd.DataFrame(
        {
            "layer": long["layer"],
            "head": long["head"],
            "role": long["role"],
            "circuit": "",
            "source": words,
            "note": notes,
        }
    ).reset_index(drop=True)


def patterns_of(
    model: Any, rows: Sequence[NDArray[np.int64]]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
    """Tokens and attention patterns (layers x heads x positions x positions) of each prompt.

    Raises:
        RunningError: TransformerLens exposes no attention patterns of this model.
    """
    import torch

    wanted = [f"blocks.{layer}.attn.hook_pattern" for layer in range(model.cfg.n_layers)]
    for batch in _batches(rows):
        tokens = torch.as_tensor(np.stack(batch), device=model.cfg.device)
        with torch.no_grad():
            _, cache = model.run_with_cache(tokens, prepend_bos=False, names_filter=wanted)
        missing = [name for name in wanted if name not in cache]
        if missing:
            raise RunningError(
                f"TransformerLens exposes no attention patterns of this model ({missing[0]}): its "
                "heads' behaviour cannot be measured"
            )
        found = torch.stack([cache[name] for name in wanted], 1).float().cpu().numpy()
        yield from zip(batch, found, strict=True)


def _batches(rows: Sequence[NDArray[np.int64]]) -> Iterator[list[NDArray[np.int64]]]:
    """Batches of consecutive prompts of one length."""
    batch: list[NDArray[np.int64]] = []
    for row in rows:
        if batch and (len(row) != len(batch[0]) or len(batch) == AT_ONCE):
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def prompts_of(
    model: Any,
    *,
    text: str | None = None,
    prompts: str | os.PathLike[str] | None = None,
    n_prompts: int = 32,
    length: int | None = None,
    seed: int = 0,
) -> list[NDArray[np.int64]]:
    """The tokens of each prompt that `behaviour` runs on; arguments as there."""
    if text is None and prompts is None:
        if length is None:
            length = min(PERIOD, model.cfg.d_vocab, (model.cfg.n_ctx - 1) // 2)
        return list(prompts_for(model, n_prompts=n_prompts, length=length, seed=seed).tokens)
    lines = [text] if text is not None else prompt_lines(Path(str(prompts)), RunningError)
    start = [first for first in [first_token(model)] if first is not None]
    rows = token_numbers(lines, RunningError) if text is None else None
    if rows is None:
        rows = [start + tokens_of(model, line) for line in lines]
    for row in rows:
        if not 2 <= len(row) <= model.cfg.n_ctx or max(row) >= model.cfg.d_vocab:
            raise RunningError(
                f"a prompt has {len(row)} tokens, the largest {max(row, default=0)}: expected 2 to "
                f"{model.cfg.n_ctx} tokens below {model.cfg.d_vocab}"
            )
    return [np.array(row, np.int64) for row in rows]

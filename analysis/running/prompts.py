"""Prompts to run a model on, and which of its predictions count."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headgraph.analysis.errors import PatchingError
from headgraph.analysis.running.bridge import first_token, special_token, tokens_of
from headgraph.base.files.documents import Problem, read_text, shown
from headgraph.base.seeds import check_seed
from headgraph.base.spelling import argument
from headgraph.base.text import quoted, short, whole_number

N_PROMPTS, PERIOD, WINDOW = 32, 24, 64


@dataclass(frozen=True)
class Prompts:
    """Prompts of one length.

    Attributes:
        tokens: prompts x length, int64.
        counts: prompts x (length - 1); whether the prediction of the token after this one counts.
        words: a description of the prompts.
        seed: random seed that they were drawn with.
    """

    tokens: NDArray[np.int64]
    counts: NDArray[np.bool_]
    words: str
    seed: int

    def __len__(self) -> int:
        return len(self.tokens)


def prompts_for(
    model: Any,
    *,
    prompts: str | os.PathLike[str] | None = None,
    text_file: str | os.PathLike[str] | None = None,
    sample: int = 0,
    n_prompts: int = N_PROMPTS,
    length: int | None = None,
    seed: int = 0,
) -> Prompts:
    """Prompts for a model that runs; by default repeated random tokens.

    Args:
        model: a TransformerBridge.
        prompts: a file with one prompt a line, as text or token numbers; all of the same length in
            tokens.
        text_file: a text file to draw windows from.
        sample: let the model continue each prompt by this many tokens, at temperature 1. Without
            `prompts`, it starts from the beginning-of-sequence token, or from a random token if
            the model has none. Only sampled tokens count, up to the end-of-sequence token.
        n_prompts: most prompts to use; of a file, the first ones.
        length: tokens in the repeated sequence (default 24) or in a window (default 64).
        seed: random seed for all samples.

    Raises:
        PatchingError: a file that cannot be read, prompts of several lengths, tokens outside the
            vocabulary, prompts longer than the context, or numbers out of range.
    """
    if n_prompts < 2:
        raise PatchingError(
            f"{argument('n_prompts', n_prompts)}: expected at least 2, as means are over them"
        )
    if sample < 0:
        raise PatchingError(f"{argument('sample', sample)}: expected 0 or more")
    if prompts is not None and text_file is not None:
        raise PatchingError(
            f"{argument('prompts')} and {argument('text_file')} exclude each other: give one of "
            "them"
        )
    rng = np.random.default_rng(check_seed(seed, PatchingError))
    if text_file is not None:
        made = _windows(
            model, Path(text_file), n_prompts, WINDOW if length is None else length, rng
        )
    elif prompts is not None:
        made = _of_file(model, Path(prompts), n_prompts)
    elif sample:
        made = _starts(model, n_prompts, rng)
    else:
        made = _repeated(model, n_prompts, PERIOD if length is None else length, rng)
    tokens, counts, words = made
    _check(model, tokens, tokens.shape[1] + sample)
    if sample:
        tokens, counts = _continued(model, tokens, sample, seed)
        words += f", continued by {sample} tokens of the model's own"
    if not counts.any():
        raise PatchingError("no prediction counts: expected prompts of at least 2 tokens")
    return Prompts(tokens, counts, words, seed)


Made = tuple[NDArray[np.int64], NDArray[np.bool_], str]


def _repeated(model: Any, n: int, period: int, rng: np.random.Generator) -> Made:
    """A sequence of distinct tokens, twice; predictable tokens of the second copy count."""
    symbols = model.cfg.d_vocab
    if not 2 <= period <= symbols:
        raise PatchingError(
            f"{argument('length', period)}: expected 2 to {symbols}, as the tokens of a repeated "
            "sequence are all different"
        )
    x = np.stack([rng.permutation(symbols)[:period] for _ in range(n)])
    first = first_token(model)
    start = np.full((n, 0 if first is None else 1), first or 0)
    tokens = np.concatenate([start, x, x], axis=1).astype(np.int64)
    counts = np.zeros((n, tokens.shape[1] - 1), bool)
    counts[:, start.shape[1] + period :] = True  # the start of the second copy cannot be predicted
    return tokens, counts, f"{period} random tokens, repeated"


def _windows(model: Any, path: Path, n: int, length: int, rng: np.random.Generator) -> Made:
    text = read_text(path, problem=PatchingError, pipes=True)
    words = np.array(tokens_of(model, text), dtype=np.int64)
    if length < 2 or len(words) < length:
        raise PatchingError(
            f"{shown(path)} has {len(words)} tokens, and {argument('length', length)}: expected at "
            "least 2 tokens in a window, and as many in the file"
        )
    begin = np.sort(rng.integers(0, len(words) - length + 1, size=n))
    tokens = words[begin[:, None] + np.arange(length)]
    first = first_token(model)
    if first is not None:
        tokens = np.concatenate([np.full((n, 1), first), tokens], axis=1)
    counts = np.ones((n, tokens.shape[1] - 1), bool)
    return tokens, counts, f"windows of {length} tokens of {short(path.name)}"


def _of_file(model: Any, path: Path, n: int) -> Made:
    lines = prompt_lines(path, PatchingError)[:n]
    if len(lines) < 2:
        raise PatchingError(
            f"{shown(path)} has {len(lines)} prompts: expected at least 2, one a line"
        )
    rows = token_numbers(lines, PatchingError) or [_prompt(model, line) for line in lines]
    for line, row in enumerate(rows):
        if len(row) != len(rows[0]):
            raise PatchingError(
                f"prompts 1 and {line + 1} of {shown(path)} have {len(rows[0])} and {len(row)} "
                "tokens: expected prompts of one length, so that means are position by position"
            )
    tokens = np.array(rows, dtype=np.int64)
    return tokens, np.ones((len(rows), tokens.shape[1] - 1), bool), f"prompts of {short(path.name)}"


def _prompt(model: Any, line: str) -> list[int]:
    first = first_token(model)
    return ([] if first is None else [first]) + tokens_of(model, line)


def _starts(model: Any, n: int, rng: np.random.Generator) -> Made:
    first = first_token(model)
    if first is None:
        tokens, words = rng.integers(0, model.cfg.d_vocab, size=(n, 1)), "a random token"
    else:
        tokens, words = np.full((n, 1), first), "the first token"
    return tokens.astype(np.int64), np.ones((n, 0), bool), words


def _continued(
    model: Any, tokens: NDArray[np.int64], sample: int, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    import torch

    generator, begin = torch.Generator().manual_seed(seed), tokens.shape[1]
    grown = torch.as_tensor(tokens)
    with torch.no_grad():
        for _ in range(sample):
            logits = model(grown.to(model.cfg.device), prepend_bos=False)[:, -1]
            chosen = torch.multinomial(logits.float().softmax(-1).cpu(), 1, generator=generator)
            grown = torch.cat([grown, chosen], dim=1)  # prompts length
    made = np.asarray(grown.numpy(), dtype=np.int64)
    counts = np.zeros((len(made), made.shape[1] - 1), bool)
    counts[:, begin - 1 :] = True
    end = special_token(model, "eos_token_id")
    if end is not None:
        # the end-of-sequence token is a prediction; what follows it is meaningless
        counts[:, begin - 1 :] &= np.cumsum(made[:, begin - 1 : -1] == end, axis=1) == 0
    return made, counts


def _check(model: Any, tokens: NDArray[np.int64], length: int) -> None:
    if length > model.cfg.n_ctx:
        raise PatchingError(
            f"prompts of {length} tokens are longer than the model's context of "
            f"{model.cfg.n_ctx}: give a smaller {argument('length')} or {argument('sample')}"
        )
    if (tokens >= model.cfg.d_vocab).any():
        raise PatchingError(
            f"the prompts hold token {tokens.max()}: expected numbers below the model's "
            f"{model.cfg.d_vocab}"
        )


def prompt_lines(path: str | os.PathLike[str], problem: Problem) -> list[str]:
    """The non-empty lines of a file of prompts.

    Raises:
        problem: the file cannot be read, is not UTF-8, or has no line of text.
    """
    text = read_text(path, problem=problem, pipes=True)
    if not (lines := [line for line in text.splitlines() if line.strip()]):
        raise problem(f"{shown(path)} is empty: expected a prompt a line")
    return lines


def token_numbers(lines: Sequence[str], problem: Problem) -> list[list[int]] | None:
    """The prompts as token numbers, or None if any word is not made of digits alone.

    Raises:
        problem: a number too large for any vocabulary.
    """
    if not all(word.isascii() and word.isdigit() for line in lines for word in line.split()):
        return None
    return [[_token(word, problem) for word in line.split()] for line in lines]


def _token(word: str, problem: Problem) -> int:
    number = whole_number(word)
    if number is None:
        raise problem(f"the prompts hold token {quoted(word)}: expected numbers of the vocabulary")
    return number

"""Tokens of a model that runs: the special ones that it has, and those of a text."""

from typing import Any

from analysis.errors import PatchingError


def first_token(model: Any) -> int | None:
    """The beginning-of-sequence token, where the model has one."""
    return special_token(model, "bos_token_id")


def special_token(model: Any, name: str) -> int | None:
    """A special token that the model really has; TransformerLens makes up others."""
    number = getattr(getattr(model.original_model, "config", None), name, None)
    known = isinstance(number, int) and 0 <= number < model.cfg.d_vocab
    return number if known else None


def tokens_of(model: Any, text: str) -> list[int]:
    """The numbers of a text's tokens, none put before them."""
    if getattr(model, "tokenizer", None) is None:
        raise PatchingError(
            "the model has no tokenizer to read text with: give --prompts a file of token numbers"
        )
    return list(model.tokenizer(text, add_special_tokens=False)["input_ids"])

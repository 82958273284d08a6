"""Tokens of a model that runs: the special ones that it has, and those of a text."""

from typing import Any

from headgraph.analysis.errors import PatchingError
from headgraph.base.text import quoted


def first_token(model: Any) -> int | None:
    """The beginning-of-sequence token, where the model has one."""
    return special_token(model, "bos_token_id")


def special_token(model: Any, name: str) -> int | None:
    """A special token that the model really has; TransformerLens makes up others."""
    number = getattr(getattr(model.original_model, "config", None), name, None)
    known = isinstance(number, int) and 0 <= number < model.cfg.d_vocab
    return number if known else None


def tokens_of(model: Any, text: str) -> list[int]:
    """The numbers of a text's tokens, none put before them.

    Raises:
        PatchingError: the model has no tokenizer, or the text is not one.
    """
    if getattr(model, "tokenizer", None) is None:
        raise PatchingError(
            "the model has no tokenizer to read text with: give --prompts a file of token numbers"
        )
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise PatchingError(
            f"the text holds {quoted(text[error.start])}, half of a character: give it in UTF-8"
        ) from error
    return list(model.tokenizer(text, add_special_tokens=False)["input_ids"])

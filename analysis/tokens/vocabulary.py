"""The text of a model's tokens, from its tokenizer.json alone."""

import re
from functools import cache
from pathlib import Path
from typing import Any

from headgraph.base.errors import UnreadableFile
from headgraph.base.files.documents import read_json
from headgraph.pk_engine.models.checkpoint.gguf_file import is_gguf, tokens_of_gguf

_BYTE = re.compile(r"<0x([0-9A-Fa-f]{2})>")


def vocabulary(folder: Path, size: int) -> list[str] | None:
    """The text of each token id, or None if the folder has no readable tokenizer.json.

    Byte-level pieces are decoded (`Ġthe` is ` the`), SentencePiece's `▁` is a space, `<0x0A>` is
    that byte. A piece that is not a whole character stays as it is. Ids without an entry, as in a
    padded embedding, are `[id]`.

    Args:
        folder: folder of the model; or a GGUF file, which holds its tokens.
        size: number of rows of its embedding.
    """
    if is_gguf(folder):
        kind, spelt = tokens_of_gguf(folder)
        show = _byte_level if kind == "gpt2" else _spaced
        return [show(piece) for piece in spelt] if len(spelt) == size else None
    path = folder / "tokenizer.json"
    try:
        data = read_json(path)
        pieces = _pieces(data["model"]["vocab"])
        added = {
            int(token["id"]): str(token["content"]) for token in data.get("added_tokens") or ()
        }
        kinds = set(_kinds([data.get("decoder"), data.get("pre_tokenizer")]))
    except (UnreadableFile, ValueError, LookupError, TypeError, AttributeError, OverflowError,
            RecursionError):  # fmt: skip
        return None
    show = _byte_level if "ByteLevel" in kinds else _spaced
    texts = {number: show(piece) for number, piece in pieces.items()} | added
    return [texts.get(number, f"[{number}]") for number in range(size)]


def _pieces(vocab: Any) -> dict[int, str]:
    if isinstance(vocab, dict):
        return {int(number): str(piece) for piece, number in vocab.items()}
    return {number: str(piece) for number, (piece, _) in enumerate(vocab)}  # Unigram: with scores


def _kinds(part: Any) -> list[str]:
    """The types of a decoder or pre-tokenizer and of its parts."""
    if isinstance(part, list):
        return [kind for inner in part for kind in _kinds(inner)]
    if not isinstance(part, dict):
        return []
    inner = [value for value in part.values() if isinstance(value, list | dict)]
    return [str(part.get("type")), *_kinds(inner)]


def _spaced(piece: str) -> str:
    if byte := _BYTE.fullmatch(piece):
        value = int(byte[1], 16)
        return chr(value) if value < 128 else piece
    return piece.replace("▁", " ")


def _byte_level(piece: str) -> str:
    table = _letters()
    if not all(letter in table for letter in piece):
        return piece
    try:
        return bytes(table[letter] for letter in piece).decode("utf-8")
    except UnicodeDecodeError:
        return piece


@cache
def _letters() -> dict[str, int]:
    """Letter -> byte of byte-level BPE: a printable byte is its own letter, others from U+0100."""
    own = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in own]
    table = {chr(byte): byte for byte in own}
    return table | {chr(256 + place): byte for place, byte in enumerate(others)}

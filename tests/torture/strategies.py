"""Inputs that Hypothesis changes: JSON by values, other text by words, and the rest by bytes."""

import json
import re
from typing import Any

from hypothesis import strategies as st

from tests.torture.documents import HOW, changed, places
from tests.torture.mutation import VALUES, WORDS


def inputs(whole: bytes) -> Any:
    """A strategy: JSON by values, other text by words, and the rest by bytes."""
    words = st.sampled_from(WORDS)
    pieces = re.findall(rb"\w+|\s+|[^\w\s]", whole) if _is_text(whole) else None
    if pieces is None:
        size = len(whole)
        edit = st.tuples(st.integers(0, size), st.integers(0, 40), st.binary(max_size=12) | words)
        return st.lists(edit, min_size=1, max_size=4).map(lambda edits: _edited(whole, edits))
    own = st.sampled_from(sorted(set(pieces)))
    written = st.text(max_size=12).map(lambda text: text.encode("utf-8", "surrogatepass"))
    number = (st.integers() | st.floats()).map(lambda value: str(value).encode())
    edit = st.tuples(st.integers(0, len(pieces)), st.integers(0, 3), own | written | number | words)
    texts = st.lists(edit, min_size=1, max_size=4).map(
        lambda edits: b"".join(_edited(pieces, [(at, n, [new]) for at, n, new in edits]))
    )
    try:
        value = json.loads(whole)
    except ValueError:
        return texts
    return st.one_of(_documents(value), _documents(value), texts)


def _is_text(data: bytes) -> bool:
    try:
        return "\0" not in data.decode()
    except UnicodeDecodeError:
        return False


def _edited(whole: Any, edits: list[tuple[int, int, Any]]) -> Any:
    held = bytearray(whole) if isinstance(whole, bytes) else list(whole)
    for at, length, new in edits:
        held[at : at + length] = new
    return bytes(held) if isinstance(held, bytearray) else held


def _documents(value: Any) -> Any:
    """Strategy: this JSON with other values, names or entries in one to four places."""
    every = list(places(value))
    names = sorted({str(key) for at in every for key in at})
    text = st.sampled_from(names) | st.text(max_size=8)
    plain = st.one_of(
        st.booleans(), st.integers(), st.integers(-3, 40), st.floats(), text,
        st.sampled_from(VALUES),
    )  # fmt: skip
    some = st.recursive(
        plain,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
        max_leaves=6,
    )
    place = st.sampled_from(every) | st.sampled_from(every).map(lambda it: it[:2])
    edit = st.tuples(place, st.sampled_from(HOW), some, text)

    def made(drawn: tuple[list[tuple[Any, ...]], bool]) -> bytes:
        copy = json.loads(json.dumps(value))
        for at, how, new, name in drawn[0]:
            copy = changed(copy, at, how, new, name)
        return json.dumps(copy, ensure_ascii=drawn[1]).encode("utf-8", "surrogatepass")

    return st.tuples(st.lists(edit, min_size=1, max_size=4), st.booleans()).map(made)

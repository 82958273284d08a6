"""Changes of JSON by its values and names, which changes of bytes seldom leave readable."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

Place = tuple[str | int, ...]
HOW = ["replace", "replace", "remove", "add", "copy"]


def places(value: Any, above: Place = ()) -> Iterator[Place]:
    """The place of each value in a document, by names and numbers; () is the whole."""
    yield above
    listed = enumerate(value) if isinstance(value, list) else ()
    for key, inner in value.items() if isinstance(value, dict) else listed:
        yield from places(inner, (*above, key))


def inside(value: Any, at: Place) -> Any:
    """The value at a place."""
    for key in at:
        value = value[key]
    return value


def changed(whole: Any, at: Place, how: str, new: Any, name: str) -> Any:
    """The document after one change, in place where it can be; the same if the place is gone.

    Args:
        whole: the document.
        at: a place in it, or one that an earlier change has removed.
        how: one of `HOW`; `add` and `copy` make another entry beside that place.
        new: the value to put there, or to add.
        name: the name of another entry.
    """
    new = deepcopy(new)  # put twice, it would be in itself, and the caller's would change
    if not at:
        return new if how == "replace" else whole
    try:
        holder = inside(whole, at[:-1])
        if how == "replace":
            holder[at[-1]] = new
        elif how == "remove":
            del holder[at[-1]]
        elif isinstance(holder, list):
            holder.append(new if how == "add" else holder[at[-1]])
        else:
            holder[name] = new if how == "add" else holder[at[-1]]
    except (LookupError, TypeError):
        return whole
    return whole

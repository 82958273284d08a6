"""The layers of a model in a table's metadata, where they are not all alike."""

from collections.abc import Mapping
from typing import Any

from headgraph.base.files.documents import parse_json
from headgraph.base.names import ROLES
from headgraph.base.text import quoted
from headgraph.pk_engine.errors import TableError
from headgraph.pk_engine.models.config import LARGEST
from headgraph.pk_engine.models.shape import LayerShape

_BY_ROLE = ("heads", "widths", "streams")
_FIELDS = sorted(["index", "name", *_BY_ROLE])
_OWN = "d_model"
"""The field of a layer whose residual stream is narrower than the widest of the model."""
_LONGEST = 30
"""Characters of a name or a stream."""


def layer_data(layer: LayerShape, d_model: int) -> dict[str, Any]:
    """What the metadata says of a layer that has heads, of a model of this width."""
    by_role = {name: {role: getattr(layer, name)[role] for role in ROLES} for name in _BY_ROLE}
    own = {} if layer.d_model == d_model else {_OWN: layer.d_model}
    return {"index": layer.index, "name": layer.name, **by_role, **own}


def read_layers(entries: list[dict[str, Any]], d_model: int, n_layers: int) -> list[LayerShape]:
    """The layers that `layer_data` described.

    Raises:
        TableError: an entry is not one of these, or layers are not in order.
    """
    found = [_layer(entry, d_model) for entry in entries]
    places = [layer.index for layer in found]
    if places != sorted(set(places)) or any(not 0 <= place < n_layers for place in places):
        raise TableError(
            f"its metadata has the layers {quoted(places)}: expected each once, in order, below "
            f"{n_layers}"
        )
    if len({layer.name for layer in found}) < len(found):
        raise TableError("its metadata has two layers of one name")
    return found


def layers_of(text: str, d_model: int, n_layers: int) -> list[LayerShape]:
    """The layers that the property `layers` of a run names.

    Raises:
        TableError: the text is not what a load writes.
    """
    entries = parse_json(text, source="layers", problem=TableError, kind=list)
    if not entries or not all(map(is_layer, entries)):
        raise TableError("layers: expected a list of layers with their heads, widths and streams")
    return read_layers(entries, d_model, n_layers)


def is_layer(entry: object) -> bool:
    """Whether an entry has the fields of a layer, each of its type."""
    if not isinstance(entry, Mapping) or sorted(entry.keys() - {_OWN}) != _FIELDS:
        return False
    counts = all(_by_role(entry[name], lambda it: _count(it, LARGEST["d_head"]))
                 for name in ("heads", "widths"))  # fmt: skip
    return (
        counts
        and _count(entry.get(_OWN, 1), LARGEST["d_model"])
        and _count(entry["index"], LARGEST["n_layers"], least=0)
        and _word(entry["name"])
        and _by_role(entry["streams"], _word)
    )


def _by_role(value: object, fits: Any) -> bool:
    return (
        isinstance(value, Mapping)
        and sorted(value) == sorted(ROLES)
        and all(map(fits, value.values()))
    )


def _count(value: object, most: int, least: int = 1) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _word(value: object) -> bool:
    return (
        isinstance(value, str)
        and value.isascii()
        and value.isprintable()
        and (0 < len(value) <= _LONGEST)
    )


def _layer(entry: Mapping[str, Any], d_model: int) -> LayerShape:
    heads, widths = entry["heads"], entry["widths"]
    if (
        heads["Q"] != heads["O"] or heads["K"] != heads["V"] or heads["Q"] % heads["K"]
        or widths["Q"] != widths["K"] or widths["V"] != widths["O"]
    ):  # fmt: skip
        raise TableError(
            f"its metadata has layer {entry['index']} with heads {heads} of widths {widths}: "
            "expected those of Q and O, and of K and V, to be as many, and Q as wide as K, V as O"
        )
    own = entry.get(_OWN, d_model)
    if own > d_model:
        raise TableError(
            f"its metadata has layer {entry['index']} with d_model {own}: expected at most that of "
            f"the model, {d_model}"
        )
    return LayerShape(entry["index"], own, heads, widths, entry["streams"], name=entry["name"])

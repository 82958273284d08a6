"""The properties of a stored run, checked as they are read.

Anyone with the password can change a property in the database. What reads runs, heads, roles or
edges in Python checks them here, against the types in `description` and the ranges below, so that
a wrong value ends in one sentence. Other properties are the user's own and may have any value.
"""

import math
import re
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from headgraph.base.errors import UnreadableFile
from headgraph.base.files.documents import parse_json
from headgraph.base.names import PAIRINGS, head_name
from headgraph.base.spelling import either
from headgraph.base.text import quoted, short
from headgraph.graphdb import schema
from headgraph.graphdb.connection.runner import Runner
from headgraph.graphdb.description import ELEMENTS, STANDS_FOR
from headgraph.graphdb.errors import WrongProperty
from headgraph.graphdb.results.result import plain
from headgraph.graphdb.runs import unknown_run

EDGE = "PAIRING"
HAS_ROLE = "HAS_ROLE"

NEEDED = {
    schema.RUN: ("id", "n_layers", "n_heads", "metrics", "pairings"),
    schema.HEAD: ("id", "name", "layer", "head"),
    EDGE: ("pk", "pk_normalized", "pk_rank", "share"),
    schema.ROLE: ("name",),
    HAS_ROLE: (),
}
"""Properties without which a run cannot be read; every version of headgraph has written them."""

_SLACK = 1e-3  # of scores that float32 rounds
_UNIT = (0.0, 1.0 + _SLACK)
_POSITIVE = ("n_layers", "n_heads", "n_kv_heads", "d_model", "d_head", "pk_rank", "community")
_RANGES = {
    **dict.fromkeys(("pk_normalized", "share", "self_overlap", *schema.BEHAVIOURS), _UNIT),
    **dict.fromkeys(("copying", "communities_modularity"), (-1.0 - _SLACK, 1.0 + _SLACK)),
    **dict.fromkeys(("pk", "communities_resolution", schema.DECOY_Q), (0.0, math.inf)),
    **dict.fromkeys(
        (
            f"{schema.DECOY_SHARE}PAIRING",
            f"{schema.DECOY_NEIGHBOURS}PAIRING",
            f"{schema.DECOY_FURTHER}PAIRING",
        ),
        (0.0, math.inf),
    ),
    **dict.fromkeys(("p_NULL", "q_NULL"), _UNIT),
}
"""Least and greatest value of numbers; whole numbers are at least 0, or 1 if in `_POSITIVE`."""
_JSON = {"selection_rules": list, "scored": dict, "moments": dict, "deficient": list,
         "nulls": dict, "origin": dict, "layers": list}  # fmt: skip
_LARGEST = 1e100  # of a number; squares of larger ones leave the range of float64

_WORDS = {"STRING": "a text", "INTEGER": "a whole number", "FLOAT": "a number",
        "BOOLEAN": "true or false", "ZONED DATETIME": "a time with its zone"}  # fmt: skip
_PLURALS = {"STRING": "texts", "INTEGER": "whole numbers", "FLOAT": "numbers"}
_LIST = "LIST OF "


_RUN = f"MATCH (r:{schema.RUN} {{name: $run}}) RETURN properties(r) AS properties"
_HEADS = f"""
MATCH (h:{schema.HEAD} {{run: $run}})
RETURN labels(h) AS labels, properties(h) AS properties ORDER BY h.layer, h.head
"""


_KINDS = f"""
MATCH (:{schema.HEAD} {{run: $run}})-[e]->(:{schema.HEAD}) WHERE type(e) IN $pairings
UNWIND keys(e) AS key
RETURN key, collect(DISTINCT valueType(e[key])) AS kinds ORDER BY key
"""
_ONE = f"""
MATCH (:{schema.HEAD} {{run: $run}})-[e]->(:{schema.HEAD})
WHERE type(e) IN $pairings AND valueType(e[$key]) = $kind
RETURN e[$key] LIMIT 1
"""
NOT_NULL = " NOT NULL"


class Stored(NamedTuple):
    """The checked properties of a run and of its heads, by layer, then head.

    Attributes:
        run: properties of the Run.
        heads: properties of each head.
        labels: labels of each head, in the same order.
    """

    run: dict[str, Any]
    heads: list[dict[str, Any]]
    labels: list[list[str]]

    @property
    def places(self) -> dict[str, tuple[int, int]]:
        """Name of each head -> its layer and its index."""
        return {head["name"]: (head["layer"], head["head"]) for head in self.heads}


def read_stored(graph: Runner, run: str) -> Stored:
    """Read the properties of a run that exists, and of its heads.

    Raises:
        UnknownRun: it was dropped meanwhile.
        WrongProperty: headgraph cannot have written one of them.
        GraphError: the database cannot be read.
    """
    found = graph.read(_RUN, {"run": run})
    if not found.rows:
        raise unknown_run(run, [])
    properties = checked(schema.RUN, found.single(), run)
    rows = list(graph.read(_HEADS, {"run": run}))
    heads = _checked_heads([row["properties"] for row in rows], properties, run)
    return Stored(properties, heads, [row["labels"] for row in rows])


def edge_kinds(graph: Runner, run: str) -> dict[str, list[str]]:
    """Properties of a run's edges -> Neo4j's types of their values, such as `FLOAT`.

    Raises:
        WrongProperty: one that headgraph writes has another type on some edge.
        GraphError: the database cannot be read.
    """
    params = {"run": run, "pairings": list(PAIRINGS)}
    found = {}
    for name, kinds in graph.read(_KINDS, params).rows:
        rule = _rule(EDGE, name)
        found[name] = sorted({kind.removesuffix(NOT_NULL) for kind in kinds})
        # one value of each type shows whether the type is right
        for kind in kinds if rule is not None and found[name] != [rule.kind] else ():
            values = graph.read(_ONE, {**params, "key": name, "kind": kind}).rows
            checked_values(EDGE, name, (value for (value,) in values), run, "an edge")
    return found


def check_stored(graph: Runner, run: str) -> None:
    """Raise WrongProperty for a property of a run that has a wrong type, if there is one.

    This explains a statement that the server refused because of the values in the graph.
    """
    read_stored(graph, run)
    edge_kinds(graph, run)


class Rule(NamedTuple):
    """What a property must be.

    Attributes:
        kind: Neo4j's type, as in `description`.
        low, high: least and greatest number.
        json: type of the value in a text of JSON; None for another text.
    """

    kind: str
    low: float
    high: float
    json: type[Any] | None

    def allows(self, value: Any) -> bool:
        """Whether a load can have written this value."""
        if self.kind.startswith(_LIST):
            item = self._replace(kind=self.kind.removeprefix(_LIST))
            # a list has NaN where a model is too small for z
            return isinstance(value, list) and all(item.allows(it) or it != it for it in value)
        if self.kind == "STRING":
            return isinstance(value, str) and (self.json is None or _is_json(value, self.json))
        if self.kind == "BOOLEAN":
            return isinstance(value, bool)
        if self.kind == "ZONED DATETIME":
            return isinstance(value, datetime) or hasattr(value, "iso_format")
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        if self.kind == "INTEGER" and not isinstance(value, int):
            return False
        return self.low <= value <= self.high and abs(value) < _LARGEST

    def __str__(self) -> str:
        if self.json is not None:
            return f"a text with {'a list' if self.json is list else 'an object'} in JSON"
        if self.kind.startswith(_LIST):
            return f"a list of {_PLURALS[self.kind.removeprefix(_LIST)]}"
        words = _WORDS[self.kind]
        if math.isfinite(self.low) and math.isfinite(self.high):
            return f"{words} from {self.low:.1g} to {self.high:.1g}"
        return f"{words} of at least {self.low:.0f}" if math.isfinite(self.low) else words


def checked(
    element: str,
    properties: Mapping[str, Any],
    run: object,
    what: str = "it",
    needed: Collection[str] | None = None,
) -> dict[str, Any]:
    """The properties, if a load can have written those that headgraph reads.

    Args:
        element: `Run`, `Head`, `Role`, `HAS_ROLE` or `PAIRING` for an edge.
        properties: as the driver returns them.
        run: name of the run, for the message.
        what: the element in words, such as `head L4H7`; `it` for the run itself.
        needed: properties that must be there; None for those of `NEEDED`.

    Raises:
        WrongProperty: one is missing or has another type, or a number is out of its range.
    """
    for name in NEEDED[element] if needed is None else needed:
        if properties.get(name) is None:
            raise _wrong(run, what, f"lacks {name}", _rule(element, name))
    for name, value in properties.items():
        rule = _rule(element, name)
        if rule is not None and value is not None and not rule.allows(value):
            raise _wrong(run, what, f"has {short(name)} {quoted(plain(value), 40)}", rule)
    return dict(properties)


def checked_values(
    element: str, name: str, values: Iterable[Any], run: object, what: str
) -> list[Any]:
    """The values of one property of many elements, if a load can have written each.

    Raises:
        WrongProperty: as `checked`; None counts as missing where the property is needed.
    """
    rule, needed = _rule(element, name), name in NEEDED[element]
    found = list(values)
    for value in found:
        if value is None and needed:
            raise _wrong(run, what, f"lacks {name}", rule)
        if value is not None and rule is not None and not rule.allows(value):
            raise _wrong(run, what, f"has {name} {quoted(plain(value), 40)}", rule)
    return found


def _checked_heads(
    heads: Collection[Mapping[str, Any]], run: Mapping[str, Any], called: object
) -> list[dict[str, Any]]:
    """The properties of a run's heads, if they are those of its layers, each once."""
    layers = _layers(run, called)
    found = [checked_head(head, called, titles=layers) for head in heads]
    places = {(head["layer"], head["head"]) for head in found}
    inside = all(head < layers[layer].heads if layer in layers else False for layer, head in places)
    if not inside or not len(places) == len(found) == sum(it.heads for it in layers.values()):
        raise WrongProperty(
            f"run {short(called)} has {len(found):,} heads, and its properties n_layers "
            f"{run['n_layers']:,}, n_heads {run['n_heads']:,} and layers do not: expected each "
            f"head of these layers once, as headgraph writes them; {_AGAIN}"
        )
    return found


class _Layer(NamedTuple):
    """What the names of a layer's heads begin with, and how many query heads it has."""

    title: str
    heads: int


def _layers(run: Mapping[str, Any], called: object) -> dict[int, _Layer]:
    """The layers that have heads; all of them where the run does not list its layers."""
    if run.get("layers") is None:
        return {layer: _Layer(f"L{layer}", run["n_heads"]) for layer in range(run["n_layers"])}
    try:
        listed = parse_json(run["layers"], source="layers", kind=list)
        return {it["index"]: _Layer(str(it["name"]), int(it["heads"]["Q"])) for it in listed}
    except (UnreadableFile, KeyError, TypeError, ValueError):
        raise _wrong(called, "it", "has other layers", _rule(schema.RUN, "layers")) from None


def checked_head(
    head: Mapping[str, Any],
    run: object,
    needed: Collection[str] | None = None,
    titles: Mapping[int, _Layer] | None = None,
) -> dict[str, Any]:
    """The properties of one head, if its name is that of its place.

    Args:
        head: as the driver returns them.
        run: name of the run, for the message.
        needed: as `checked`.
        titles: the layers of the run. None if they are not known: E3H4, D3H4 and X3H4 may then be
            heads of any layer.

    Raises:
        WrongProperty: as `checked`; or the name is that of another place.
    """
    what = f"head {short(head.get('name'))}"
    own = checked(schema.HEAD, head, run, what, needed)
    layer = (titles or {}).get(own["layer"])
    expected = f"{layer.title}H{own['head']}" if layer else head_name(own["layer"], own["head"])
    name = own.get("name", expected)
    free = titles is None and re.fullmatch(rf"[EDX]\d+H{own['head']}", name)
    if name != expected and not free:
        raise WrongProperty(
            f"run {short(run)}: {what} has layer {own['layer']} and head {own['head']}, expected "
            f"the name {expected}; {_AGAIN}"
        )
    return own


_AGAIN = either(
    "correct it in the database, or load the table again with load(..., replace=True)",
    "correct it in the database, or load the table again with headgraph load --replace",
)


def _wrong(run: object, what: str, found: str, rule: Rule | None) -> WrongProperty:
    start = f"run {short(run)}" + ("" if what == "it" else f": {what}")
    expected = "a value" if rule is None else str(rule)
    return WrongProperty(f"{start} {found}, expected {expected}, as headgraph writes; {_AGAIN}")


@lru_cache(maxsize=512)
def _rule(element: str, name: str) -> Rule | None:
    """The rule for a property; None if headgraph does not write a property of this name."""
    for own in (it for it in ELEMENTS if it.name == element):
        for it in own.properties:
            if _pattern(it.name).fullmatch(name):
                return Rule(it.type, *_range(it.name, it.type), _JSON.get(it.name))
    return None


def _pattern(name: str) -> re.Pattern[str]:
    for word, names in STANDS_FOR.items():
        name = re.sub(rf"\b{word}\b|(?<=_){word}\b", f"({'|'.join(names)})", name)
    return re.compile(name)


def _range(name: str, kind: str) -> tuple[float, float]:
    if kind.endswith("INTEGER"):
        return (1.0 if name in _POSITIVE else 0.0), math.inf
    return _RANGES.get(name, (-math.inf, math.inf))


def _is_json(text: str, kind: type) -> bool:
    try:
        parse_json(text, source="a property", kind=kind)
    except UnreadableFile:
        return False
    return True

"""Values of a query's parameters: from the command line or from Python to Cypher.

A type is one of `TYPES`, a choice of words such as `product or weakest`, a range of whole numbers
such as `2 to 4`, or `list of` one of these. On the command line a list is written with commas.
"""

import math
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

from headgraph.base.errors import BadName
from headgraph.base.names import PAIRINGS, canonical_head
from headgraph.base.spelling import either, parameter
from headgraph.base.text import did_you_mean, listed, quoted
from headgraph.queries.errors import MissingParameter, ParameterError
from headgraph.queries.stored_queries.query import Param, Query

_LIST = "list of "
_GREATEST = 2**63 - 1  # of Cypher's whole numbers


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("some text")
    return value


def _whole(value: Any) -> int | None:
    try:
        if isinstance(value, bool):
            return None
        return int(value) if isinstance(value, str) else operator.index(value)
    except (TypeError, ValueError):
        return None


def _integer(value: Any) -> int:
    if (number := _whole(value)) is None:
        raise ValueError("a whole number, such as 20")
    if abs(number) > _GREATEST:
        raise ValueError(f"a whole number from -{_GREATEST} to {_GREATEST}")
    return number


def _count(value: Any) -> int:
    number = _whole(value)
    if number is None or number < 1:
        raise ValueError("a whole number of at least 1, such as 20")
    if number > _GREATEST:
        raise ValueError(f"a whole number from 1 to {_GREATEST}")
    return number


def _float(value: Any) -> float:
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise ValueError("a number, such as 12.5")
    return number


def _boolean(value: Any) -> bool:
    words = {"true": True, "yes": True, "false": False, "no": False}
    known = words.get(value.lower()) if isinstance(value, str) else value
    if not isinstance(known, bool):
        raise ValueError("true or false")
    return known


def _head(value: Any) -> str:
    try:
        return canonical_head(value)
    except (BadName, AttributeError):
        raise ValueError("a head, such as L4H7 or 4.7 (layer 4, head 7)") from None


def _pairing(value: Any) -> str:
    if not isinstance(value, str) or value.upper() not in PAIRINGS:
        raise ValueError("a pairing (source role, then target role), such as OQ")
    return value.upper()


def _choice(words: list[str]) -> Callable[[Any], str]:
    def one_of(value: Any) -> str:
        spelt = value.strip().lower() if isinstance(value, str) else value
        if spelt not in words:
            raise ValueError(f"{' or '.join(words)}{did_you_mean(str(value), words, n=1)}")
        return str(spelt)

    return one_of


def _range(low: int, high: int) -> Callable[[Any], int]:
    def within(value: Any) -> int:
        number = _whole(value)
        if number is None or not low <= number <= high:
            raise ValueError(f"a whole number from {low} to {high}")
        return number

    return within


TYPES: dict[str, Callable[[Any], Any]] = {
    "string": _text,
    "integer": _integer,
    "count": _count,
    "float": _float,
    "boolean": _boolean,
    "run": _text,
    "circuit": _text,
    "role": _text,
    "kind": _text,
    "head": _head,
    "pairing": _pairing,
}
"""Types of parameters. From `run` on, a value must exist in the database."""

EXAMPLES = {
    "string": "TEXT",
    "integer": "20",
    "count": "20",
    "float": "12.5",
    "boolean": "true",
    "run": "NAME",
    "circuit": "ioi",
    "role": "induction",
    "kind": "identity",
    "head": "L4H7",
    "pairing": "OQ",
    **{_LIST + name: "A,B" for name in ("string", "run")},
    **{_LIST + name: "1,2" for name in ("integer", "count", "float")},
    _LIST + "boolean": "true,false",
    _LIST + "circuit": "ioi,induction",
    _LIST + "role": "induction,identity",
    _LIST + "kind": "identity,induction",
    _LIST + "head": "L4H7,L4H11",
    _LIST + "pairing": "OQ,OK",
}
"""An example of each named type, for messages."""

_CHOICE = re.compile(r"[a-z_]+( or [a-z_]+)+")
_RANGE = re.compile(r"(\d+) to (\d+)")


def example(type_: str) -> str:
    """A value of a type, as on the command line."""
    if type_ in EXAMPLES:
        return EXAMPLES[type_]
    return re.split(" or | to ", type_.removeprefix(_LIST))[0]


def is_type(text: str) -> bool:
    """Whether a header may name this type."""
    return _reader(text.removeprefix(_LIST)) is not None


def _reader(type_: str) -> Callable[[Any], Any] | None:
    """The function that converts a value of this type; None where there is no such type."""
    if type_ in TYPES:
        return TYPES[type_]
    if _CHOICE.fullmatch(type_):
        return _choice(type_.split(" or "))
    if found := _RANGE.fullmatch(type_):
        return _range(int(found[1]), int(found[2]))
    return None


def given_values(
    query: Query, params: Mapping[str, Any], *, complete: bool = True
) -> dict[str, Any]:
    """Converted values of the parameters that were given, without `run`.

    Args:
        query: the stored query.
        params: values by name.
        complete: whether every parameter without a default must have a value.

    Raises:
        ParameterError: the query has no such parameter, or it cannot take the value.
        MissingParameter: a parameter without a default has no value.
    """
    own = [name for name in query.params if name != "run"]
    for name in params:
        if name not in own:
            has = f"it has {listed(own)}" if own else "it has none but the run"
            raise ParameterError(
                f"query {query.name} has no parameter {quoted(name)}{did_you_mean(name, own)}: "
                f"{has}"
            )
    missing = [name for name in own if query.params[name].required and params.get(name) is None]
    if missing and complete:
        examples = [parameter(name, example(query.params[name].type)) for name in missing]
        options = either(", ", " ").join(examples)
        raise MissingParameter(
            f"query {query.name} needs {' and '.join(missing)}: give {options}, with a value of "
            "your own"
        )
    return {name: convert(query.params[name], value) for name, value in params.items()}


def all_values(query: Query, given: Mapping[str, Any], run: str | None) -> dict[str, Any]:
    """Values for every parameter, in the header's order."""
    defaults = {name: param.default for name, param in query.params.items()}
    return {**defaults, **given, "run": run}


def convert(param: Param, value: Any) -> Any:
    """The value for Cypher.

    Args:
        param: the parameter.
        value: text from the command line, or a value of the type from Python.

    Raises:
        ParameterError: the value is not of the parameter's type.
    """
    if value is None and not param.required and param.default is None:
        return None
    try:
        return _convert(param.type, value)
    except ValueError as expected:
        raise ParameterError(f"{param.name} is {quoted(value)}: expected {expected}") from None


def _convert(type_: str, value: Any) -> Any:
    single = _reader(type_.removeprefix(_LIST))
    if single is None:
        raise ValueError(f"a type that exists in place of {type_!r}")
    if not type_.startswith(_LIST):
        return single(value)
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",")]
    if not isinstance(value, list | tuple | set | frozenset) or not value:
        raise ValueError(f"a {type_}, separated by commas, at least one")
    parts = []
    for part in value:
        try:
            parts.append(single(part))
        except ValueError as expected:
            raise ValueError(f"{expected} in place of {quoted(part)}") from None
    return list(dict.fromkeys(parts))  # a pairing named twice counts once

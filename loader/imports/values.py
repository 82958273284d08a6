"""Names and values of properties in a file: what the database can hold, and what headgraph reads.

Any other property is the user's own, and may have any kind.
"""

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from headgraph.base.text import quoted, short
from headgraph.graphdb import schema
from headgraph.loader.exports.content import kind_of
from headgraph.loader.imports.document import refuse

_LONGEST = 100  # characters of a name
_ATTEMPT = frozenset(
    ("loader", "loader_process", "alive_at", "called", "ending", "lock", "started_at", "loaded_at")
)
"""Properties of a Run that an export leaves out: those of one load."""
_INTEGERS = range(-(2**63), 2**63)

RUN = {
    "string": "id|name|status|model|revision|family|fingerprint|table_sha256|selection|kv|series|"
    "selection_rules|scored|moments|nulls|deficient|layers|layer_order|label_source|labels_sha256|"
    "loader_version|version|dtype|backend",
    "integer": "n_layers|n_heads|n_kv_heads|d_model|d_head|heads|edges|pairs|pairs_scored|"
    "graph_version|table_format|behaviour_prompts|behaviour_seed|communities_seed|"
    f"{schema.DECOY_SCORED}\\w+",
    "float": f"step|communities_resolution|communities_modularity|{schema.DECOY_SHARE}\\w+|"
    f"{schema.CHANCE}\\w+",
    "string[]": f"pairings|metrics|communities_pairings|{schema.KEPT}(pairings|strongest)",
    "float[]": f"{schema.KEPT}(pk|z)_\\w+",
    "integer[]": f"{schema.KEPT}(edges|pairs)",
    "boolean": "fold_ln|center_writing",
}
HEAD = {
    "string": "id|run|name",
    "integer": f"layer|head|kv_head|community|{schema.BEFORE}|{schema.AFTER}",
    "float": "|".join([f"{schema.INLET}_\\w+", f"{schema.OUTLET}_\\w+", *schema.BEHAVIOURS,
                       *schema.HEAD_SCORES]),
}  # fmt: skip
ROLE = {"string": "circuit|source|note"}
EDGE = {
    "integer": "pk_rank|kv_head|decoys",
    "float": f"pk|pk_normalized|z|share|{schema.DECOY_Q}",
}
"""Properties of each element that headgraph reads: kind -> pattern of their names."""

Kinds = Mapping[str, str]


class Checked:
    """A check of the properties of one kind of element, which remembers the names it has seen."""

    def __init__(self, source: str, known: Kinds, numbers: Iterable[str] = ()) -> None:
        """Prepare the check.

        Args:
            source: the file's name, for messages.
            known: one of the tables of this module.
            numbers: further properties that must be numbers.
        """
        self._source, self._known = source, known
        self._patterns = {kind: re.compile(pattern) for kind, pattern in known.items()}
        self._expected: dict[str, str | None] = dict.fromkeys(numbers, "float")

    def __call__(self, properties: Mapping[str, Any], what: str) -> dict[str, Any]:
        """The properties, if the database can hold all of them.

        Raises:
            UnreadableExport: a name or value that no export has.
        """
        for name, value in properties.items():
            if name not in self._expected:
                self._expected[name] = self._kind(name, what)
            self._check(name, value, self._expected[name], what)
        return dict(properties)

    def _kind(self, name: str, what: str) -> str | None:
        """The kind that the property must have; None for any."""
        if not name.isidentifier() or len(name) > _LONGEST:
            refuse(self._source, f"has a property {quoted(name)} in {what}, which cannot be a name")
        if self._known is RUN and name in _ATTEMPT:
            refuse(self._source, f"has {name} in {what}, which an export leaves out")
        kinds = (kind for kind, pattern in self._patterns.items() if pattern.fullmatch(name))
        return next(kinds, None)

    def _check(self, name: str, value: Any, expected: str | None, what: str) -> None:
        if not _storable(value):
            refuse(self._source, f"has {name} {quoted(value)} in {what}")
        if expected is not None:
            kind = kind_of(value)
            number = expected.replace("float", "integer")  # a whole number is a number too
            empty = value == [] and expected.endswith("[]")
            if kind not in (expected, number) and not empty:
                refuse(
                    self._source,
                    f"has {name} {quoted(value)} in {what}, where {_WORDS[expected]} belongs",
                )


_WORDS = {
    "string": "a text",
    "integer": "a whole number",
    "float": "a number",
    "boolean": "true or false",
    "string[]": "a list of texts",
    "integer[]": "a list of whole numbers",
    "float[]": "a list of numbers",
}


def is_text(value: Any) -> bool:
    """Whether this is text that can be encoded."""
    if not isinstance(value, str):
        return False
    try:
        return value.isascii() or bool(value.encode())
    except UnicodeEncodeError:  # half of a character
        return False


def _storable(value: Any) -> bool:
    """Whether Neo4j can store the value as a property, as exports write them."""
    if isinstance(value, list):
        kinds = {type(item) for item in value}
        return len(kinds) < 2 and list not in kinds and all(map(_storable, value))
    if isinstance(value, bool):
        return True
    if isinstance(value, int):
        return value in _INTEGERS
    return math.isfinite(value) if isinstance(value, float) else is_text(value)


def label(name: Any, source: str) -> str:
    """A label of a head that is not one of those that other nodes have.

    Raises:
        UnreadableExport: it is.
    """
    others = (schema.RUN, schema.ROLE, schema.LOADING_HEAD)
    good = is_text(name) and name.isidentifier() and len(name) <= _LONGEST
    if not good or name in others:
        refuse(source, f"has a head with the label {quoted(name)}")
    return short(name, _LONGEST)

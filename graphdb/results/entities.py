"""Nodes, relationships and paths as plain data, with a one-line text for tables.

`Entity` and `Path` are a dictionary and a list: JSON, pandas and comparison see nothing else.
"""

from collections.abc import Mapping
from typing import Any

_ID = 12  # characters of an id that are shown


class Entity(dict[str, Any]):
    """Properties of a node or relationship, with `_labels` or `_type`; `compact` is one line."""

    compact: str = ""


class Path(list[Any]):
    """Node, relationship, node, ...; `compact` is one line."""

    compact: str = ""


def node(labels: list[str], properties: Mapping[str, Any]) -> Entity:
    """A node.

    >>> node(["Head", "InductionHead"], {"name": "L5H1", "layer": 5}).compact
    '(:Head L5H1)'
    """
    entity = Entity({"_labels": labels, **properties})
    shown = ["Head"] if "Head" in labels else labels
    called = properties.get("name") or str(properties.get("id", ""))[:_ID] or _first(properties)
    entity.compact = f"({' '.join(filter(None, [''.join(f':{it}' for it in shown), called]))})"
    return entity


def relationship(type_: str, properties: Mapping[str, Any]) -> Entity:
    """A relationship.

    >>> relationship("OV", {"z": 41.2, "pk": 10.94}).compact
    '[:OV pk=10.9]'
    """
    entity = Entity({"_type": type_, **properties})
    first = _pair("pk", properties["pk"]) if "pk" in properties else _first(properties)
    entity.compact = f"[{' '.join(filter(None, [f':{type_}', first]))}]"
    return entity


def path(nodes: list[Entity], steps: list[tuple[Entity, bool]]) -> Path:
    """A path; each step is a relationship and whether it is walked in its own direction."""
    parts, text = Path(nodes[:1]), nodes[0].compact
    for (step, forward), entity in zip(steps, nodes[1:], strict=True):
        parts += [step, entity]
        left, right = ("-", "->") if forward else ("<-", "-")
        text += f"{left}{step.compact}{right}{entity.compact}"
    parts.compact = text
    return parts


def _first(properties: Mapping[str, Any]) -> str:
    return next((_pair(name, properties[name]) for name in sorted(properties)), "")


def _pair(name: str, value: Any) -> str:
    return f"{name}={value:.3g}" if isinstance(value, float) else f"{name}={value}"

"""The roles of heads, in the order in which figures show them."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from headgraph.analysis.figures.style import ROLE_ORDER
from headgraph.pk_engine.metrics.copying import derived_role
from headgraph.pk_engine.table.meta import TableMeta

Head = tuple[int, int]


@dataclass(frozen=True)
class HeadRoles:
    """The roles of one head, in the order in which figures show them.

    Attributes:
        mechanisms: what the head does; the first fills the head.
        circuits: tasks whose circuit has the head without naming its mechanism.
    """

    mechanisms: tuple[str, ...]
    circuits: tuple[str, ...]

    @property
    def main(self) -> str:
        """The role that gives the head its fill and its tag."""
        return (*self.mechanisms, *self.circuits)[0]


def head_roles(labels: pd.DataFrame) -> dict[Head, HeadRoles]:
    """Roles by (layer, head).

    What a head does (induction, identity, ...) comes before membership of a task's circuit. A row
    whose role is the name of its own circuit (`greater_than`) states such a membership. Mechanisms
    follow `style.ROLE_ORDER`, then the alphabet. Identity comes first, since it can be seen on any
    text, while the others were named in one task. Figures fill a head with the first mechanism and
    show further ones as bands at its right end. They show circuits only without a mechanism.

    Args:
        labels: rows as `pk_engine.labels.labels_for` returns them.
    """
    roles: dict[Head, set[str]] = defaultdict(set)
    circuits: dict[Head, set[str]] = defaultdict(set)
    for row in labels[["layer", "head", "role", "circuit"]].to_dict("records"):
        head = int(row["layer"]), int(row["head"])
        (circuits if row["role"] == row["circuit"] else roles)[head].add(row["role"])
    return {
        head: HeadRoles(in_role_order(roles[head]), in_role_order(circuits[head]))
        for head in sorted({*roles, *circuits})
    }


def derived_roles(meta: TableMeta) -> dict[Head, str]:
    """`eraser` or `copier` by head, as the table's scores of heads give it; never from literature.

    Empty for a table without these scores.
    """
    if not {"copying", "self_overlap"} <= meta.heads.keys():
        return {}
    found = {
        (layer, head): derived_role(*scores)
        for layer, (copies, overlaps) in enumerate(
            zip(meta.heads["copying"], meta.heads["self_overlap"], strict=True)
        )
        for head, scores in enumerate(zip(copies, overlaps, strict=True))
    }
    return {head: role for head, role in found.items() if role is not None}


def in_role_order(roles: Iterable[str]) -> tuple[str, ...]:
    """Roles in the order of the palette, then by name."""
    place = {role: i for i, role in enumerate(ROLE_ORDER)}
    return tuple(sorted(set(roles), key=lambda role: (place.get(role, len(place)), role)))

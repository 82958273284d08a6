"""What a head shows of its roles when it has several."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from headgraph.analysis.figures.style import ROLE_ORDER

Head = tuple[int, int]


@dataclass(frozen=True)
class HeadRoles:
    """The roles of one head, in the order in which a figure shows them.

    Attributes:
        mechanisms: what the head does, the one that fills it first.
        circuits: tasks whose circuit it belongs to without a mechanism being named there.
    """

    mechanisms: tuple[str, ...]
    circuits: tuple[str, ...]

    @property
    def main(self) -> str:
        """The role that fills the head and whose tag it carries."""
        return (*self.mechanisms, *self.circuits)[0]


def head_roles(labels: pd.DataFrame) -> dict[Head, HeadRoles]:
    """Roles by (layer, head).

    The rule: what a head does (induction, identity, ...) comes before membership of a task's
    circuit, which is a row whose role is its circuit's own name (`greater_than`). Among mechanisms
    the order is `style.ROLE_ORDER`, then that of the alphabet; identity comes first because it can
    be seen on any text, and the others were named in one task. Figures fill a head with the first,
    show the next as bands at its right end, and show circuits only where there is no mechanism.

    Args:
        labels: rows as `pk_engine.labels.labels_for` returns them.
    """
    roles: dict[Head, set[str]] = defaultdict(set)
    circuits: dict[Head, set[str]] = defaultdict(set)
    for row in labels[["layer", "head", "role", "circuit"]].to_dict("records"):
        head = int(row["layer"]), int(row["head"])
        (circuits if row["role"] == row["circuit"] else roles)[head].add(row["role"])
    return {
        head: HeadRoles(_ordered(roles[head]), _ordered(circuits[head]))
        for head in sorted({*roles, *circuits})
    }


def _ordered(roles: Iterable[str]) -> tuple[str, ...]:
    place = {role: i for i, role in enumerate(ROLE_ORDER)}
    return tuple(sorted(roles, key=lambda role: (place.get(role, len(place)), role)))

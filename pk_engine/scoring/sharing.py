"""Which group of layers a worker of a cluster gets next."""

from __future__ import annotations

from collections.abc import Mapping

from headgraph.pk_engine.metrics.layer_order import Group


class Sharing:
    """The groups that are left, and the targets that each worker has.

    A worker keeps the factors of its targets from one group to the next (`group.Factors`), so each
    worker gets the groups of one run of target layers. Once every run has a worker, the others help
    where most groups are left.

    Args:
        groups: number -> group, those that are left.
    """

    def __init__(self, groups: Mapping[int, Group]) -> None:
        self._groups = groups
        self._left: dict[range, set[int]] = {}
        self._has: dict[str, range] = {}
        for number in groups:
            self.put_back(number)

    def __len__(self) -> int:
        return sum(map(len, self._left.values()))

    def put_back(self, number: int) -> None:
        """Let a group be taken again."""
        self._left.setdefault(self._groups[number].targets, set()).add(number)

    def forget(self, worker: str) -> None:
        """Let other workers take the targets of one that is gone."""
        self._has.pop(worker, None)

    def take(self, worker: str) -> int:
        """The number of the group that this worker gets next; some group must be left."""
        targets = self._has.get(worker)
        if targets not in self._left:
            taken = set(self._has.values())
            targets = max(
                self._left,
                key=lambda it: (it not in taken, len(self._left[it]) if it in taken else -it.start),
            )
        assert targets is not None
        self._has[worker] = targets
        number = min(self._left[targets])
        self._left[targets].remove(number)
        if not self._left[targets]:
            del self._left[targets]
        return number

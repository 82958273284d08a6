"""Which task a worker of a cluster gets next."""

from __future__ import annotations

from collections.abc import Hashable, Mapping


class Sharing:
    """The tasks that are left, and what each worker has in memory.

    Tasks with the same key need the same data, such as one run of target layers, whose factors a
    worker keeps from one group to the next (`group.Factors`). So each worker gets the tasks of one
    key. Once every key has a worker, the others help where most tasks are left.

    Args:
        keys: number of a task -> its key. Lower numbers come first.
    """

    def __init__(self, keys: Mapping[int, Hashable]) -> None:
        self._keys = keys
        self._left: dict[Hashable, set[int]] = {}
        self._has: dict[str, Hashable] = {}
        for number in keys:
            self.put_back(number)

    def __len__(self) -> int:
        return sum(map(len, self._left.values()))

    def put_back(self, number: int) -> None:
        """Let a task be taken again."""
        self._left.setdefault(self._keys[number], set()).add(number)

    def forget(self, worker: str) -> None:
        """Let other workers take the key of one that is gone."""
        self._has.pop(worker, None)

    def take(self, worker: str) -> int:
        """The number of the task that this worker gets next; some task must be left."""
        key = self._has.get(worker)
        if key not in self._left:
            taken = set(self._has.values())
            free = [it for it in self._left if it not in taken]
            key = (
                min(free, key=lambda it: min(self._left[it]))
                if free
                else max(self._left, key=lambda it: len(self._left[it]))
            )
        self._has[worker] = key
        number = min(self._left[key])
        self._left[key].remove(number)
        if not self._left[key]:
            del self._left[key]
        return number

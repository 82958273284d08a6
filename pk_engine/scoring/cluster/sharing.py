"""Which task a worker of a cluster gets next."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping


class Sharing:
    """The tasks that are left, and what each worker has in memory.

    Tasks with the same key need the same data, such as one run of target layers, whose factors a
    worker keeps from one group to the next (`group.Factors`). So each worker gets the tasks of one
    key. Once every key has a worker, the others help where most tasks are left. A task that failed
    on a worker goes to others, since the worker may be the reason.

    Args:
        keys: number of a task -> its key. Lower numbers come first.
    """

    def __init__(self, keys: Mapping[int, Hashable]) -> None:
        self._keys = keys
        self._left: dict[Hashable, set[int]] = {}
        self._has: dict[str, Hashable] = {}
        self._failed: dict[int, set[str]] = {}
        for number in keys:
            self.put_back(number)

    def __len__(self) -> int:
        return sum(map(len, self._left.values()))

    def put_back(self, number: int, failed_on: str | None = None) -> None:
        """Let a task be taken again; after a failure, by another worker if there is one."""
        self._left.setdefault(self._keys[number], set()).add(number)
        if failed_on is not None:
            self._failed.setdefault(number, set()).add(failed_on)

    def forget(self, worker: str) -> None:
        """Let other workers take the key of one that is gone."""
        self._has.pop(worker, None)

    def take(self, worker: str, workers: Collection[str]) -> int | None:
        """The number of the task that a worker gets next; None if others shall do what is left.

        Args:
            worker: who takes.
            workers: all that may take.
        """
        left = self._for(worker, workers)
        if not left:
            return None
        key = self._has.get(worker)
        if key not in left:
            taken = set(self._has.values())
            free = [it for it in left if it not in taken]
            key = (
                min(free, key=lambda it: min(left[it]))
                if free
                else max(left, key=lambda it: len(left[it]))
            )
        self._has[worker] = key
        number = min(left[key])
        self._left[key].remove(number)
        if not self._left[key]:
            del self._left[key]
        return number

    def _for(self, worker: str, workers: Collection[str]) -> dict[Hashable, set[int]]:
        """The tasks that are left, without those that failed here and not yet on all others."""
        elsewhere = {
            number
            for number, failed in self._failed.items()
            if worker in failed and not failed.issuperset(workers)
        }
        if not elsewhere:
            return self._left
        return {key: rest for key, numbers in self._left.items() if (rest := numbers - elsewhere)}

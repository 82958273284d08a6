"""What `compute` would take with more memory, or on more workers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from heapq import heapify, heapreplace

from headgraph.pk_engine.errors import EngineError
from headgraph.pk_engine.planning.costs import Amounts, amounts_of, kept, total_amounts
from headgraph.pk_engine.planning.machine import Machine
from headgraph.pk_engine.planning.null_costs import NullAmounts
from headgraph.pk_engine.scoring.spec import Spec
from headgraph.pk_engine.table.selection import is_number, shown_argument

ABOUT = 1.05
"""Times the shortest time that still count as it."""
SHARE = 0.8
"""Share of the main memory that a process may take."""
MOST_GROUPS = 20_000
"""Groups beyond which a smaller memory is not tried."""
MOST_WORKERS = 64
EACH = 4
"""Groups for each worker, of which the last then cost little time."""


@dataclass(frozen=True)
class Choice:
    """A way to run `compute`.

    Attributes:
        memory: gigabytes for factors.
        seconds: expected time.
        peak_memory: bytes of each process.
        words: what differs, in words.
    """

    memory: float
    seconds: float
    peak_memory: int
    words: str


def steps(spec: Spec, machine: Machine, nulls: NullAmounts, workers: int) -> dict[str, float]:
    """Step -> expected seconds.

    Raises:
        EngineError: the number of workers is not a whole number above 0.
    """
    if not (is_number(workers) and workers == int(workers) and workers > 0):
        given = shown_argument("workers", workers)
        raise EngineError(f"{given}: expected a whole number of at least 1")
    found = machine.seconds(total_amounts(spec))
    if workers > 1:
        shared = on_workers(spec, machine, workers) / sum(found.values())
        found = {step: took * shared for step, took in found.items()}
    null = _null_seconds(spec, machine, nulls, workers)
    return found | ({"null models": null} if null else {})


def _null_seconds(spec: Spec, machine: Machine, nulls: NullAmounts, workers: int) -> float:
    groups, client = (sum(machine.seconds(it).values()) for it in nulls)
    return groups / min(workers, len(spec.groups())) + client


def on_workers(spec: Spec, machine: Machine, workers: int) -> float:
    """Seconds until the last of some workers is done, each of which takes the next group."""
    groups = spec.groups()
    count = min(workers, len(groups))
    free: list[tuple[float, int, range | None]] = [(0.0, at, None) for at in range(count)]
    heapify(free)
    of = amounts_of(spec)

    @cache
    def seconds(amounts: Amounts) -> float:
        return sum(machine.seconds(amounts).values())

    for group in groups:
        time, worker, held = free[0]
        heapreplace(free, (time + seconds(of(group, held)), worker, kept(group)))
    return max(time for time, _, _ in free)


def choices(
    spec: Spec, machine: Machine, nulls: NullAmounts, peak: Callable[[Spec], int], workers: int
) -> list[Choice]:
    """The best memory on one worker first; then more memory, and more workers, than given.

    Args:
        spec: the options.
        machine: the kind of the workers.
        nulls: the work of null models.
        peak: the memory of a process for a spec.
        workers: the number given.
    """

    @cache  # its groups are laid out once
    def with_memory(memory: float) -> Spec:
        return replace(spec, memory=memory)

    def choice(spec: Spec, workers: int, words: str) -> Choice:
        seconds = sum(steps(spec, machine, nulls, workers).values())
        return Choice(float(spec.memory), seconds, peak(spec), words)

    tried = [
        choice(with_memory(memory), workers, f"{memory:g} GB")
        for memory in _memories(spec, machine, peak, workers, with_memory)
    ]
    # memory saves nothing of the null models, which may take most of the time
    scoring = {
        it.memory: it.seconds - _null_seconds(with_memory(it.memory), machine, nulls, workers)
        for it in tried
    }
    quickest, now = min(scoring.values()), float(spec.memory)
    best = next(it for it in tried if scoring[it.memory] <= ABOUT * quickest)
    more = [it for it in tried if it.memory > now and scoring[it.memory] < scoring[now] / ABOUT]
    counts = [n for n in _doubled(workers) if n <= len(spec.groups())]
    return [best, *more, *(choice(spec, n, f"{n} workers") for n in counts)]


def _memories(
    spec: Spec,
    machine: Machine,
    peak: Callable[[Spec], int],
    workers: int,
    with_memory: Callable[[float], Spec],
) -> list[float]:
    """Gigabytes to try: half, or less for enough groups; the given; twice as much and so on."""
    found = [spec.memory]
    while len(found) < 2 or len(with_memory(found[0]).groups()) < EACH * workers:
        smaller = with_memory(found[0] / 2)
        if len(smaller.groups()) > MOST_GROUPS or smaller.memory < spec.memory / 64:
            break
        if smaller.memory == found[0]:  # half of infinity
            break
        found.insert(0, smaller.memory)
    while len(with_memory(found[-1]).groups()) > 1:
        more = with_memory(2 * found[-1])
        if machine.backend.device != "cpu" and more.memory > machine.room:
            break
        if machine.memory is not None and peak(more) > SHARE * machine.memory:
            break
        found.append(more.memory)
    return found


def _doubled(workers: int) -> list[int]:
    found = [2 * workers]
    while 2 * found[-1] <= MOST_WORKERS:
        found.append(2 * found[-1])
    return found

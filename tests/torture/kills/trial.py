"""One command, killed again and again."""

import random
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from math import inf
from typing import NamedTuple, Protocol

from tests.torture.kills.forks import Ended, Forks, Kill

BEFORE, PART, WHOLE = "before", "part", "whole"
AGAIN = 1 / 3
"""Share of kills after which the healing command is killed too, before anything heals."""
RECENT = 5
"""Whole commands whose longest is the usual one, as the machine's speed changes."""
CALLS = 1000
"""Most calls and returns after a step; as many kills come after 1 to 10 as after 100 to 1,000."""
KILLED = -9


class Trial(Protocol):
    """What is killed, and what is true before and after.

    Attributes:
        name: of the row in the report.
        line: the command line.
        env: its variables.
        codes: exit codes that it may have when killed.
    """

    name: str
    line: list[str]
    env: Mapping[str, str]
    codes: tuple[int, ...]

    def begin(self) -> None:
        """Bring about all that must be there before the command."""

    def back(self) -> None:
        """Bring about the same again, after a whole command."""

    def learn(self) -> None:
        """Take what there is now as what a whole command leaves."""

    def victim(self) -> int | None:
        """The process to kill; None for the command."""

    def seen(self) -> tuple[str, list[str]]:
        """What the kill left, and what is wrong.

        `BEFORE` is nothing, `PART` something that is out of sight, and `WHOLE` all.
        """

    def healing(self, state: str) -> list[list[str]]:
        """The command lines that heal."""

    def left(self) -> list[str]:
        """What is wrong after healing."""


class Moment(NamedTuple):
    """When to kill.

    Attributes:
        fraction: of the usual time, or of the steps.
        by_step: whether it is one of the steps (`steps`).
        calls: after the step, see `steps.begin`.
        again: whether to kill the healing command too.
    """

    fraction: float
    by_step: bool
    calls: int
    again: bool

    def kill(self, usual: Ended) -> Kill:
        """The kill of a command that usually ends so."""
        if self.by_step and usual.steps:
            return Kill(step=1 + int(self.fraction * usual.steps), calls=self.calls)
        return Kill(self.fraction * usual.seconds)


def moments(name: str, seed: int) -> Iterator[Moment]:
    """Moments for a command; the same seed, the same moments."""
    chance = random.Random(f"{name} {seed}")
    while True:
        fraction, by_step, later, again = (chance.random() for _ in range(4))
        yield Moment(fraction, by_step < 1 / 2, int(CALLS**later) - 1, again < AGAIN)


def tried(
    trial: Trial, forks: Forks, kills: int, seed: int, most: float = inf
) -> tuple[Counter[str], list[str]]:
    """So many kills of a command, and a few more if the last ones followed each other.

    Args:
        trial: the command.
        forks: where it runs.
        kills: how many kills.
        seed: of their moments.
        most: faults after which no more are looked for.

    Returns:
        How many of them left nothing, a part out of sight and a whole, and how many were healed;
        and a sentence for each fault.
    """
    usual = deque([_usual(trial, forks)], maxlen=RECENT)
    count: Counter[str] = Counter()
    faults: list[str] = []
    chance = moments(trial.name, seed)
    for _ in range(5 * kills + 20):
        if count["kills"] >= kills or len(faults) >= most:
            break
        wrong = _one(trial, forks, chance, usual, count)
        faults += [f"{trial.name}, seed {seed}, {it}" for it in wrong]
        if wrong:
            trial.begin()
        else:
            trial.back()
    return count, faults


def _one(
    trial: Trial,
    forks: Forks,
    chance: Iterator[Moment],
    usual: deque[Ended],
    count: Counter[str],
) -> list[str]:
    """A command that is killed, perhaps several times, and then healed: what is wrong."""
    wrong: list[str] = []
    kills = 0
    while True:
        moment = next(chance)
        kill = moment.kill(max(usual, key=lambda whole: whole.seconds))
        ended = forks.run(trial.line, trial.env, kill, trial.victim())
        at = f"kill {count['kills']}, {kill}"
        if not ended.killed:  # it was ready sooner than usual
            found = [] if ended.code == 0 else [_said(ended)]
            if not kills:
                usual.append(ended)
            break
        kills += 1
        count["kills"] += 1
        state, found = trial.seen()
        count[state] += 1
        if ended.code not in trial.codes:
            found.append(_said(ended))
        wrong += [f"{at}: {it}" for it in found]
        if not moment.again or state == WHOLE:
            found = _heal(trial, forks, state, usual)
            break
    found += trial.left()
    count["healed"] += kills * (not found)
    return wrong + [f"{at}, afterwards: {it}" for it in found]


def _usual(trial: Trial, forks: Forks) -> Ended:
    """A whole command; the first time it imports."""
    trial.begin()
    first = forks.run(trial.line, trial.env)
    assert first.code == 0, first
    trial.learn()
    trial.back()
    second = forks.run(trial.line, trial.env)
    assert second.code == 0, second
    wrong = trial.left()
    assert not wrong, (trial.name, wrong)
    trial.back()
    return second


def _heal(trial: Trial, forks: Forks, state: str, usual: deque[Ended]) -> list[str]:
    faults = []
    for line in trial.healing(state):
        ended = forks.run(line, trial.env)
        if ended.code:
            faults.append(f"{' '.join(line[:2])} does not heal: {_said(ended)}")
        elif line == trial.line and state == BEFORE:
            usual.append(ended)
    return faults


def _said(ended: Ended) -> str:
    return f"exit {ended.code}, {ended.said[-400:]!r}"

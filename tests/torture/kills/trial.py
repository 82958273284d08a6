"""One command, killed again and again."""

import random
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Protocol

import psutil

from tests.torture.kills.forks import Ended, Forks

BEFORE, WHOLE = "before", "whole"


class Trial(Protocol):
    """What is killed, and what is true before and after.

    Attributes:
        name: of the row in the report.
        line: the command line.
        env: its variables.
    """

    name: str
    line: list[str]
    env: Mapping[str, str]

    def begin(self) -> None:
        """Bring about all that must be there before the command."""

    def back(self) -> None:
        """Bring about the same again, after a whole command."""

    def learn(self) -> None:
        """Take what there is now as what a whole command leaves."""

    def victim(self) -> int | None:
        """The process to kill; None for the command."""

    def seen(self) -> tuple[str, list[str]]:
        """Whether the killed command did nothing visible or all, and what is wrong."""

    def healing(self, state: str) -> list[list[str]]:
        """The command lines that heal."""

    def left(self) -> list[str]:
        """What is wrong after healing."""


def moments(name: str, seed: int) -> Iterator[float]:
    """Fractions of the usual time of a command; the same seed, the same fractions."""
    chance = random.Random(f"{name} {seed}")
    while True:
        yield chance.random()


def tried(trial: Trial, forks: Forks, kills: int, seed: int) -> tuple[Counter[str], list[str]]:
    """So many kills of a command.

    Returns:
        How many of them left the state before and the whole one, and how many were healed; and a
        sentence for each fault.
    """
    usual = _usual(trial, forks)
    count: Counter[str] = Counter()
    faults: list[str] = []
    for number, moment in enumerate(moments(trial.name, seed)):
        if count["kills"] == kills or number > 5 * kills + 20:
            break
        victim = trial.victim()
        ended = forks.run(trial.line, trial.env, moment * usual, victim)
        if ended.code == 0 and (victim is None or psutil.pid_exists(victim)):
            # it was ready sooner than usual
            wrong = trial.left()
        else:
            count["kills"] += 1
            expected = (-9,) if victim is None else (0, 3)
            wrong = [] if ended.code in expected else [_said(ended)]
            state, seen = trial.seen()
            count[state] += 1
            healing = _heal(trial, forks, state)
            count["healed"] += not healing
            wrong += [*seen, *healing]
        faults += [f"{trial.name}, seed {seed}, moment {moment:.4f}: {it}" for it in wrong]
        if wrong:
            trial.begin()
        else:
            trial.back()
    return count, faults


def _usual(trial: Trial, forks: Forks) -> float:
    """Seconds that the command takes; the first time it imports."""
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
    return second.seconds


def _heal(trial: Trial, forks: Forks, state: str) -> list[str]:
    faults = []
    for line in trial.healing(state):
        ended = forks.run(line, trial.env)
        if ended.code:
            faults.append(f"{' '.join(line[:2])} does not heal: {_said(ended)}")
    return faults + trial.left()


def _said(ended: Ended) -> str:
    return f"exit {ended.code}, {ended.said[-400:]!r}"

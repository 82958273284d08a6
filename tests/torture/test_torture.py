"""A few damaged inputs of each kind, and every one that was ever answered wrongly."""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings

from tests.torture.__main__ import CASES, good
from tests.torture.documents import Place, changed, places
from tests.torture.kinds import KINDS
from tests.torture.mutation import mutated
from tests.torture.strategies import inputs
from tests.torture.trial import tried

KEPT = sorted(path for path in CASES.rglob("*") if path.is_file())


def test_a_few_of_each_kind() -> None:
    """In a process of its own, because it limits its memory."""
    command = [sys.executable, "-m", "tests.torture", "--inputs", "40", "--seed", "7"]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.count("faults 0") == len(KINDS)


@pytest.mark.parametrize("case", KEPT, ids=[f"{path.parent.name}-{path.name}" for path in KEPT])
def test_a_kept_case(case: Path) -> None:
    kind = next(name for name in KINDS if name.replace(" ", "-") == case.parent.name)
    with good(kind) as (folder, file, _):
        assert tried(kind, file, case.read_bytes(), folder)[1] is None


def test_a_fault_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The trial sees each kind of fault that `tests.torture` names."""
    from headgraph.base.errors import HeadgraphError
    from tests.torture import trial

    def fails(path: Path) -> None:
        raise KeyError(path)

    def says_much(path: Path) -> None:
        raise HeadgraphError("x" * 300)

    def leaves(path: Path) -> None:
        (path.parent / "left").touch()

    def prints(path: Path) -> None:
        print(path)

    def prints_in_c(path: Path) -> None:
        os.write(2, b"warning")

    def fills(path: Path) -> None:
        raise MemoryError

    def turns(path: Path) -> None:
        while True:
            pass

    monkeypatch.setattr(trial, "SECONDS", 0.1)
    file = tmp_path / "file"
    file.touch()
    for use, said in [
        (fails, "KeyError"), (says_much, "300 characters"), (turns, "processor"), (fills, "MB"),
        (leaves, "left behind"), (prints, "it prints"), (prints_in_c, "it prints 'warning'"),
    ]:  # fmt: skip
        monkeypatch.setitem(trial.KINDS, "x", trial.KINDS["table"].__class__(lambda it: it, use))
        assert said in (tried("x", file, b"", tmp_path)[1] or "")


def test_the_same_seed_gives_the_same_inputs() -> None:
    whole = bytes(range(256)) * 4
    first, again = ([mutated(whole, random.Random(f"x {i}")) for i in range(300)] for _ in range(2))
    assert first == again
    assert len(set(first)) > 250


@pytest.mark.parametrize("whole", [b'{"a": [1, {"b": 2}]}', b"a,b\n1,2\n", bytes(range(256))])
def test_hypothesis_changes_json_text_and_bytes(whole: bytes) -> None:
    seen = set()

    @settings(max_examples=30, database=None, deadline=None, derandomize=True)
    @given(inputs(whole))
    def go(data: bytes) -> None:
        seen.add(data)

    go()
    assert len(seen) > 15


@pytest.mark.parametrize(
    ("at", "how", "expected"),
    [
        ((), "replace", 5),
        ((), "remove", {"a": [1, {"b": 2}]}),
        (("a", 1, "b"), "replace", {"a": [1, {"b": 5}]}),
        (("a", 0), "remove", {"a": [{"b": 2}]}),
        (("a", 1, "b"), "add", {"a": [1, {"b": 2, "n": 5}]}),
        (("a", 0), "copy", {"a": [1, {"b": 2}, 1]}),
        (("a", 7), "replace", {"a": [1, {"b": 2}]}),
        (("a", 0, "b"), "add", {"a": [1, {"b": 2}]}),
    ],
)
def test_a_change_of_json(at: Place, how: str, expected: object) -> None:
    whole = {"a": [1, {"b": 2}]}
    assert list(places(whole)) == [(), ("a",), ("a", 0), ("a", 1), ("a", 1, "b")]
    assert changed(whole, at, how, 5, "n") == expected


def test_a_value_is_put_twice() -> None:
    new: list[object] = []
    once = changed({"a": [1]}, ("a", 0), "replace", new, "")
    twice = changed(once, ("a", 0, 0), "add", new, "")
    assert twice == {"a": [[[]]]}
    assert new == []

"""Messages that name arguments: keywords in Python, options on the command line."""

import pickle

import pytest

from headgraph.base.errors import HeadgraphError
from headgraph.base.spelling import Message, argument, either, parameter
from headgraph.base.terminal import say
from headgraph.base.text import printable


@pytest.mark.parametrize(
    ("fragment", "python", "options"),
    [
        (argument("top_percent", 3), "top_percent=3", "--top-percent 3"),
        (argument("null", "covariance"), "null='covariance'", "--null covariance"),
        (argument("labels", "FILE"), "labels=FILE", "--labels FILE"),
        (argument("replace", True), "replace=True", "--replace"),
        (argument("memory"), "memory", "--memory"),
        (argument("steps", ""), "steps=''", "--steps ''"),
        (argument("pairings", ["OQ", "OK"]), "pairings=['OQ', 'OK']", "--pairings OQ,OK"),
        (argument("output", "FILE", option="-o"), "output=FILE", "-o FILE"),
        (parameter("head", "L4H7"), "head='L4H7'", "-p head=L4H7"),
        (either(f"plan({argument('kv')})", f"plan {argument('kv')}"), "plan(kv)", "plan --kv"),
    ],
)
def test_an_argument_has_two_spellings(fragment: str, python: str, options: str) -> None:
    message = Message(f"before {fragment}, after")
    assert message == f"before {python}, after"
    assert message.options == f"before {options}, after"


def test_an_error_speaks_python_and_the_command_line_options(
    capsys: pytest.CaptureFixture[str],
) -> None:
    error = HeadgraphError(f"{argument('top', 0)}: expected at least 1")
    assert str(error) == "top=0: expected at least 1"
    assert error.for_command_line() == "--top 0: expected at least 1"
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    say(error)
    say(f"note: {argument('top', 0)}")
    assert capsys.readouterr().err == "--top 0: expected at least 1\nnote: --top 0\n"


def test_an_error_in_an_error_keeps_both_spellings() -> None:
    inner = HeadgraphError(f"{argument('top', 0)}: expected at least 1")
    outer = HeadgraphError(f"model.parquet: {inner.message.marked}")
    assert str(outer) == "model.parquet: top=0: expected at least 1"
    assert outer.for_command_line() == "model.parquet: --top 0: expected at least 1"


def test_text_from_outside_cannot_pose_as_a_marker() -> None:
    hostile = printable("\ufdd0yes\ufdd1no\ufdd2")
    assert Message(hostile) == Message(hostile).options == r"\ufdd0yes\ufdd1no\ufdd2"


@pytest.mark.parametrize("value", ["a\ufdd0b", "\ufdd1", "a\ufdd2b", "\ufdd0yes\ufdd1no\ufdd2"])
def test_a_value_with_markers_is_shown_as_it_is(value: str) -> None:
    shown = value.translate({0xFDD0: r"\ufdd0", 0xFDD1: r"\ufdd1", 0xFDD2: r"\ufdd2"})
    for fragment, python, options in (
        (argument("run", value), f"run='{shown}'", f"--run {shown}"),
        (argument("pairings", [value]), f"pairings=['{shown}']", f"--pairings {shown}"),
        (parameter("head", value), f"head='{shown}'", f"-p head={shown}"),
    ):
        message = Message(f"{fragment}: {argument('top', 0)}")
        assert message == f"{python}: top=0"
        assert message.options == f"{options}: --top 0"

"""Words of others, made safe and short."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgraph.base.errors import HeadgraphError
from headgraph.base.text import json_text, listed, printable, quoted, sentence, short
from tests.hostile import NAMES, obeyed

ANY = st.text(st.characters(codec=None), max_size=60)


@given(ANY)
def test_nothing_is_obeyed_and_no_letter_is_lost(text: str) -> None:
    plain = printable(text)
    assert not obeyed(plain, keep="")
    assert printable(plain) == plain
    for character in text:
        if character.isprintable() and character.isalnum() and not obeyed(character):
            assert character in plain or character in "\u115f\u1160\u3164\uffa0"


@given(
    st.recursive(ANY | st.integers() | st.none(), lambda x: st.lists(x) | st.dictionaries(ANY, x))
)
def test_json_reads_back_as_the_same_value(value: object) -> None:
    for indent in (None, 2):
        text = json_text(value, indent=indent)
        assert not obeyed(text)
        assert json.loads(text) == value


@given(ANY)
def test_a_message_is_one_short_line(text: str) -> None:
    assert len(sentence(text * 20).splitlines()) <= 1
    assert len(sentence(text * 20)) <= 300
    assert not obeyed(sentence(text), keep="")
    assert len(short(text * 20, 40)) <= 40
    assert len(quoted(text * 20, 40)) <= 40


def test_ends_of_a_cut_text_stay() -> None:
    assert sentence("begin" + "x" * 1000 + "end").startswith("begin")
    assert sentence("begin" + "x" * 1000 + "end").endswith("end")
    assert sentence("one\n  two\r\nthree") == "one two three"


def test_a_list_names_some() -> None:
    assert listed([]) == ""
    assert listed(["a", "b"]) == "a, b"
    assert listed(range(1000), most=3) == "0, 1, 2 and 997 more"
    assert len(listed(["x" * 1000] * 1000)) < 140
    assert len(listed(["x" * 1000] * 1000, most=30)) < 640
    words = ["previous_token", "duplicate_token", "induction", "identity", "x" * 40]
    assert listed(words) == ", ".join(words), "one long name has room beside short ones"
    assert listed(["x" * 40] * 2) == ", ".join(["x" * 40] * 2)


@pytest.mark.parametrize("kind", NAMES)
def test_an_error_says_names_plainly(kind: str) -> None:
    assert not obeyed(str(HeadgraphError(f"no run {NAMES[kind]}")))

"""One damaged input after another, from a good one and a seed."""

import json
import random
import struct
from collections.abc import Callable

from tests.torture.documents import HOW, changed, inside, places

WORDS = [
    b"", b"0", b"-1", b"1", b"2147483648", b"18446744073709551616", b"1e999", b"NaN", b"-Infinity",
    b"null", b"true", b"[]", b"{}", b"[[[[[[[[", b'"', b"'", b"\\", b"\x00", b"\r\n", b"\n", b",",
    b"../../x", b"/dev/zero", b"\x1b]0;t\x07", b"\xff\xfe", b"\xed\xa0\x80", "²٣\u202e".encode(),
    b"x" * 5000, b"9" * 5000, b"[" * 5000, b"$x", b"}", b"{", b"=", b"#", b"/*", b"*/", b"//", b"`",
    b"DELETE", b"CALL", b"LOAD CSV", b"<!DOCTYPE x [<!ENTITY y 'z'>]>", b"&y;", b"<x>", b"]]>",
]  # fmt: skip
"""What files must not be able to hold, or to hold there."""
SIZES = [0, 1, 2, 255, 2**31 - 1, 2**31, 2**32 - 1, 2**40, 2**63, 2**64 - 1]
VALUES = [
    None, True, 0, -1, 1, 2, 2**31, 2**63, -(2**64), 10**400, 0.5, -0.0, 1e308, float("nan"),
    float("inf"), "", "0", "x", "x" * 5000, "\ud800", "\x1b]0;t\x07", "../../x", [], {}, [[]],
    [None, 1, "x"], {"x": {}}, {"": []},
]  # fmt: skip
"""Values of JSON, most of them of a type that is not expected there."""

Change = Callable[[bytearray, random.Random], bytearray]


def mutated(whole: bytes, chance: random.Random) -> bytes:
    """The bytes after one to four changes; one in 200 is noise of the same length at most."""
    if chance.randrange(200) == 0:
        return chance.randbytes(chance.randrange(len(whole) + 1))
    data = bytearray(whole)
    for _ in range(chance.choice([1, 1, 1, 2, 4])):
        data = chance.choice(CHANGES)(data, chance)
    return bytes(data)


def _place(data: bytearray, chance: random.Random) -> int:
    """A place, more often near the front, where formats have their headers."""
    return int(len(data) * chance.random() ** chance.choice([1, 1, 3]))


def _flip(data: bytearray, chance: random.Random) -> bytearray:
    if data:
        data[min(_place(data, chance), len(data) - 1)] ^= 1 << chance.randrange(8)
    return data


def _number(data: bytearray, chance: random.Random) -> bytearray:
    """A size or an offset in binary, of 4 or 8 bytes, either end first."""
    form = chance.choice(["<I", ">I", "<Q", ">Q"])
    size = struct.calcsize(form)
    at = _place(data, chance)
    value = chance.choice(SIZES) & (2 ** (8 * size) - 1)
    data[at : at + size] = struct.pack(form, value)
    return data


def _digits(data: bytearray, chance: random.Random) -> bytearray:
    """Another number in place of one in text."""
    at = _place(data, chance)
    start = next((i for i in range(at, min(len(data), at + 200)) if data[i] in b"0123456789"), None)
    if start is None:
        return _word(data, chance)
    end = start
    while end < len(data) and data[end] in b"0123456789.":
        end += 1
    data[start:end] = chance.choice(WORDS[:10])
    return data


def _word(data: bytearray, chance: random.Random) -> bytearray:
    at = _place(data, chance)
    data[at : at + chance.choice([0, 0, 1, 8])] = chance.choice(WORDS)
    return data


def _cut(data: bytearray, chance: random.Random) -> bytearray:
    at = _place(data, chance)
    del data[at : chance.choice([len(data), at + chance.randrange(1, 40)])]
    return data


def _twice(data: bytearray, chance: random.Random) -> bytearray:
    at, to = _place(data, chance), _place(data, chance)
    data[to:to] = data[at : at + chance.randrange(1, 200)]
    return data


def _swapped(data: bytearray, chance: random.Random) -> bytearray:
    """Two lines change places, or where there are none two pieces."""
    lines = data.split(b"\n")
    if len(lines) > 2:
        a, b = chance.randrange(len(lines)), chance.randrange(len(lines))
        lines[a], lines[b] = lines[b], lines[a]
        return bytearray(b"\n").join(lines)
    at, to = _place(data, chance), _place(data, chance)
    data[at : at + 8], data[to : to + 8] = data[to : to + 8], data[at : at + 8]
    return data


def _value(data: bytearray, chance: random.Random) -> bytearray:
    """Another value or entry in JSON; in anything else a word."""
    try:
        whole = json.loads(data)
    except (ValueError, RecursionError):
        return _word(data, chance)
    every = list(places(whole))
    own, names = [inside(whole, at) for at in every], [str(key) for at in every for key in at]
    new = chance.choice(chance.choice([VALUES, own]))
    how, name = chance.choice(HOW), chance.choice(["x", "", *names])
    whole = changed(whole, chance.choice(every), how, new, name)
    return bytearray(json.dumps(whole).encode())


CHANGES: list[Change] = [_flip, _number, _digits, _word, _cut, _twice, _swapped, _value]

"""Amounts as people write them, whatever their size."""

import pytest

from headgraph.base.text import size, span


@pytest.mark.parametrize(
    ("count", "text"),
    [(1, "1 B"), (100, "100 B"), (999, "999 B"), (1000, "1 kB"), (12_345, "12.345 kB"),
     (500_000, "0.5 MB"), (16_000_000, "16 MB"), (1e15, "1,000,000,000 MB")],
)  # fmt: skip
def test_bytes(count: float, text: str) -> None:
    assert size(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(30, "30 s"), (0.3, "0.3 s"), (1e-5, "10 µs"), (1e-7, "0.1 µs"), (0.002, "2 ms"),
     (1e-300, "less than 0.001 µs"), (1e9, "1,000,000,000 s")],
)  # fmt: skip
def test_seconds(seconds: float, text: str) -> None:
    assert span(seconds) == text

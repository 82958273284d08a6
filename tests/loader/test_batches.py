"""Edges as batches of parameters."""

import threading
from collections.abc import Iterator
from itertools import islice, pairwise

import pytest

from loader._batches import Batch, ahead, batches, edge_properties
from pk_engine.table import AffinityTable
from tests.tables import random_table

GROUPED = random_table(4, 8, 2, pairings=("OQ", "OK", "KQ"), metrics=("pk", "cs"))


def unrolled(table: AffinityTable, size: int) -> set[tuple[object, ...]]:
    names = ["pairing", "source", "target", *edge_properties(table)]
    assert names[3:] == ["pk", "pk_normalized", "z", "pk_rank", "share", "cs", "kv_head"]
    return {
        (batch.pairing, source, *edge)
        for batch in batches(table, table.edges(), size)
        for source, edges in batch.groups
        for edge in edges
    }


def test_every_edge_is_in_one_batch_with_its_values() -> None:
    edges = GROUPED.edges()
    expected = {
        (
            row.pairing,
            row.source_layer * 8 + row.source_head,
            row.target_layer * 8 + row.target_head,
            row.pk,
            row.pk_normalized,
            row.z,
            row.pk_rank,
            row.share,
            row.cs,
            None if row.kv_head < 0 else row.kv_head,
        )
        for row in edges.itertuples()
    }
    assert len(expected) == len(edges)
    for size in (1, 7, 100, 10_000):
        assert unrolled(GROUPED, size) == expected


def test_batches_keep_their_size_and_have_sources_in_order() -> None:
    for batch in batches(GROUPED, GROUPED.edges(), 50):
        assert batch.size == sum(len(edges) for _, edges in batch.groups) <= 50
        sources = [source for source, _ in batch.groups]
        assert all(a < b for a, b in pairwise(sources))


def test_values_are_pythons_own() -> None:
    (batch,) = islice(batches(GROUPED, GROUPED.edges(), 5), 1)
    for source, edges in batch.groups:
        assert type(source) is int
        assert {type(value) for edge in edges for value in edge} <= {int, float, type(None)}


def test_the_next_batch_is_made_while_one_is_written() -> None:
    made = threading.Event()

    def parts() -> Iterator[Batch]:
        yield Batch("OQ", 1, [])
        made.set()
        yield Batch("OQ", 2, [])

    rest = ahead(parts())
    assert next(rest).size == 1
    assert made.wait(10), "nobody asked for the second one yet"
    assert [part.size for part in rest] == [2]


def test_batches_made_ahead_are_the_same_in_order_and_fail_in_their_turn() -> None:
    known = list(batches(GROUPED, GROUPED.edges(), 50))
    got = list(ahead(batches(GROUPED, GROUPED.edges(), 50)))
    assert [(b.pairing, b.size, b.groups) for b in got] == [
        (b.pairing, b.size, b.groups) for b in known
    ]

    def broken() -> Iterator[Batch]:
        yield known[0]
        raise ValueError("no more")

    rest = ahead(broken())
    assert next(rest) is known[0]
    with pytest.raises(ValueError, match="no more"):
        next(rest)


def test_a_load_that_stops_leaves_no_thread() -> None:
    before = threading.active_count()
    rest = ahead(batches(GROUPED, GROUPED.edges(), 1))
    next(rest)
    rest.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before

"""Edges as batches of parameters."""

from itertools import islice, pairwise

from headgraph.loader.loading.edges import batches, edge_properties
from headgraph.pk_engine.table.affinity import AffinityTable
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

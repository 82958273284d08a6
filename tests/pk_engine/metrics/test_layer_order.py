"""Counts of pairs and of layers formed, against masks and lists of the same."""

import pytest

from headgraph.pk_engine.metrics.layer_order import (
    ORDERS,
    _cut,
    _formed,
    any_pair,
    count_pairs,
    pairs_of,
)


def test_pairs_are_counted_without_a_mask() -> None:
    for order in ORDERS:
        for layers, sources, targets, same in [(1, 2, 2, True), (5, 3, 3, True), (4, 6, 2, False)]:
            every = range(layers)
            mask = pairs_of(every, every, sources, targets, order, same_role=same)
            assert count_pairs(layers, sources, targets, order, same_role=same) == mask.sum()
        for one in (range(3), range(2, 5), range(4, 4)):
            for other in (range(1), range(3), range(4, 6)):
                assert any_pair(one, other, order) == pairs_of(one, other, 1, 1, order).any()


@pytest.mark.parametrize("layers", [1, 2, 7, 12])
def test_what_groups_form_is_counted_without_them(layers: int) -> None:
    for order in ORDERS:
        for s in range(1, layers + 1):
            for t in range(1, layers + 1):
                cut = _cut(layers, s, t, order)
                formed = sum(len(g.sources) for g in cut), sum(len(g.targets) for g in cut)
                assert _formed(layers, s, t, order) == formed

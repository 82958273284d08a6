"""Which stored queries read the sums that a load writes."""

from dataclasses import replace

import pytest

import queries
from queries._sums import reads_sums

READERS = {
    "checkpoints", "hubs", "hubs_by_layer", "hubs_in", "hubs_out", "identity_hubs", "overview",
}  # fmt: skip


def test_those_of_the_catalogue() -> None:
    assert {name for name, query in queries.catalogue().items() if reads_sums(query)} == READERS


@pytest.mark.parametrize(
    ("cypher", "reads"),
    [
        ("MATCH (h:Head) RETURN h.inlet_OQ", True),
        ("MATCH (h:Head) RETURN h.`outlet_OQ`", True),
        ("MATCH (h:Head) RETURN h['outlet_' + 'OK']", True),
        ("MATCH (r:Run) RETURN r { .kept_edges }", True),
        ("MATCH (h:Head)-[e]->() RETURN sum(e.z) AS inlet_each", False),
        ("MATCH (h:Head) RETURN h.name // not h.inlet_OQ", False),
    ],
)
def test_a_property_counts_and_a_column_does_not(cypher: str, reads: bool) -> None:
    assert reads_sums(replace(queries.get("hubs"), cypher=cypher)) is reads

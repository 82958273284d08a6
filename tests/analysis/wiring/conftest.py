"""The table of the bundled model, which two diagrams draw."""

import pytest

import headgraph
from headgraph.pk_engine.table.affinity import AffinityTable
from headgraph.pk_engine.table.selection import Selection


@pytest.fixture(scope="module")
def small() -> AffinityTable:
    return headgraph.compute("induction-2l", selection=Selection(), metrics=("pk", "cs"))

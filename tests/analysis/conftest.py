"""The table that the pictures are drawn from."""

import pytest

from headgraph.pk_engine.bundled import table_path
from headgraph.pk_engine.table.affinity import AffinityTable


@pytest.fixture(scope="session")
def table() -> AffinityTable:
    """PK and CS of GPT-2 small."""
    return AffinityTable.read(table_path("gpt2-small"))

"""A small model of independent heads, and its table of all nulls."""

from pathlib import Path

import pytest

from headgraph.base.names import NULLS
from headgraph.pk_engine import AffinityTable, Selection, compute
from tests.pk_engine.nulls.models import model


@pytest.fixture(scope="module")
def random(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return model(tmp_path_factory.mktemp("random"))


@pytest.fixture(scope="module")
def table(random: Path) -> AffinityTable:
    """All pairs of a truly isotropic model, with all nulls."""
    return compute(random, selection=Selection(fdr=1, null=",".join(NULLS)))

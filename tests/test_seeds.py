"""A seed that nothing can be drawn with is refused in one sentence, before the work."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import headgraph
from headgraph.analysis.generalisation import findings
from headgraph.base.errors import HeadgraphError
from headgraph.base.seeds import check_seed
from headgraph.graphdb import RecordingGraph
from headgraph.pk_engine.table.selection import Selection

DRAWS: dict[str, Callable[[Any], object]] = {
    "ablate": lambda seed: headgraph.ablate("induction-2l", heads="L0H1", seed=seed),
    "behaviour": lambda seed: headgraph.behaviour("induction-2l", seed=seed),
    "circuits": lambda seed: headgraph.circuits("gpt2-small", seed=seed),
    "communities": lambda seed: headgraph.communities(RecordingGraph(), seed=seed),
    "compute": lambda seed: headgraph.compute(
        "induction-2l", selection=Selection(fdr=1, null="covariance"), seed=seed
    ),
    "detect": lambda seed: headgraph.detect("gpt2-small", seed=seed),
    "findings": lambda seed: findings(["induction-2l"], seed=seed),
    "informativeness": lambda seed: headgraph.informativeness("induction-2l", seed=seed),
    "motifs": lambda seed: headgraph.motifs(RecordingGraph(), seed=seed),
    "nulls": lambda seed: headgraph.nulls("induction-2l", seed=seed),
    "trajectory": lambda seed: headgraph.trajectory("induction-2l", seed=seed),
    "verify_edge": lambda seed: headgraph.verify_edge("induction-2l", "L0H1", "L1H1", seed=seed),
}


@pytest.mark.parametrize("name", DRAWS)
def test_every_function_refuses_a_negative_seed(name: str) -> None:
    with pytest.raises(HeadgraphError, match=r"^seed=-1: expected a whole number of at least 0$"):
        DRAWS[name](-1)


def test_a_seed_is_a_whole_number_that_a_table_can_hold() -> None:
    assert check_seed(np.int64(7), HeadgraphError) == 7
    for wrong in (1.5, "3", None, True, np.array([1, 2])):
        with pytest.raises(HeadgraphError, match="expected a whole number of at least 0"):
            check_seed(wrong, HeadgraphError)
    with pytest.raises(HeadgraphError, match="expected a whole number below 2"):
        check_seed(2**63, HeadgraphError)

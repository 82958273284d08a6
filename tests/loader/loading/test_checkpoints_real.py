"""Checkpoints of a training run in a real database: runs named by their step, one series."""

from pathlib import Path

import numpy as np

from headgraph import loader, queries
from headgraph.analysis.training import trajectory
from headgraph.graphdb import Graph
from tests.loader.databases import run_node
from tests.pk_engine.checkpoints import gpt2_tensors, save


def test_two_checkpoints_are_loaded_by_their_step(graph: Graph, tmp_path: Path) -> None:
    for step in (8, 512):
        save(tmp_path / "tiny" / f"step-{step}", gpt2_tensors(seed=step))
    rows = trajectory(
        tmp_path / "tiny", pairs="L0H1>L1H0:OK", behaviour=False, tables=tmp_path / "tables"
    )
    for file in sorted((tmp_path / "tables").iterdir()):
        loader.load(file, graph)
    for step in (8, 512):
        run = run_node(graph, f"tiny-step{step}")
        assert (run["series"], run["step"], run["model"]) == ("tiny", float(step), "tiny")
    stored = graph.read(
        "MATCH (r:Run {series: 'tiny'})-[:HAS_HEAD]->(:Head {name: 'L0H1'})"
        "-[e:OK]->(:Head {name: 'L1H0'}) RETURN r.step, e.pk ORDER BY r.step"
    ).rows
    assert [step for step, _ in stored] == rows["step"].tolist()
    np.testing.assert_allclose([pk for _, pk in stored], rows["pk"], rtol=1e-6)
    asked = queries.over_series("hubs", graph, series="tiny", limit=1)
    assert asked["step"].tolist() == [8, 512]

"""Checkpoints of a training run in a real database: runs named by their step, one series."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from headgraph import cli, loader, queries
from headgraph.analysis.training import trajectory
from headgraph.graphdb import Graph
from headgraph.loader.errors import LoaderError
from headgraph.pk_engine.bundled import table_path
from headgraph.pk_engine.table.affinity import AffinityTable
from tests.loader.databases import run_node
from tests.pk_engine.checkpoints import gpt2_tensors, save


def test_two_checkpoints_are_loaded_by_their_step(graph: Graph, tmp_path: Path) -> None:
    for step in (8, 512):
        save(tmp_path / "tiny" / f"step-{step}", gpt2_tensors(seed=step))
    rows = trajectory(
        tmp_path / "tiny", pairs="L0H1>L1H0:OK", behaviour=False, tables=tmp_path / "tables"
    )
    done: list[tuple[int, int]] = []
    reports = loader.load_series(
        tmp_path / "tables", graph, progress=lambda _, *numbers: done.append(numbers)
    )
    assert [report.run for report in reports] == ["tiny-step8", "tiny-step512"]
    assert done == [(1, 2), (2, 2)]
    again = loader.load_series(tmp_path / "tables", graph)
    assert [report.outcome for report in again] == ["unchanged"] * 2
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
    assert loader.runs(graph, series="tiny")["name"].tolist() == ["tiny-step8", "tiny-step512"]
    command = ["drop", "--series", "tiny"]
    where = ["--uri", graph.settings.uri, "--user", graph.settings.user]
    secret = {"NEO4J_PASSWORD": graph.settings.password}
    dropped = CliRunner().invoke(cli.headgraph, [*command, "--yes", *where], env=secret)
    assert dropped.stdout == (
        "dropped tiny-step8: 4 heads and 12 edges\ndropped tiny-step512: 4 heads and 12 edges\n"
    ), dropped.output
    assert len(loader.runs(graph, "tiny*")) == 0
    gone = CliRunner().invoke(cli.headgraph, [*command, "--yes", *where], env=secret)
    assert gone.exit_code == 1
    assert "the database has no run of series 'tiny': it has none" in str(gone.exception)


def test_folders_that_are_no_series(tmp_path: Path) -> None:
    def refused(words: str) -> None:
        with pytest.raises(LoaderError, match=words):
            loader.load_series(tmp_path, None, dry_run=True)

    refused(r"has no \*\.parquet: expected the tables of a training run")
    table = AffinityTable.read(table_path("gpt2-small"))
    table.write(tmp_path / "a.parquet")
    refused("a.parquet is not of a training run: its metadata has no series and step")
    for number, name in enumerate("abc"):
        meta = replace(table.meta, series="one" if number else "two", step=7.0)
        AffinityTable(table.columns, meta).write(tmp_path / f"{name}.parquet", force=True)
    refused(r"has tables of 2 training runs \(one, two\): expected those of one")
    (tmp_path / "a.parquet").unlink()
    refused("b.parquet and c.parquet are both run gpt2-small-step7: expected one table a step")

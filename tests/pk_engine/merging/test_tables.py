"""Tables whose pairings were scored apart become the table of one compute."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from headgraph.loader.loading.plan import plan_load
from headgraph.pk_engine import AffinityTable, Selection, compute, merge
from headgraph.pk_engine.errors import TableError
from tests.commands import headgraph
from tests.pk_engine.unequal_checkpoints import CONFIGS, checkpoint

PAIRINGS = "OQ,OK,KK"


def parts(model: Path | str, **options: Any) -> list[AffinityTable]:
    return [compute(model, pairings=it, backend="numpy", **options) for it in ("KK", "OQ", "OK")]


@pytest.mark.parametrize(
    "options",
    [
        {"selection": Selection()},
        {"selection": Selection(top_percent=10)},
        {"selection": Selection(top_per_target=1), "kv": "expand"},
        {"selection": Selection(), "layer_order": "all", "metrics": "pk,cka"},
        {"selection": Selection(), "decoys": False},
        {"selection": Selection(fdr=1, null="isotropic")},
        {"selection": Selection(fdr=0.2, null="isotropic,covariance")},
    ],
    ids=lambda it: ",".join(map(str, it.values())),
)
def test_the_table_is_that_of_one_compute(options: dict[str, Any]) -> None:
    whole = compute("induction-2l", pairings=PAIRINGS, backend="numpy", **options)
    joined = merge(*parts("induction-2l", **options))
    assert replace(joined.meta, heads={}) == replace(whole.meta, heads={})
    assert joined.meta.heads.keys() == whole.meta.heads.keys()
    assert list(joined.columns) == list(whole.columns)
    for name, values in whole.columns.items():
        if values.dtype.kind == "f":
            np.testing.assert_allclose(joined.columns[name], values, atol=1e-5)
        else:
            assert (joined.columns[name] == values).all(), name


@pytest.mark.parametrize("name", CONFIGS)
def test_unequal_layers(tmp_path: Path, name: str) -> None:
    folder = checkpoint(tmp_path / name, name)
    whole = compute(folder, pairings=PAIRINGS, backend="numpy", selection=Selection())
    joined = merge(*parts(folder, selection=Selection()))
    assert joined.meta.layers == whole.meta.layers
    np.testing.assert_allclose(joined.columns["pk"], whole.columns["pk"], atol=1e-5)


def test_the_graph_is_that_of_one_compute() -> None:
    how: dict[str, Any] = {"backend": "numpy", "selection": Selection(top=9)}
    whole = compute("induction-2l", pairings="OQ,OK", **how)
    joined = merge(*(compute("induction-2l", pairings=it, **how) for it in ("OK", "OQ")))
    mine, theirs = (
        plan_load(it, run="r", selection=None, labels=None).edges for it in (joined, whole)
    )
    pd.testing.assert_frame_equal(mine, theirs, atol=1e-5)


@pytest.fixture(scope="module")
def tables() -> dict[str, AffinityTable]:
    all_pairs = Selection()
    return {
        "OQ": compute("induction-2l", pairings="OQ", selection=all_pairs),
        "OK": compute("induction-2l", pairings="OK", selection=all_pairs),
        "cut": compute("induction-2l", pairings="OK", selection=Selection(top=3)),
        "plain": compute("induction-2l", pairings="OK", selection=all_pairs, decoys=False),
        "folded": compute("induction-2l", pairings="OK", selection=all_pairs, fold_ln=True),
    }


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ("OQ", "table 1 and table 2 both have OQ: expected tables with different pairings"),
        ("cut", r"selection \[\] and \[\{'top': 3\}\]: expected tables of the same weights"),
        ("plain", "have decoys True and False: expected"),
        ("folded", "have fold_ln False and True: expected"),
    ],
)
def test_each_disagreement_is_named(
    tables: dict[str, AffinityTable], other: str, said: str
) -> None:
    with pytest.raises(TableError, match=said) as error:
        merge(tables["OQ"], tables[other])
    assert len(str(error.value)) < 300


def test_other_models_differ_in_weights_and_shape(tables: dict[str, AffinityTable]) -> None:
    with pytest.raises(TableError, match=r"^table 1 and gpt2-small cannot be merged, because"):
        merge(tables["OQ"], "gpt2-small")
    other = AffinityTable(tables["OK"].columns, replace(tables["OK"].meta, fingerprint="0" * 64))
    with pytest.raises(TableError, match="have fingerprint '"):
        merge(tables["OQ"], other)
    for few in ([], [tables["OQ"]]):
        with pytest.raises(TableError, match=f"tables to merge: {len(few)}, expected two or more"):
            merge(*few)


def test_the_command(tables: dict[str, AffinityTable], tmp_path: Path) -> None:
    files = [str(tables[it].write(tmp_path / f"{it}.parquet")) for it in ("OQ", "OK")]
    output = str(tmp_path / "both.parquet")
    done = headgraph("merge", *files, "-o", output)
    assert (done.returncode, done.stdout) == (0, f"{output}\n"), done.stderr
    found = AffinityTable.read(output)
    assert found.sha256 == merge(*files).sha256
    assert found.meta.pairings == ["OQ", "OK"]
    assert headgraph("merge", *files, "-o", output).returncode == 1
    said = headgraph("merge", files[0], files[0], "-o", output, "--force").stderr
    assert re.search(r"OQ\.parquet and .*OQ\.parquet both have OQ", said)

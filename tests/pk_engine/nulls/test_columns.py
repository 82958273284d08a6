"""Columns z, p and q of null models in tables, and what is refused."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from headgraph import cli
from headgraph.base.names import NULLS
from headgraph.pk_engine import AffinityTable, Selection, compute
from headgraph.pk_engine.errors import EngineError, SelectionError, TableError
from headgraph.pk_engine.models.weights import ModelWeights
from headgraph.pk_engine.nulls.columns import add_nulls, adjusted
from headgraph.pk_engine.nulls.comparison import compare, compare_by_cell
from tests.commands import headgraph
from tests.pk_engine.nulls.models import model


def test_z_and_p_by_hand() -> None:
    found = compare(np.array([0, 2, 5], np.float32), np.array([4, 1, 3, 2], np.float32))
    assert found.p.tolist() == [1.0, 4 / 5, 1 / 5]
    assert np.allclose(found.z, (np.array([0, 2, 5]) - 2.5) / np.sqrt(1.25))
    assert (found.values, found.mean) == (4, 2.5)
    flat = compare(np.array([1, 2], np.float32), np.ones(3, np.float32))
    assert flat.z.tolist() == [0, 0]
    assert flat.p.tolist() == [1.0, 1 / 4]


def test_each_pair_meets_its_own_pool() -> None:
    pools = {7: np.array([0, 1], np.float32), 9: np.array([5, 6, 7], np.float32)}
    found = compare_by_cell(np.array([5, 5, 0.5], np.float32), np.array([7, 9, 7]), pools)
    assert found.p.tolist() == [1 / 3, 1.0, 2 / 3]
    assert found.values == 2


@given(st.lists(st.sampled_from([1e-6, 1e-3, 0.004, 0.01, 0.02, 0.049, 0.3, 0.9, 1.0])))
def test_the_adjustment_is_that_of_statsmodels(p: list[float]) -> None:
    if not p:
        assert not len(adjusted(np.array(p)))
        return
    kept, q, *_ = multipletests(p, alpha=0.05, method="fdr_bh")
    assert np.allclose(adjusted(np.array(p)), q)
    assert ((adjusted(np.array(p)) <= 0.05) == kept).all()


def test_q_is_adjusted_within_a_pairing(table: AffinityTable) -> None:
    for _, rows in table.frame.groupby("pairing"):
        q = multipletests(rows.p_covariance.to_numpy(np.float64), method="fdr_bh")[1]
        assert np.allclose(rows.q_covariance, q, rtol=1e-5)


def test_the_rule_keeps_what_q_says_and_is_recorded(tmp_path: Path) -> None:
    folder = model(tmp_path / "m", common=1.0)
    rule = Selection(fdr=0.2, null="isotropic,covariance")
    whole = compute(folder, selection=replace(rule, fdr=1), seed=3, samples=60)
    kept = compute(folder, selection=rule, seed=3, samples=60)
    passes = (whole.frame.q_isotropic <= 0.2) & (whole.frame.q_covariance <= 0.2)
    assert 0 < passes.sum() < len(whole)
    pd.testing.assert_frame_equal(kept.frame, whole.frame[passes].reset_index(drop=True))
    assert kept.meta.selection == [{"fdr": 0.2, "null": "isotropic,covariance"}]
    assert kept.meta.nulls["covariance"]["seed"] == 3
    assert kept.meta.nulls["covariance"]["samples"] == 60
    assert kept.meta.nulls["isotropic"]["seed"] is None
    again = AffinityTable.read(kept.write(tmp_path / "t.parquet"))
    assert again.sha256 == kept.sha256
    # stricter later, in a table that was cut by the same rule before
    assert (
        whole.select(rule)
        .select(replace(rule, fdr=0.01))
        .frame.equals(whole.select(replace(rule, fdr=0.01)).frame)
    )
    assert "FDR 0.2 against isotropic,covariance" in repr(kept)


def test_rules_intersect(table: AffinityTable) -> None:
    both = table.select(Selection(top=10, fdr=1, null="covariance"))
    assert both.frame.pk_rank.max() == 10
    assert len(both) == 30


@pytest.mark.parametrize(
    ("drawn", "said"),
    [
        ({"seed": 0}, "seed=0 without null: only a null model draws samples. Leave it out, or"),
        ({"samples": 5}, "samples=5 without null"),
        ({"seed": 3, "samples": 5}, "seed=3 and samples=5 without null: .* Leave them out"),
    ],
)
def test_nothing_is_drawn_without_a_null(random: Path, drawn: dict[str, int], said: str) -> None:
    with pytest.raises(EngineError, match=said):
        compute(random, **drawn)  # type: ignore[arg-type]
    options = [word for name, value in drawn.items() for word in (f"--{name}", str(value))]
    done = headgraph("compute", str(random), "-o", str(random / "t.parquet"), *options)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 1)
    assert " and ".join(f"--{name} {value}" for name, value in drawn.items()) in done.stderr
    assert "or give a null, such as --fdr 0.05 --null covariance" in done.stderr
    assert not (random / "t.parquet").exists()


def test_a_table_without_nulls_is_written_as_before(random: Path) -> None:
    assert '"nulls"' not in compute(random, selection=Selection(top=1)).meta.to_json()


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        (
            {"fdr": 0.05},
            "--fdr without --null: expected both, such as --fdr 0.05 --null covariance",
        ),
        ({"null": "covariance"}, "--null without --fdr: expected both"),
        ({"fdr": 0.0, "null": "covariance"}, "--fdr 0: expected more than 0 and at most 1"),
        ({"fdr": 0.1, "null": "normal"}, "--null 'normal': expected some of isotropic, covariance"),
        ({"fdr": 0.1, "null": ""}, "--null '': expected some of isotropic"),
    ],
)
def test_rules_that_make_no_sense(rules: dict[str, float | str], words: str) -> None:
    with pytest.raises(SelectionError) as caught:
        Selection(**rules)  # type: ignore[arg-type]
    assert caught.value.for_command_line().startswith(words)


def test_what_cannot_be_answered(random: Path, table: AffinityTable) -> None:
    rule = Selection(fdr=0.05, null="backward")
    with pytest.raises(
        EngineError, match=r"layer_order='within' with a null: .* Leave layer_order or null"
    ):
        compute(random, layer_order="within", selection=rule)
    with pytest.raises(
        EngineError, match=r"backward needs a direction, and QQ has none: .* null='within'"
    ):
        compute(random, pairings="QQ", selection=rule)
    with pytest.raises(EngineError, match="samples=0: expected a whole number of at least 1"):
        compute(random, selection=rule, samples=0)
    bare = compute(random, selection=Selection())
    with pytest.raises(SelectionError, match="does not compare its pairs with backward: make it"):
        bare.select(rule)
    entry = {"chance": table.meta.nulls["within"]}
    with pytest.raises(TableError, match=r"nulls = .'chance'.*: expected an object with"):
        type(table.meta).from_json(replace(bare.meta, nulls=entry).to_json())
    broken = table.frame.assign(p_within=2.0)
    with pytest.raises(TableError, match="column p_within leaves the range from 0 to 1"):
        AffinityTable(broken, table.meta)


def test_the_command(random: Path, tmp_path: Path) -> None:
    out = tmp_path / "t.parquet"
    words = ["compute", str(random), "--fdr", "0.9", "--null", "covariance", "--samples", "30"]
    done = CliRunner().invoke(cli.headgraph, [*words, "--seed", "5", "-o", str(out)])
    assert done.exit_code == 0, done.output
    meta = AffinityTable.read(out).meta
    assert meta.nulls["covariance"]["samples"] == 30
    assert meta.nulls["covariance"]["seed"] == 5
    done = CliRunner().invoke(cli.headgraph, ["compute", str(random), "--fdr", "0.1", "-o", "x"])
    assert done.exit_code == 2
    assert "--fdr without --null" in done.output


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"backend": "torch"}, "backend='torch'"),
        ({"device": "cuda"}, "device='cuda'"),
        ({"dtype": "float64"}, "dtype='float64'"),
        ({"backend": "torch", "dtype": "float64"}, "backend='torch' and dtype='float64'"),
    ],
)
def test_a_null_refuses_arithmetic_that_it_does_not_have(asked: dict[str, Any], words: str) -> None:
    rule = Selection(fdr=0.05, null="isotropic,covariance,within")
    with pytest.raises(EngineError, match=f"^{words} with null='covariance,within': NumPy"):
        compute("induction-2l", selection=rule, **asked)


def test_what_a_null_has_may_be_asked_for_by_name() -> None:
    rule = Selection(fdr=1, null="within")
    asked = compute("induction-2l", selection=rule, backend="numpy", device="cpu", dtype="float32")
    assert asked.sha256 == compute("induction-2l", selection=rule, backend="numpy").sha256
    formula = Selection(fdr=1, null="isotropic")
    wide = compute("induction-2l", selection=formula, dtype="float64", backend="numpy")
    assert (wide.meta.dtype, list(wide.meta.nulls)) == ("float64", ["isotropic"])


def test_messages_name_options_on_the_command_line(random: Path, tmp_path: Path) -> None:
    compute = ["compute", str(random), "-o", str(tmp_path / "t.parquet"), "--fdr", "0.05"]
    for words, said in (
        (["--null", "within", "--layer-order", "all"],
         "--layer-order all with a null: the null models are for pairs from an earlier to a later "
         "layer. Leave --layer-order or --null out"),
        (["--null", "within", "--samples", "0"], "--samples 0: expected a whole number"),
        (["--null", "within", "--dtype", "float64"],
         "--dtype float64 with --null within: NumPy computes these nulls on the processor in "
         "float32. Leave one or the other out"),
        (["--null", "backward", "--pairings", "QQ"],
         "the null backward needs a direction, and QQ has none: choose --null within, or leave"),
    ):  # fmt: skip
        error = CliRunner().invoke(cli.headgraph, [*compute, *words]).exception
        assert isinstance(error, EngineError)
        assert error.message.options.startswith(said)


def test_a_part_of_a_table_and_an_unknown_null_are_refused(
    random: Path, table: AffinityTable
) -> None:
    weights = ModelWeights(random)
    with pytest.raises(TableError, match=r"needs all of them: compute it with selection=Selection"):
        add_nulls(table.select(Selection(top=1)), weights, ["within"])
    whole = compute(random, selection=Selection())
    with pytest.raises(EngineError, match="unknown null chance: expected some of isotropic"):
        add_nulls(whole, weights, ["chance"])


def test_a_pairing_without_pairs_has_no_null(tmp_path: Path) -> None:
    folder = model(tmp_path / "m", values=0.0)
    for null in NULLS:
        rule = Selection(fdr=0.05, null=null)
        with pytest.raises(EngineError, match=r"^m has no pair of OV to compare with a null"):
            compute(folder, selection=rule)
        kept = compute(folder, pairings="OQ,OK", selection=replace(rule, fdr=1), samples=2)
        assert len(kept) == sum(kept.meta.scored.values())

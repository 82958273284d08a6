"""The summary of nulls, its command and its figure."""

from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner
from statsmodels.stats.multitest import multipletests

import headgraph
from headgraph import cli
from headgraph.analysis.errors import AnalysisError, FigureError
from headgraph.analysis.nulls import nulls
from headgraph.analysis.nulls.figure import nulls_figure
from headgraph.base.names import NULLS
from headgraph.pk_engine import AffinityTable, Selection, compute
from headgraph.pk_engine.errors import SelectionError
from tests.tables import random_table

MODEL = "induction-2l"


@pytest.fixture(scope="module")
def table() -> AffinityTable:
    return compute(MODEL, selection=Selection(fdr=1, null=",".join(NULLS)), samples=30)


def test_rows_say_what_the_columns_of_the_table_do(table: AffinityTable) -> None:
    rows = nulls(table, fdr=0.2)
    assert rows[["pairing", "null"]].to_numpy().tolist() == [
        [pairing, null] for pairing in ("OQ", "OK", "OV") for null in NULLS
    ]
    for row in rows.itertuples():
        of = table.frame[table.frame.pairing == row.pairing]
        kept = multipletests(of[f"p_{row.null}"].to_numpy("float64"), 0.2, "fdr_bh")[0]
        assert row.pairs == len(of)
        assert row.significant == kept.sum()
        assert row.share == pytest.approx(kept.mean())
        assert row.cutoff == of.pk[kept].min() if kept.any() else pd.isna(row.cutoff)
    drawn = rows[rows.null == "rotations"]
    assert set(drawn.seed) == {0}
    assert set(drawn.samples) == {30}
    assert rows[rows.null == "backward"].seed.isna().all()


def test_the_induction_pair_of_the_bundled_model_stands_out(table: AffinityTable) -> None:
    """L0H7, previous token, and L1H2, induction: the model was trained to join them by K."""
    rows = nulls(table).set_index(["pairing", "null"])
    assert rows.significant["OK", "covariance"] >= 1
    top = table.frame[(table.frame.pairing == "OK") & (table.frame.q_covariance <= 0.05)].iloc[0]
    assert (top.source_layer, top.target_layer, top.target_head) == (0, 1, 2)


def test_a_model_and_its_table_say_the_same(table: AffinityTable) -> None:
    once = nulls(MODEL, null="covariance", samples=30)
    again = nulls(table, null="covariance")
    pd.testing.assert_frame_equal(once, again)
    assert headgraph.nulls is nulls


def test_what_is_refused(table: AffinityTable) -> None:
    with pytest.raises(AnalysisError, match="lacks its pairs against isotropic, covariance"):
        nulls(random_table())
    with pytest.raises(AnalysisError, match="lacks 189 of its pairs: give the model itself"):
        nulls(table.select(Selection(top=1)))
    with pytest.raises(SelectionError, match="null='chance': expected some of isotropic"):
        nulls(MODEL, null="chance")
    with pytest.raises(FigureError, match="5 models: expected 1 to 4"):
        nulls_figure(*[table] * 5)


def test_the_figure_says_every_number(table: AffinityTable) -> None:
    figure = nulls_figure(table, table, fdr=0.2)
    assert [axes.get_title(loc="left") for axes in figure.axes] == [MODEL, MODEL]
    rows = nulls(table, fdr=0.2)
    written = [int(text.get_text().replace(",", "")) for text in figure.axes[0].texts]
    assert (
        written
        == rows.sort_values(
            "pairing", key=lambda p: p.map({"OQ": 0, "OK": 1, "OV": 2}), kind="stable"
        ).significant.tolist()
    )
    widths = [bar.get_width() for bar in figure.axes[0].patches]  # type: ignore[attr-defined]
    assert widths == pytest.approx([100 * share for share in rows.share])


def test_the_commands(table: AffinityTable, tmp_path: Path) -> None:
    path = table.write(tmp_path / "t.parquet")
    done = CliRunner().invoke(cli.headgraph, ["nulls", str(path), "--format", "csv"])
    assert done.exit_code == 0, done.output
    assert len(done.output.splitlines()) == 1 + 3 * len(NULLS)
    out = tmp_path / "n.svg"
    words = ["figure", "nulls", str(path), str(path), "--dark", "-o", str(out)]
    done = CliRunner().invoke(cli.headgraph, words)
    assert done.exit_code == 0, done.output
    assert "depends on the null model" in out.read_text()

"""Messages of this room name keywords in Python and options on the command line."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import headgraph
from headgraph.analysis.errors import AnalysisError
from headgraph.pk_engine.table.selection import Selection
from tests.tables import random_table

TABLE = random_table(3, 3)
CUT = TABLE.select(Selection(top=2))
NO_ROWS = pd.DataFrame()


@pytest.mark.parametrize(
    ("call", "python", "options"),
    [
        (
            lambda: headgraph.detect(TABLE, resamples=0),
            "resamples=0: expected a whole number of at least 1",
            "--resamples 0: expected a whole number of at least 1",
        ),
        (
            lambda: headgraph.informativeness(TABLE, level=2.0),
            "level=2.0: expected more than 0 and less than 1",
            "--level 2.0: expected more than 0 and less than 1",
        ),
        (
            lambda: headgraph.heatmap(CUT, pairings="OK"),
            "a table of compute(MODEL, pairings='OK', metrics=['pk'], layer_order='forward', "
            "selection=Selection())",
            "a table of headgraph compute MODEL --all --pairings OK --metrics pk --layer-order "
            "forward -o FILE",
        ),
        (
            lambda: headgraph.heatmap(TABLE, by="pair"),
            "by='pair': expected layer, head or auto",
            "--by pair: expected layer, head or auto",
        ),
        (
            lambda: headgraph.scatter(TABLE, metric="pk"),
            "metric='pk': PK is one axis already",
            "--metric pk: PK is one axis already",
        ),
        (
            lambda: headgraph.wiring(TABLE, metric="cka"),
            "make one with compute(MODEL, metrics=['pk', 'cka'], selection=Selection())",
            "make one with headgraph compute MODEL --all --metrics pk,cka -o FILE",
        ),
        (
            lambda: headgraph.wiring(TABLE, behaviour=NO_ROWS),
            "behaviour shades the heads of three panels: add panels=True",
            "--behaviour shades the heads of three panels: add --panels",
        ),
        (
            lambda: headgraph.nulls(TABLE, null="covariance"),
            "a table of compute(MODEL, selection=Selection(fdr=1, null='covariance'))",
            "a table of headgraph compute MODEL --fdr 1 --null covariance",
        ),
        (
            lambda: headgraph.hub_scores(TABLE, "QQ"),
            "choose others with pairings, or compute them",
            "choose others with --pairings, or compute them",
        ),
        (
            lambda: headgraph.hubs_of_kind(TABLE, kind="identity"),
            "give labels=FILE, or behaviour=FILE of headgraph.behaviour",
            "give --labels FILE, or --behaviour FILE of headgraph behaviour",
        ),
        (
            lambda: headgraph.circuits(TABLE),
            "give labels=FILE with the columns layer,head,role,circuit",
            "give --labels FILE with the columns layer,head,role,circuit",
        ),
        (
            lambda: headgraph.verify_edge(TABLE, "L0H0", "L1H1", every=True),
            "an edge, top or random, and every exclude each other",
            "an edge, --top or --random, and --all exclude each other",
        ),
        (
            lambda: headgraph.ablation_figure(NO_ROWS),
            "expected those of headgraph.ablate",
            "expected those of headgraph ablate ... --format csv",
        ),
        (
            lambda: headgraph.causality(NO_ROWS),
            "expected those of headgraph.verify_edge",
            "expected those of headgraph verify-edge ... --format csv",
        ),
        (
            lambda: headgraph.training_figure(NO_ROWS),
            "expected those of headgraph.trajectory",
            "expected those of headgraph trajectory -o FILE.csv",
        ),
        (
            lambda: headgraph.trajectory("run", pairs="L0H0>L1H1:OK", top=2),
            "pairs and top exclude each other: give one of them",
            "--pairs and --top exclude each other: give one of them",
        ),
        (
            lambda: headgraph.ablate(TABLE, role=["mover", "other"]),
            "no head has the role mover, other: give labels=FILE, such as a CSV file of the rows "
            "of analysis.behaviour.labels_of",
            "no head has the role mover, other: give --labels FILE, such as headgraph behaviour "
            "MODEL --labels-out FILE writes",
        ),
        (
            lambda: headgraph.view(TABLE, most=0),
            "most=0: expected a whole number of at least 1",
            "--most 0: expected a whole number of at least 1",
        ),
    ],
)
def test_a_message_has_both_spellings(
    call: Callable[[], Any], python: str, options: str, tmp_path: Path
) -> None:
    with pytest.raises(AnalysisError) as caught:
        call()
    assert python in str(caught.value)
    assert options in caught.value.for_command_line()


def test_a_list_of_metrics_must_name_one() -> None:
    from click.testing import CliRunner

    from headgraph import cli

    for command in (["robustness", "induction-2l"], ["detect", "induction-2l"]):
        done = CliRunner().invoke(cli.headgraph, [*command, "--metrics", ","])
        assert done.exit_code == 2  # `main` turns a bad value into exit code 1
        assert "',' names no metric" in done.output

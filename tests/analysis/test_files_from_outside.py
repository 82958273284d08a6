"""Vocabularies, losses and labels that others wrote, damaged: a sentence, or none at all."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from headgraph.analysis.errors import TrainingError
from headgraph.analysis.tokens.vocabulary import vocabulary
from headgraph.analysis.training.checkpoints import checkpoints
from headgraph.base.errors import HeadgraphError
from headgraph.pk_engine.bundled import table_path
from headgraph.pk_engine.errors import LabelsError
from headgraph.pk_engine.labels import read_labels
from headgraph.pk_engine.table.affinity import AffinityTable
from tests import sentences

DEEP = "[" * 10_000 + "]" * 10_000


@pytest.mark.parametrize(
    "text",
    [DEEP, '{"model": {"vocab": ' * 10_000, "[]", "5", '{"model": []}', '{"model": {"vocab": 5}}',
     '{"model": {"vocab": {"a": 1e999}}}', '{"model": {"vocab": {"a": []}}}',
     '{"model": {"vocab": {}}, "added_tokens": [5]}', '{"model": {"vocab": {}}, "added_tokens": 5}',
     '{"model": {"vocab": {}}, "decoder": ' + "[" * 900 + "]" * 900 + "}", "\xff", ""],
)  # fmt: skip
def test_a_vocabulary_that_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "tokenizer.json").write_bytes(text.encode("latin-1"))
    assert vocabulary(tmp_path, 3) in (None, ["[0]", "[1]", "[2]"])


def test_a_vocabulary_that_is_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "tokenizer.json")
    assert vocabulary(tmp_path, 3) is None


def refused(tmp_path: Path) -> str:
    return sentences.refused(lambda: checkpoints(tmp_path), TrainingError)


@pytest.mark.parametrize(
    "losses",
    ["step,loss\n" + "9" * 5000 + ",1\n", 'step,loss\n"' + "x" * 200_000 + '",1\n',
     "step,loss\n1\n", "\x1b[2J", "step,loss\n\x1b]0;t\x07,1\n", "\xff\xfe"],
)  # fmt: skip
def test_losses(tmp_path: Path, losses: str) -> None:
    for step in (1, 2):
        (tmp_path / f"step-{step}").mkdir()
    (tmp_path / "losses.csv").write_bytes(losses.encode("latin-1"))
    assert "losses.csv" in refused(tmp_path)


@pytest.mark.parametrize("said", [DEEP, "[]", "{", "\xff", '{"a":' * 10_000])
def test_what_a_training_said(tmp_path: Path, said: str) -> None:
    for step in (1, 2):
        (tmp_path / f"step-{step}").mkdir()
    (tmp_path / "step-1" / "training.json").write_bytes(said.encode("latin-1"))
    assert "training.json" in refused(tmp_path)


@pytest.mark.parametrize("loss", [10**400, "x", [], None, True])
def test_losses_that_are_no_numbers(tmp_path: Path, loss: Any) -> None:
    for step in (1, 2):
        (tmp_path / f"step-{step}").mkdir()
        about = tmp_path / f"step-{step}" / "training.json"
        about.write_text(json.dumps({"loss": {"second_copy": loss}}))
    assert [found.step for found in checkpoints(tmp_path)] == [1, 2]


def test_pipes_and_names(tmp_path: Path) -> None:
    for step in (1, 2):
        (tmp_path / f"step-{step}").mkdir()
    os.mkfifo(tmp_path / "losses.csv")
    assert "is a pipe: expected a file" in refused(tmp_path)
    (tmp_path / "losses.csv").unlink()
    (tmp_path / ("step-" + "9" * 200)).mkdir()
    assert "a step of more than 15 digits" in refused(tmp_path)
    for run in ("~nosuchuser/x", "x" * 5000, "a\x00b", tmp_path / ("y" * 300)):
        with pytest.raises(TrainingError) as error:
            checkpoints(run)
        assert len(str(error.value)) < 300


@pytest.fixture(scope="module")
def table() -> AffinityTable:
    return AffinityTable.read(table_path("gpt2-small"))


@pytest.mark.parametrize(
    "text",
    ["layer,head,role\n" + "9" * 5000 + ",1,induction\n", "layer,head,role\n\u00b2,1,induction\n",
     "layer,head,role\n1,1," + "X" * 5000, "layer,head,role\n1,1," + "x" * 101,
     "layer,head,role\n-1,0,induction", "\x00" * 50,
     "x" * 5000 + ",head,role\n", 'layer,head,role\n"', "layer,head,role\n\x1b]0;t\x07,1,a\n"],
)  # fmt: skip
def test_labels(tmp_path: Path, text: str, table: AffinityTable) -> None:
    (tmp_path / "labels.csv").write_text(text)
    with pytest.raises(LabelsError) as error:
        read_labels(tmp_path / "labels.csv", table.meta)
    assert len(str(error.value)) < 300
    assert str(error.value).isprintable()


def test_labels_of_many_zeros(tmp_path: Path, table: AffinityTable) -> None:
    (tmp_path / "labels.csv").write_text(f"layer,head,role\n{'0' * 5000},001,{'x' * 100}\n")
    found = read_labels(tmp_path / "labels.csv", table.meta)
    assert found[["layer", "head", "role"]].to_numpy().tolist() == [[0, 1, "x" * 100]]


def test_labels_that_are_no_file(tmp_path: Path, table: AffinityTable) -> None:
    for path in (tmp_path, "/dev/zero", "~nosuchuser/x", "a\x00b", "x" * 5000, tmp_path / "no"):
        with pytest.raises(HeadgraphError) as error:
            read_labels(path, table.meta)
        assert len(str(error.value)) < 300

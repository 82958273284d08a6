"""Errors of the engine name keywords and calls in Python, options and commands in a terminal."""

from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from headgraph.base.errors import HeadgraphError
from headgraph.pk_engine.linalg.backends import choose
from headgraph.pk_engine.models.families.catalogue import family_of
from headgraph.pk_engine.models.folding import Norm, check_folding
from headgraph.pk_engine.models.location import locate
from headgraph.pk_engine.table.affinity import AffinityTable
from headgraph.pk_engine.table.meta import TableMeta
from tests.tables import random_table


def other_format() -> None:
    text = random_table().meta.to_json().replace('"format": 1', '"format": 0')
    TableMeta.from_json(text)


@pytest.mark.parametrize(
    ("call", "python", "command"),
    [
        (
            lambda: check_folding("bert", Norm("none"), fold_ln=True, center_writing=False),
            "fold_ln=True: in this bert model no norm",
            "--fold-ln: in this bert model no norm",
        ),
        (
            lambda: check_folding("llama", Norm("RMSNorm"), fold_ln=False, center_writing=True),
            "center_writing=True: this llama model has RMS norms",
            "--center-writing: this llama model has RMS norms",
        ),
        (
            lambda: family_of({"model_type": "none"}),
            "; via='transformer-lens' reads more",
            "; --via transformer-lens reads more",
        ),
        (
            lambda: choose("numpy", "cuda"),
            "leave backend out, or pass backend='torch'",
            "leave --backend out, or pass --backend torch",
        ),
        (
            lambda: locate("gpt2-small"),
            "headgraph.load('gpt2-small', graph) puts it into Neo4j",
            "headgraph load gpt2-small puts it into Neo4j",
        ),
        (other_format, "make it again with headgraph.compute", "again with headgraph compute"),
    ],
)
def test_an_error_has_two_spellings(call: Callable[[], object], python: str, command: str) -> None:
    with pytest.raises(HeadgraphError) as caught:
        call()
    assert python in str(caught.value)
    assert command in caught.value.for_command_line()


def test_an_error_inside_another_keeps_both_spellings(tmp_path: Path) -> None:
    path = random_table().write(tmp_path / "t.parquet")
    stored = pq.read_table(path)
    older = {
        key: text.replace(b'"format": 1', b'"format": 0')
        for key, text in stored.schema.metadata.items()
    }
    pq.write_table(stored.replace_schema_metadata(older), path)
    with pytest.raises(HeadgraphError) as caught:
        AffinityTable.read(path)
    start = (
        f"{path} is damaged or foreign: it says that its table format is 0: expected 1 to 4; make "
        "it again with "
    )
    assert str(caught.value) == f"{start}headgraph.compute"
    assert caught.value.for_command_line() == f"{start}headgraph compute"

"""A query file that contradicts the format is refused with its name, the line and the reason."""

from pathlib import Path

import pytest

from headgraph.queries.errors import CatalogueError
from headgraph.queries.stored_queries.header import read_query
from headgraph.queries.stored_queries.library import read_folder

GOOD = """\
// Heads of a layer
// description: Which heads a layer has,
//   and nothing else.
// params:
//   run (run): the run
//   layer (integer) = 4: counted from 0
//   names (list of head) = ["L4H7"]: heads to leave
//     out of the answer
// returns: graph; may be empty where all are left out
//   head (head): its name
//   node (graph): the head
MATCH (h:Head {run: $run}) // $comments are no parameters
WHERE h.layer = $layer AND NOT h.name IN $names
RETURN h.name AS head, h AS node;
"""


def written(folder: Path, text: str, name: str = "layer_heads") -> Path:
    path = folder / f"{name}.cypher"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_good_file(tmp_path: Path) -> None:
    query = read_query(written(tmp_path, GOOD))
    assert (query.name, query.title) == ("layer_heads", "Heads of a layer")
    assert query.description == "Which heads a layer has, and nothing else."
    assert list(query.params) == ["run", "layer", "names"]
    assert query.params["run"].required
    assert not query.params["layer"].required
    assert query.params["layer"].default == 4
    assert query.params["names"].default == ["L4H7"]
    assert query.params["names"].text == "heads to leave out of the answer"
    assert query.table_columns == ["head"]
    assert query.graph_columns == ["node"]
    assert query.may_be_empty == "where all are left out"
    assert query.cypher.startswith("MATCH")
    assert query.cypher.endswith("node\n"), (
        "the semicolon goes: EXPLAIN and links take one statement"
    )


@pytest.mark.parametrize(
    ("old", "new", "line", "reason"),
    [
        ("// Heads of a layer\n", "", 1, "is not a title: expected // and a few words"),
        ("// Heads of a layer", "//", 1, "'//' is not a title"),
        (
            "// description: Which heads a layer has,",
            "// description:",
            2,
            "the description is empty",
        ),
        ("// description:", "// describe:", 2, "neither begins a section"),
        ("//   and nothing", "// and nothing", 3, "neither begins a section"),
        ("// params:\n", "", 8, "expected params, got returns"),
        ("// returns: graph; may be empty where all are left out\n", "", 10, "no // returns:"),
        ("MATCH (h", "// returns: rows\nMATCH (h", 12, "expected the statement, got returns"),
        ("// params:", "// params:\n// params:", 5, "expected returns, got params"),
        ("//   run (run): the run\n", "", 4, "there is no parameter run (run)"),
        ("run (run)", "run (string)", 4, "there is no parameter run (run)"),
        ("layer (integer)", "layer (whole)", 6, "parameter layer has the unknown type 'whole'"),
        ("layer (integer)", "layer: integer", 6, "is not an entry: expected name (type): words"),
        ("= 4:", "= four:", 6, "the default of layer is not JSON: 'four: counted from 0'"),
        ("= 4:", '= "x":', 6, "the default of layer is 'x': expected a whole number"),
        ("= 4:", '= "4":', 6, "the default of layer is '4': expected integer"),
        ("= 4:", "= 4 :", 6, "expected a colon, a space and words, got ' : counted from 0'"),
        ('["L4H7"]', '["l4h7"]', 7, "the default of names is ['l4h7']: expected list of head"),
        ("layer (integer)", "run (integer)", 6, "run is declared twice"),
        ("$layer", "4", 6, "parameter layer is declared and not used"),
        ("$layer", "$layers", 13, "$layers is used and not declared in the header"),
        ("returns: graph", "returns: nodes", 9, "expected rows or graph"),
        ("returns: graph", "returns: rows", 9, "returns rows with a column of type graph"),
        ("node (graph)", "node (map)", 9, "returns graph with no column of type graph"),
        ("head (head): its", "head (graph): its", 9, "every column is of type graph"),
        ("head (head): its", "head (name): its", 10, "column head has the unknown type 'name'"),
        ("//   node (graph)", "//   head (graph)", 11, "head is declared twice"),
        (GOOD[GOOD.index("MATCH") :], "", 11, "there is no statement below the header"),
        (
            "// params:",
            "// example: layer=3\n// params:",
            4,
            "expected params, got example",
        ),
        (
            "MATCH (h",
            "// example: layer\nMATCH (h",
            12,
            "'layer' in the example: expected a parameter, = and a value",
        ),
        ("// params:", "// requires: sums\n// params:", 4, "expected params, got requires"),
        (
            "MATCH (h",
            "// requires: edges\nMATCH (h",
            12,
            "requires 'edges': expected sums or copying",
        ),
        ("MATCH (h", "// requires:\nMATCH (h", 12, "requires '': expected sums or copying"),
        (
            "MATCH (h",
            "// example: layer=3\n// requires: sums\nMATCH (h",
            13,
            "expected the statement, got requires",
        ),
        ("MATCH (h", "// example: x=3\nMATCH (h", 12, "'x=3' in the example: expected a parameter"),
    ],
)
def test_bad_files(tmp_path: Path, old: str, new: str, line: int, reason: str) -> None:
    assert old in GOOD
    path = written(tmp_path, GOOD.replace(old, new, 1))
    with pytest.raises(CatalogueError) as caught:
        read_query(path)
    assert str(caught.value).startswith(f"layer_heads.cypher, line {line}: ")
    assert reason in str(caught.value)


def test_an_example(tmp_path: Path) -> None:
    text = GOOD.replace("MATCH (h", "// example: layer=3 names=L3H1\nMATCH (h")
    query = read_query(written(tmp_path, text))
    assert query.example == {"layer": "3", "names": "L3H1"}
    assert query.cypher.startswith("MATCH")
    assert read_query(written(tmp_path, GOOD)).example == {}


def test_what_a_run_must_have(tmp_path: Path) -> None:
    text = GOOD.replace("MATCH (h", "// requires: sums\n// example: layer=3\nMATCH (h")
    query = read_query(written(tmp_path, text))
    assert query.requires == {"sums"}
    assert query.example == {"layer": "3"}
    assert read_query(written(tmp_path, GOOD)).requires == frozenset()


def test_a_file_name_that_is_no_query_name(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match=r"^Layer-Heads\.cypher, line 1: .* lower-case words"):
        read_query(written(tmp_path, GOOD, "Layer-Heads"))


def test_two_queries_of_one_title(tmp_path: Path) -> None:
    written(tmp_path, GOOD, "one")
    written(tmp_path, GOOD.replace("Heads of", "heads of"), "two")
    with pytest.raises(CatalogueError, match=r"^two\.cypher, line 1: one\.cypher has the title"):
        read_folder(tmp_path)

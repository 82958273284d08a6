"""Files that export did not write: one sentence each, and nothing but that."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import headgraph
from headgraph.base.errors import HeadgraphError
from headgraph.graphdb import Graph
from headgraph.loader.errors import ExportError, LoaderError, UnreadableExport
from headgraph.loader.exports.content import RunGraph
from headgraph.loader.exports.formats import FORMATS
from headgraph.loader.imports import reading
from headgraph.loader.imports.reading import READERS
from tests.commands import headgraph as run_headgraph
from tests.hostile import obeyed
from tests.loader.databases import contents
from tests.loader.exports.graphs import roles_file
from tests.tables import random_table

TABLE = random_table(3, 2, format_2=True)
ENDINGS = tuple(FORMATS[name].ending for name in READERS)


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The texts of one run, by ending."""
    folder = tmp_path_factory.mktemp("exports")
    labels = roles_file(folder)
    labels.write_text(labels.read_text("utf-8").replace("2,3,name", "2,1,name"), "utf-8")
    found = {}
    for ending in ENDINGS:
        headgraph.export(TABLE, folder / f"g{ending}", name="tiny", labels=labels)
        found[ending] = (folder / f"g{ending}").read_text("utf-8")
    return found


def read(text: str | bytes, ending: str, folder: Path) -> RunGraph:
    path = folder / f"changed{ending}"
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
    return reading.read(path)


def refused(text: str | bytes, ending: str, folder: Path) -> str:
    """The sentence with which a file is refused."""
    with pytest.raises(UnreadableExport) as caught:
        read(text, ending, folder)
    said = str(caught.value)
    assert not obeyed(said)
    assert "changed" in said
    return said


Change = Callable[[dict[str, Any]], Any]
JSON_CHANGES: dict[str, tuple[Change, str]] = {
    "no graph": (lambda it: it.pop("graph"), "has directed, links, multigraph, nodes in the"),
    "more": (lambda it: it.update(more=1), "in the outermost object"),
    "undirected": (lambda it: it.update(directed=False), "is not of a directed multigraph"),
    "no roles": (lambda it: it["graph"].pop("roles"), "has no list of roles for its graph"),
    "an answer": (lambda it: it.update(graph={"roles": []}), "lacks id, name, status, model, n_la"),
    "role without head": (lambda it: it["graph"]["roles"][0].pop("head"), "no list of roles"),
    "role of no head": (lambda it: it["graph"]["roles"][0].update(head="L9H9"), "for head 'L9H9'"),
    "role that is no text": (lambda it: it["graph"]["roles"][0].update(circuit=3), "where a text"),
    "name": (lambda it: it["graph"].update(name="a b"), "has the name 'a b', which no run can"),
    "id": (lambda it: it["graph"].update(id="x' OR 1=1"), "not 64 hexadecimal digits"),
    "unfinished": (lambda it: it["graph"].update(status="loading"), "status 'loading', not compl"),
    "attempt": (lambda it: it["graph"].update(loader="x"), "has loader in the run, which an"),
    "newer": (lambda it: it["graph"].update(graph_version=99), "version 99 of the graph, and this"),
    "text for a number": (lambda it: it["graph"].update(n_layers="3"), "where a whole number belo"),
    "true for a number": (lambda it: it["graph"].update(n_heads=True), "where a whole number belo"),
    "no list of layers": (lambda it: it["graph"].update(layers='{"a": 1}'), "layers"),
    "strange layers": (lambda it: it["graph"].update(layers="[1]"), "layers in the run that no"),
    "layers that are a number": (lambda it: it["graph"].update(layers=5), "layers"),
    "more layers": (lambda it: it["graph"].update(n_layers=4), "has 6 heads, in a run of 4 layers"),
    "huge": (lambda it: it["graph"].update(n_layers=10**30), "has n_layers 1000"),
    "no layers": (lambda it: it["graph"].update(n_layers=-3, n_heads=-2), "layers of -2 heads"),
    "mixed list": (lambda it: it["graph"].update(own=[1, "a"]), "has own [1, 'a'] in the run"),
    "nested list": (lambda it: it["graph"].update(own=[[1]]), "has own [[1]] in the run"),
    "map": (lambda it: it["graph"].update(own={"a": 1}), "has own {'a': 1} in the run"),
    "null": (lambda it: it["graph"].update(own=None), "has own None in the run"),
    "half": (lambda it: it["graph"].update(own="\ud800"), "has own '\\ud800' in the run"),
    "infinite": (lambda it: it["graph"].update(step=float("inf")), "has step inf in the run"),
    "pairings": (lambda it: it["graph"].update(pairings=["XY"]), "has the pairings XY in the run"),
    "nulls": (lambda it: it["graph"].update(nulls="[" * 9**5), "nested too deeply to be read"),
    "scored": (lambda it: it["graph"].update(scored="x"), "has 'x' as counts of the scored"),
    "scored words": (lambda it: it["graph"].update(scored='{"OQ": "1"}'), "as counts of the"),
    "scored others": (lambda it: it["graph"].update(scored='{"XY": 1}'), "as counts of the"),
    "fewer kept": (lambda it: it["graph"].update(kept_pk_min=[]), "of different lengths in"),
    "no share": (
        lambda it: it["links"][0]["properties"].pop("share"),
        "lacks share of the edge 'L0H0-OQ-L1H0'",
    ),
    "backtick": (lambda it: it["nodes"][0]["properties"].update({"a`b": 1}), "cannot be a name"),
    "injection": (
        lambda it: it["links"][0]["properties"].update({"x`: 1}) DETACH DELETE (n": 1}),
        "which cannot be a name",
    ),
    "label Run": (lambda it: it["nodes"][0]["labels"].append("Run"), "with the label 'Run'"),
    "label": (lambda it: it["nodes"][0]["labels"].append("A`:B"), "with the label 'A`:B'"),
    "label list": (lambda it: it["nodes"][0]["labels"].append([1]), "with the label [1]"),
    "no head": (lambda it: it["nodes"][0]["labels"].clear(), "without the label Head"),
    "place": (lambda it: it["nodes"][0]["properties"].update(layer=7), "for the head 0 of layer 7"),
    "minus": (lambda it: it["nodes"][0]["properties"].update(head=-1), "for the head -1 of layer"),
    "other id": (lambda it: it["nodes"][0]["properties"].update(id="a"), "'id': 'a'"),
    "twice": (
        lambda it: [it["links"].clear(), it["nodes"].pop(), it["nodes"].append(it["nodes"][0])],
        "has head 'L0H0' twice",
    ),
    "fewer": (lambda it: it["nodes"].pop(), "has a link"),
    "no layer": (lambda it: it["nodes"][0]["properties"].pop("layer"), "lacks layer of head"),
    "from nowhere": (lambda it: it["links"][0].update(source="x"), "link 1 that joins no two"),
    "type": (lambda it: it["links"][0].update(type="HAS_ROLE", key="HAS_ROLE"), "L0H0-HAS_ROLE-L1"),
    "same edge": (lambda it: it["links"].append(it["links"][0]), "has the edge L0H0-OQ-L1H0 twice"),
    "list on edge": (lambda it: it["links"][0]["properties"].update(a=[1]), "the list a as a prop"),
    "word for pk": (lambda it: it["links"][0]["properties"].update(pk="high"), "has pk 'high' in"),
    "kinds": (
        lambda it: [it["links"][n]["properties"].update(own=(1, "a")[n]) for n in (0, 1)],
        "the property own has integer values on some heads or edges and string values on others",
    ),
    "links": (lambda it: it.update(links={"a": 1}), "has links {'a': 1} in the outermost object"),
    "node": (lambda it: it["nodes"].__setitem__(0, "L0H0"), "has 'L0H0' as node 1"),
}  # fmt: skip


@pytest.mark.parametrize("name", JSON_CHANGES)
def test_changed_json(name: str, exports: dict[str, str], tmp_path: Path) -> None:
    change, said = JSON_CHANGES[name]
    document = json.loads(exports[".json"])
    read(json.dumps(document), ".json", tmp_path)  # written otherwise, it is the same run
    change(document)
    assert said in refused(json.dumps(document), ".json", tmp_path)


TEXTS = {
    "empty": b"",
    "binary": bytes(range(256)) * 8,
    "utf16": "<graphml/>".encode("utf-16"),
    "nested": b"[" * 200_000,
    "nested objects": b'{"a":' * 200_000,
    "number": b"9" * 5000,
    "null": b"null",
    "html": b"<!DOCTYPE html><html></html>",
}


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("name", TEXTS)
def test_texts_that_are_no_export(name: str, ending: str, tmp_path: Path) -> None:
    refused(TEXTS[name], ending, tmp_path)


BOMB = "<!DOCTYPE graphml [<!ENTITY a 'ha'>" + "".join(
    f"<!ENTITY {chr(98 + n)} '{f'&{chr(97 + n)};' * 10}'>" for n in range(9)
)
XML_CHANGES = {
    "bomb": ("<graphml ", f"{BOMB}]>\n<graphml ", "declares a document type"),
    "external": (
        "<graphml ",
        "<!DOCTYPE graphml [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>\n<graphml ",
        "declares a document type",
    ),
    "entity": ("<data", "&unknown;<data", "cannot be read as XML: undefined entity"),
    "element": ("<node", "<script/><node", "has a 'script' in graph"),
    "deep": ("<node", "<graph>" * 9999 + "<node", "has a 'graph' in graph"),
    "text": ("<node", "words<node", "has the text 'words' in a graph"),
    "key": ('attr.type="long"', 'attr.type="int"', "has the key {"),
    "number": (
        '<data key="node.layer">0<',
        '<data key="node.layer">zero<',
        "has layer 'zero', of type long",
    ),
    "digits": (
        '<data key="node.layer">0<',
        f'<data key="node.layer">{"9" * 5000}<',
        "of type long",
    ),
    "not in it": ("</graphml>", "", "cannot be read as XML"),
    "unknown key": ('<data key="node.layer">', '<data key="node.x">', "has data of key 'node.x'"),
    "of an edge": ('<data key="node.layer">', '<data key="edge.pk">', "data of key 'edge.pk' in"),
    "list": ('["OQ", "OK", "OV"]', "OQ, OK, OV", "pairings', cannot be read as JSON"),
    "role": ('"node.roles">', '"node.roles">mover,', "has the roles 'mover,"),
    "edge": ("<edge id=", '<edge id="x" was=', "has an edge 'x' from"),
    "id": ('<node id="L0H0"', '<node id="L0H9"', "has a node 'L0H9' of name 'L0H0'"),
}  # fmt: skip


@pytest.mark.parametrize("name", XML_CHANGES)
def test_changed_graphml(name: str, exports: dict[str, str], tmp_path: Path) -> None:
    before, after, said = XML_CHANGES[name]
    assert before in exports[".graphml"]
    changed = exports[".graphml"].replace(before, after, 1)
    assert said in refused(changed, ".graphml", tmp_path)


DELETE = "MATCH (n) DETACH DELETE n"
SCRIPT_CHANGES = {
    "a statement more": (";\nMATCH (r:Run", f";\n{DELETE};\nMATCH (r:Run", "MATCH (n) DETACH"),
    "a first statement": ("CREATE CONSTRAINT", f"{DELETE};\nCREATE CONSTRAINT", "MATCH (n) DETACH"),
    "a last statement": ("AS edges;\n", f"AS edges;\n{DELETE};\n", "where the end of the file bel"),
    "a clause more": ("AS edges;\n", f"AS edges UNION {DELETE};\n", "where the end of the stateme"),
    "a call": (";\nMERGE (r:Run", ";\nCALL dbms.listConfig();\nMERGE (r:Run", "has 'CALL dbms.li"),
    "a file": ("UNWIND [", "LOAD CSV FROM 'file:///etc/passwd' AS x UNWIND [", "has 'MATCH (r:Run"),
    "a function": ("`layer`: 0", "`layer`: rand()", "has 'rand(), "),
    "a query": ("`layer`: 0", "`layer`: COUNT { (n) }", "where a value belongs"),
    "a name": ("`layer`: 0", "`layer``: 0", "where"),
    "a parameter": ("`layer`: 0", "`layer`: $x", "where a value belongs"),
    "an index of others": (
        "CREATE INDEX headgraph_head_run ",
        "CREATE INDEX theirs ",
        "has 'CREATE INDEX theirs",
    ),
    "a comment": ("\nUNWIND range", " // x\nUNWIND range", "has ' // x"),
    "a column": ("| toFloat(x)]", "| toFloat(x) + rand()]", "where"),
    "a word among numbers": ('[x IN split("', '[x IN split("a,', "instead of 'a'"),
    "a length": ('split("L0', 'split("L0H0,L0', "where lists of one length belongs"),
    "cut off": ("AS edges;\n", "AS edg", "so it is cut off"),
    "counts": ("size(heads) = 6", "size(heads) = 7", "its last statements count 7"),
    "label": ("SET h:`InductionHead`", "SET h:`Run`", "with the label 'Run'"),
    "nested": ("`layer`: 0", "`layer`: " + "[" * 5000, "a value that is nested less deeply"),
    "digits": ("`layer`: 0", f"`layer`: {'9' * 5000}", "a shorter number belongs"),
    "another run": ('loader: "cypher script"})', 'loader: "other"})', "has 'MATCH (r:Run"),
}  # fmt: skip


@pytest.mark.parametrize("name", SCRIPT_CHANGES)
def test_changed_scripts(name: str, exports: dict[str, str], tmp_path: Path) -> None:
    before, after, said = SCRIPT_CHANGES[name]
    assert before in exports[".cypher"]
    changed = exports[".cypher"].replace(before, after, 1)
    assert said in refused(changed, ".cypher", tmp_path)


@pytest.mark.parametrize("ending", ENDINGS)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_change_is_refused_or_read(
    data: st.DataObject, ending: str, exports: dict[str, str], tmp_path: Path
) -> None:
    """A cut, a piece twice, or other bytes: never another exception."""
    text = exports[ending].encode()
    start, end = sorted(data.draw(st.integers(0, len(text))) for _ in range(2))
    change = data.draw(st.sampled_from(["cut", "twice", "bytes"]))
    middle = {"cut": b"", "twice": text[start:end] * 2}.get(change)
    if middle is None:
        middle, end = data.draw(st.binary(max_size=4)), min(start + 2, end)
    try:
        found = read(text[:start] + middle + text[end:], ending, tmp_path)
    except HeadgraphError:
        return
    assert len(found.heads) == 6


def test_nothing_of_a_refused_file_is_left(
    graph: Graph, exports: dict[str, str], tmp_path: Path
) -> None:
    good, bad = tmp_path / "good.json", tmp_path / "later.cypher"
    good.write_text(exports[".json"], "utf-8")
    bad.write_text(exports[".cypher"].replace("AS edges;\n", f"AS edges;\n{DELETE};\n"), "utf-8")
    for files in ([bad], [good, bad], [tmp_path]):
        with pytest.raises(UnreadableExport):
            headgraph.import_runs(files, graph)
        assert contents(graph) == {}


def test_the_command_says_one_sentence(
    exports: dict[str, str], tmp_path: Path, graph: Graph
) -> None:
    path = tmp_path / "x.graphml"
    path.write_text(exports[".graphml"].replace("<graphml ", f"{BOMB}]><graphml "), "utf-8")
    uri = graph.settings.uri
    done = run_headgraph(
        "import", str(path), NEO4J_URI=uri, NEO4J_PASSWORD=graph.settings.password or ""
    )
    assert done.returncode == 1
    assert re.fullmatch(
        rf"headgraph: {re.escape(str(path))} declares a document type, which could define "
        r"entities: expected a file as headgraph export writes it\n",
        done.stderr,
    )
    assert done.stdout == ""


def test_places_that_are_no_export(
    exports: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def said(*files: Path, error: type[HeadgraphError], **options: Any) -> str:
        with pytest.raises(error) as caught:
            headgraph.import_runs(files, None, dry_run=True, **options)
        return str(caught.value)

    (tmp_path / "g.txt").write_text(exports[".json"], "utf-8")
    (report,) = headgraph.import_runs(tmp_path / "g.txt", None, format="json", dry_run=True)
    assert (report.run, report.outcome, report.edges) == ("tiny", "imported", len(TABLE))
    assert "ends in '.txt': expected a file that ends in one of .graphml, .json, .cypher" in said(
        tmp_path / "g.txt", error=ExportError
    )
    assert "no format 'csv' to import" in said(tmp_path / "g.txt", error=ExportError, format="csv")
    assert "cannot be read: No such file" in said(tmp_path / "no.json", error=UnreadableExport)
    assert "has no file that ends in" in said(tmp_path, error=UnreadableExport)
    headgraph.export(TABLE, tmp_path / "csv", name="tiny", labels="none")
    assert "which neo4j-admin imports" in said(tmp_path / "csv", error=UnreadableExport)
    assert "no file to import" in said(error=LoaderError)
    with pytest.raises(LoaderError, match="no database to import into"):
        headgraph.import_runs(tmp_path / "g.txt", None, format="json")
    monkeypatch.setattr(reading, "LARGEST", 1000)
    assert "has more than 1,000 bytes: expected a smaller file" in said(
        tmp_path / "g.txt", error=UnreadableExport, format="json"
    )


def test_the_command_offers_every_format_that_is_read() -> None:
    from headgraph.loader.imports.command import import_

    (option,) = (param for param in import_.params if param.name == "format_")
    assert set(option.type.to_info_dict()["choices"]) == set(READERS)

"""Names of imported runs: taken, replaced, renamed; several files at once."""

from pathlib import Path

import pytest

import headgraph
from headgraph import loader
from headgraph.graphdb import Graph
from headgraph.loader.errors import BadRunName, ExportError, LoaderError, NameTaken, UnknownRun
from headgraph.pk_engine.errors import OutputExists
from headgraph.pk_engine.table.selection import Selection
from tests.commands import headgraph as run_headgraph
from tests.loader.databases import contents, run_node
from tests.loader.exports.test_files_real import dump, empty
from tests.tables import random_table

TABLE = random_table(3, 4, metrics=("pk", "cs"), format_2=True)
OTHER = random_table(3, 4, seed=5, model="test/other")


def exported(graph: Graph, folder: Path, name: str = "tiny") -> Path:
    loader.load(TABLE, graph, run=name, labels="none")
    headgraph.export(name, folder / f"{name}.json", graph)
    return folder / f"{name}.json"


def test_a_taken_name(graph: Graph, tmp_path: Path) -> None:
    file = exported(graph, tmp_path)
    loader.drop(graph, "tiny")
    loader.load(OTHER, graph, run="tiny")
    known = dump(graph)
    said = r"the run tiny is there already, with other contents than in tiny\.json: give another "
    for dry_run in (True, False):
        with pytest.raises(NameTaken, match=said + r"name with run=NAME, or replace=True"):
            headgraph.import_runs(file, graph, dry_run=dry_run)
    assert dump(graph) == known
    (would,) = headgraph.import_runs(file, graph, replace=True, dry_run=True)
    edges = len(OTHER.edges())
    assert str(would) == (
        f"would replace tiny: {edges:,} edges by 12 heads (0 with roles) and {len(TABLE):,} "
        f"edges, from {file}"
    )
    assert dump(graph) == known
    (done,) = headgraph.import_runs(file, graph, replace=True)
    assert done.outcome == "replaced"
    assert loader.load(TABLE, graph, run="tiny", labels="none").outcome == "unchanged"
    assert loader.runs(graph)["status"].tolist() == ["complete"]
    headgraph.export("tiny", tmp_path / "again.json", graph)
    assert (tmp_path / "again.json").read_bytes() == file.read_bytes()


def test_a_run_replaces_its_own_later_state(graph: Graph, tmp_path: Path) -> None:
    """The run that is replaced has the id of the one that comes, and so have their heads."""
    file = exported(graph, tmp_path)
    known = dump(graph)
    headgraph.communities(graph, run="tiny", write=True)
    with pytest.raises(NameTaken, match="with other contents"):
        headgraph.import_runs(file, graph)
    for _ in range(2):
        headgraph.communities(graph, run="tiny", write=True)
        (report,) = headgraph.import_runs(file, graph, replace=True)
        assert report.outcome == "replaced"
        assert dump(graph) == known
    (report,) = headgraph.import_runs(file, graph, replace=True)
    assert report.outcome == "unchanged"


def test_another_name_is_that_of_a_load(graph: Graph, tmp_path: Path) -> None:
    rules = Selection(top=9)
    narrow = TABLE.select(Selection(top=20))
    for table, selection in ((TABLE, None), (TABLE, rules), (narrow, None), (narrow, rules)):
        empty(graph)
        loader.load(table, graph, run="first", selection=selection, labels="none")
        headgraph.export("first", tmp_path / "first.json", graph, force=True)
        (report,) = headgraph.import_runs(tmp_path / "first.json", graph, run="second")
        assert (report.run, report.outcome) == ("second", "imported")
        heads = graph.read("MATCH (h:Head {run: 'second'}) RETURN DISTINCT left(h.id, 64)").rows
        assert heads == ((report.id,),)
        again = loader.load(table, graph, run="second", selection=selection, labels="none")
        assert (again.outcome, again.id) == ("unchanged", report.id)
        a, b = (run_node(graph, name) for name in ("first", "second"))
        for node in (a, b):
            for name in ("id", "name", "loaded_at", "started_at"):
                del node[name]
        assert a == b
        (report,) = headgraph.import_runs(tmp_path / "first.json", graph, run="second")
        assert report.outcome == "unchanged"


def test_names_that_cannot_be(graph: Graph, tmp_path: Path) -> None:
    file = exported(graph, tmp_path)
    with pytest.raises(BadRunName, match="'a b' cannot be the name of a run"):
        headgraph.import_runs(file, graph, run="a b")
    with pytest.raises(NameTaken, match=r"the run Tiny of .* has a name that differs by case from"):
        headgraph.import_runs(file, graph, run="Tiny")
    graph.write("MATCH (r:Run) SET r.name = 'moved'")
    with pytest.raises(NameTaken, match=r"the run tiny of .* has the id of the run moved that is "):
        headgraph.import_runs(file, graph)
    with pytest.raises(LoaderError, match="run='x' names one run, and 2 files are to be imported"):
        headgraph.import_runs([file, file], graph, run="x")
    with pytest.raises(NameTaken, match="both have a run tiny: import them one after the other"):
        headgraph.import_runs([file, file], None, dry_run=True)
    headgraph.export(OTHER, tmp_path / "other.json", name="new", labels="none")
    headgraph.export(TABLE, tmp_path / "upper.json", name="New", labels="none")
    with pytest.raises(NameTaken, match=r"upper.json and .*other.json have the runs New and new: "):
        headgraph.import_runs([tmp_path / "other.json", tmp_path / "upper.json"], graph)
    assert contents(graph)["Run"] == 1


def test_nothing_to_replace(graph: Graph, tmp_path: Path) -> None:
    file = exported(graph, tmp_path)
    empty(graph)
    (report,) = headgraph.import_runs(file, graph, replace=True)
    assert report.outcome == "imported"
    assert report.notes == ("replace=True had nothing to replace: there was no run tiny",)


@pytest.mark.parametrize("format_", ["json", "graphml", "cypher"])
def test_all_runs_go_and_come_back(format_: str, graph: Graph, tmp_path: Path) -> None:
    loader.load(TABLE, graph, run="tiny-1.5")
    loader.load(random_table(3, 4, 2, seed=1), graph, run="grouped")
    loader.load(OTHER, graph, run="Other_2")
    headgraph.communities(graph, run="grouped", write=True)
    graph.write("CREATE (:Run {id: 'unfinished', status: 'loading', called: 'x'})")
    known = dump(graph)
    folder = tmp_path / "backup"
    reports = headgraph.export_all(folder, graph, format=format_)
    names = sorted(path.name for path in folder.iterdir())
    assert names == sorted(f"{it.run}.{format_}" for it in reports)
    assert {it.run for it in reports} == {"tiny-1.5", "grouped", "Other_2"}
    with pytest.raises(OutputExists, match="exists already: give another name, or force=True"):
        headgraph.export_all(folder, graph, format=format_)
    headgraph.export_all(folder, graph, format=format_, force=True)
    empty(graph)
    graph.write("CREATE (:Run {id: 'unfinished', status: 'loading', called: 'x'})")
    done = headgraph.import_runs(folder, graph)
    assert [(it.run, it.outcome) for it in done] == sorted((it.run, "imported") for it in reports)
    assert dump(graph) == known


def test_the_commands(graph: Graph, tmp_path: Path) -> None:
    where = {"NEO4J_URI": graph.settings.uri, "NEO4J_PASSWORD": graph.settings.password or ""}
    folder = str(tmp_path / "backup")
    none = run_headgraph("export", "--all-runs", "-o", folder, **where)
    assert (none.returncode, none.stderr.partition(":")[0]) == (1, "headgraph")
    assert "the database holds none" in none.stderr
    loader.load(TABLE, graph, run="one")
    loader.load(OTHER, graph, run="two")
    known = dump(graph)
    done = run_headgraph("export", "--all-runs", "-o", folder, **where)
    assert done.returncode == 0, done.stderr
    assert [line.rpartition(": ")[2] for line in done.stdout.splitlines()] == [
        f"{folder}/one.json", f"{folder}/two.json",
    ]  # fmt: skip
    for more in (["one"], ["--run", "one"], ["--labels", "none"], ["--top", "3"], ["--name", "x"]):
        refused = run_headgraph("export", "--all-runs", *more, "-o", f"{folder}2", **where)
        assert (refused.returncode, "--all-runs writes every run" in refused.stderr) == (2, True)
    csv = run_headgraph("export", "--all-runs", "--format", "csv", "-o", f"{folder}2", **where)
    assert (csv.returncode, "expected one of graphml, json, cypher" in csv.stderr) == (1, True)
    assert not Path(f"{folder}2").exists()
    empty(graph)
    would = run_headgraph("import", folder, "--dry-run", **where)
    assert "would import one: 12 heads (" in would.stdout
    assert contents(graph) == {}
    done = run_headgraph("import", f"{folder}/two.json", f"{folder}/one.json", **where)
    assert done.returncode == 0, done.stderr
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == [
        "imported two", "imported one",
    ]  # fmt: skip
    assert dump(graph) == known
    again = run_headgraph("import", folder, **where)
    assert again.stdout == "".join(
        f"{name} is there already, as in {folder}/{name}.json: nothing changed\n"
        for name in ("one", "two")
    )
    renamed = run_headgraph("import", f"{folder}/one.json", "--run", "three", **where)
    assert renamed.returncode == 0, renamed.stderr
    taken = run_headgraph("import", f"{folder}/one.json", "--run", "two", **where)
    assert taken.returncode == 1
    assert "give another name with --run NAME, or --replace to put the one" in taken.stderr


def test_all_runs_without_any_or_with_names_by_hand(graph: Graph, tmp_path: Path) -> None:
    with pytest.raises(UnknownRun):
        headgraph.export_all(tmp_path / "x", graph)
    loader.load(TABLE, graph, run="tiny")
    graph.write("MATCH (r:Run) SET r.name = '../tiny' WITH r MATCH (h:Head) SET h.run = r.name")
    with pytest.raises(ExportError, match=r"the run '\.\./tiny' cannot be the name of a file"):
        headgraph.export_all(tmp_path / "x", graph)
    assert not list(tmp_path.iterdir())


def test_two_imports_of_one_file_at_once(graph: Graph, tmp_path: Path) -> None:
    file = exported(graph, tmp_path)
    loader.drop(graph, "tiny")
    inner = []

    def meanwhile(done: int, total: int) -> None:
        if not inner:
            inner.extend(headgraph.import_runs(file, graph))

    said = "another command published the run tiny, or one of its id, while this import ran: "
    with pytest.raises(NameTaken, match=said):
        headgraph.import_runs(file, graph, progress=meanwhile)
    assert [report.outcome for report in inner] == ["imported"]
    (again,) = headgraph.import_runs(file, graph)
    assert again.outcome == "unchanged"
    heads = graph.read("MATCH (h:Head|LoadingHead) RETURN count(*) AS heads")
    assert [row["heads"] for row in heads] == [12]

"""Statements of a load in their order, and its reports and errors."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from headgraph import loader
from headgraph.graphdb import schema
from headgraph.graphdb.connection.runner import Params
from headgraph.graphdb.connection.versions import LABEL_VALUES
from headgraph.graphdb.errors import NotReachable, StatementError
from headgraph.graphdb.results.result import Result
from headgraph.loader.errors import LoaderError, NameTaken, TakenOver
from headgraph.loader.loading.plan import plan_load
from headgraph.pk_engine.table.selection import Selection
from tests.loader.fakes import GPT2, UNKNOWN_DECOYS, WillingGraph, counted
from tests.tables import random_table

TABLE = random_table(model="test/tiny")
WRITES = ("write", "write_all", "command")
STATE = ("name", "id", "edges", "selection", "labels", "label_source", "version")
PRESENT = "= toLower($name)"
EDGES = "CREATE (source)-[:"


def loaded(
    labels: str = "same",
    run_id: str | None = None,
    name: str = "tiny",
    version: int = schema.VERSION,
) -> Result:
    plan = plan_load(TABLE, None, None, None)
    sha = plan.labels_sha256 if labels == "same" else labels
    row = (name, run_id or plan.id, 1920, "top 7 per pairing", sha, "roles.csv", version)
    return Result(STATE, (row,))


def test_schema_then_heads_then_edges_then_publication() -> None:
    graph = WillingGraph()
    report = loader.load(TABLE, graph)
    texts = graph.texts(*WRITES)
    marks = ["CONSTRAINT", "CREATE INDEX", "AS claimed", "CREATE (r)-[:HAS_HEAD]", EDGES]
    marks += ["$publishing", "SET h:Head", "r.status = $complete"]
    places = [next(i for i, text in enumerate(texts) if mark in text) for mark in marks]
    assert places == sorted(places)
    assert not any("MERGE (source)" in text for text in texts)
    (edges,) = (text for text in texts if EDGES in text)
    assert [after[:2] for after in edges.split(EDGES)[1:]] == ["OQ", "OK", "OV"]
    published = [method for method, text, _ in graph.calls if "$publishing" in text]
    assert set(published) == {"write_all"}
    assert str(report).startswith(
        "loaded tiny: 16 heads (0 with roles) and 288 edges (OQ, OK, OV; all pairs) in "
    )
    assert report.outcome == "loaded"
    assert report.id == plan_load(TABLE, "tiny", None, None).id


def test_existing_schema_is_left_alone() -> None:
    from headgraph.graphdb import schema

    rows = [(text.split()[2], text.split()[2]) for text in schema.CONSTRAINTS]
    rows += [(text.split()[2], None) for text in schema.INDEXES]
    graph = WillingGraph({"SHOW INDEXES": Result(("name", "owningConstraint"), tuple(rows))})
    loader.load(TABLE, graph)
    assert graph.texts("command") == []
    assert not any(text.startswith("CREATE ") for text in graph.texts(*WRITES))


def test_an_index_is_no_constraint() -> None:
    """A server that is killed as it creates a constraint may keep the index alone."""
    rows = tuple((text.split()[2], None) for text in (*schema.CONSTRAINTS, *schema.INDEXES))
    graph = WillingGraph({"SHOW INDEXES": Result(("name", "owningConstraint"), rows)})
    loader.load(TABLE, graph)
    assert graph.texts("command") == list(schema.CONSTRAINTS)


def test_edges_of_a_large_run_are_batches_of_a_pairing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headgraph.loader.loading.writer.FEW", 287)
    graph = WillingGraph()
    loader.load(TABLE, graph)
    pairings = [re.findall(r"\[:(O\w)", text) for text in graph.texts("write") if EDGES in text]
    assert pairings == [["OQ"], ["OK"], ["OV"]]


@pytest.mark.parametrize("created", [True, False])
def test_heads_are_deleted_unless_the_run_is_new(created: bool) -> None:
    graph = WillingGraph({"AS claimed": counted(created)})
    loader.load(TABLE, graph)
    assert any("AS deleted" in text for text in graph.texts("write")) != created


def test_roles_need_one_statement(tmp_path: Path) -> None:
    """To plan a text takes a server that has just started as long as to write a small run."""
    labels = tmp_path / "roles.csv"
    labels.write_text("layer,head,role\n0,1,induction\n0,2,previous_token\n1,1,induction\n")
    graph = WillingGraph()
    loader.load(TABLE, graph, labels=labels)
    ((_, text, params),) = (call for call in graph.calls if "HAS_ROLE]->(role)" in call[1])
    found = [(it["role"], [row["head"] for row in it["heads"]]) for it in params["given"]]
    assert found == [("induction", ["L0H1", "L1H1"]), ("previous_token", ["L0H2"])]
    assert [it["place"] for it in params["given"]] == [0, 1]
    labels = re.findall(r"given\.place WHEN (\d) THEN .* SET h:(\w+)\)", text)
    assert labels == [("0", "InductionHead"), ("1", "PreviousTokenHead")]
    newer = WillingGraph(version=LABEL_VALUES)
    loader.load(TABLE, newer, labels=tmp_path / "roles.csv")
    ((_, text, newest),) = (call for call in newer.calls if "HAS_ROLE]->(role)" in call[1])
    assert ("InductionHead" in text, "SET h:$(given.label)" in text) == (False, True)
    assert newest == params


def test_nothing_is_planned_beside_the_load_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = WillingGraph()
    before: list[int] = []

    @contextmanager
    def warming(*_: Any) -> Iterator[Callable[[], None]]:
        yield lambda: before.append(len(graph.calls))

    monkeypatch.setattr("headgraph.loader.loading.load.warming", warming)
    loader.load(TABLE, graph)
    assert before == [0]


def test_values_go_as_parameters() -> None:
    graph = WillingGraph()
    loader.load(TABLE, graph, run="zebra")
    assert not any("zebra" in text for _, text, _ in graph.calls)


def test_the_same_again_changes_nothing() -> None:
    graph = WillingGraph({PRESENT: loaded()})
    report = loader.load(TABLE, graph)
    assert graph.texts(*WRITES) == []
    assert str(report) == ("tiny is loaded already, with this table and selection: nothing changed")


def test_other_labels_are_put_in_place_without_touching_edges(tmp_path: Path) -> None:
    labels = tmp_path / "roles.csv"
    labels.write_text("layer,head,role\n0,1,induction\n0,1,identity\n")
    graph = WillingGraph({PRESENT: loaded("others")})
    report = loader.load(TABLE, graph, labels=labels)
    assert {method for method, _, _ in graph.calls} == {"read", "write_all"}
    assert str(report) == (
        "updated the labels of tiny (1 with roles, from roles.csv); its edges stay as they are"
    )


def test_a_taken_name_is_refused_before_anything_is_written() -> None:
    graph = WillingGraph({PRESENT: loaded(run_id="0" * 64)})
    with pytest.raises(NameTaken) as caught:
        loader.load(TABLE, graph)
    assert str(caught.value) == (
        "the run tiny is there already, from another table or selection: give another name with "
        "run=NAME, or replace=True to put this one in its place"
    )
    assert caught.value.for_command_line() == (
        "the run tiny is there already, from another table or selection: give another name with "
        "--run NAME, or --replace to put this one in its place"
    )
    assert graph.texts(*WRITES) == []


def test_a_dry_run_changes_nothing_and_needs_no_database() -> None:
    graph = WillingGraph()
    report = loader.load(TABLE, graph, selection=Selection(top=2), dry_run=True)
    assert graph.texts(*WRITES) == []
    without = loader.load(TABLE, None, selection=Selection(top=2), dry_run=True)
    assert replace(without, seconds=0) == replace(report, seconds=0)
    assert str(report) == (
        "would load tiny: 16 heads (0 with roles) and 6 edges (OQ, OK, OV; top 2 per pairing)"
    )
    taken = WillingGraph({PRESENT: loaded(run_id="0" * 64)})
    with pytest.raises(NameTaken):
        loader.load(TABLE, taken, dry_run=True)
    report = loader.load(TABLE, taken, dry_run=True, replace=True)
    assert str(report).startswith("would replace tiny: 1,920 edges (top 7 per pairing) by 16 heads")
    assert taken.texts(*WRITES) == []
    same = loader.load(TABLE, WillingGraph({PRESENT: loaded()}), dry_run=True)
    assert str(same).endswith("nothing would change")


def test_labels_stay_unless_others_are_asked_for() -> None:
    graph = WillingGraph({PRESENT: loaded("others")})
    report = loader.load(TABLE, graph)
    assert graph.texts(*WRITES) == []
    assert report.outcome == "unchanged"
    (note,) = report.notes
    assert note == (
        "tiny keeps its labels from roles.csv: labels=FILE sets other labels; replace=True sets "
        "the bundled labels"
    )
    assert note.options == (
        "tiny keeps its labels from roles.csv: --labels FILE sets other labels; --replace sets "
        "the bundled labels"
    )
    assert loader.load(TABLE, graph, labels="none").outcome == "relabelled"
    assert loader.load(TABLE, graph, replace=True).outcome == "relabelled"


@pytest.mark.parametrize("labels", ["same", "others"])
def test_a_run_of_an_older_graph_says_how_to_get_what_is_new(labels: str) -> None:
    report = loader.load(TABLE, WillingGraph({PRESENT: loaded(labels, version=2)}))
    assert report.outcome == "unchanged"
    assert report.notes[-1].options == (
        f"tiny was loaded with version 2 of the graph, and this headgraph writes version "
        f"{schema.VERSION}: headgraph drop tiny and the same load again bring what is new"
    )


@pytest.mark.parametrize("replace", [False, True])
def test_a_name_that_differs_by_case_alone_is_refused(replace: bool) -> None:
    graph = WillingGraph({PRESENT: loaded(name="tiny")})
    with pytest.raises(NameTaken) as caught:
        loader.load(TABLE, graph, run="Tiny", replace=replace)
    for spelt, run in (
        (str(caught.value), "run='tiny'"),
        (caught.value.for_command_line(), "--run tiny"),
    ):
        assert spelt == (
            f"the run tiny is there already, and Tiny differs from it by case alone: give {run} if "
            "that is meant, or a name that differs more"
        )
    assert graph.texts(*WRITES) == []


def test_replace_says_what_went() -> None:
    report = loader.load(TABLE, WillingGraph({PRESENT: loaded(run_id="0" * 64)}), replace=True)
    assert str(report).startswith(
        "replaced tiny: 1,920 edges (top 7 per pairing) by 16 heads (0 with roles) and 288 edges "
    )
    assert report.notes == (UNKNOWN_DECOYS,)


def test_replace_says_that_there_was_nothing() -> None:
    report = loader.load(TABLE, WillingGraph(), replace=True)
    assert report.outcome == "loaded"
    nothing = "replace=True had nothing to replace: there was no run tiny"
    assert report.notes == (nothing, UNKNOWN_DECOYS)
    assert report.notes[0].options == "--replace had nothing to replace: there was no run tiny"


def test_all_pairs_of_a_file_that_lacks_some() -> None:
    narrow = TABLE.select(Selection(top=3))
    note, last = loader.load(narrow, WillingGraph(), selection=Selection()).notes
    assert last == UNKNOWN_DECOYS
    rest = (
        "is wider than the selection that made the file (top 3 per pairing): the file lacks pairs "
        "of OQ, OK, OV, and the graph has what there is; "
    )
    assert note == (
        f"selection=Selection() {rest}compute() with selection=Selection() makes a file that has "
        "every pair"
    )
    assert note.options == (
        f"--all {rest}headgraph compute with --all makes a file that has every pair"
    )
    assert loader.load(narrow, WillingGraph()).notes == (UNKNOWN_DECOYS,)
    assert loader.load(TABLE, WillingGraph(), selection=Selection()).notes == (UNKNOWN_DECOYS,)


def test_without_a_database_only_a_dry_run_works() -> None:
    with pytest.raises(LoaderError, match="no database to load tiny into"):
        loader.load(TABLE, None)


def test_notes_of_the_selection_are_in_the_report() -> None:
    narrow = TABLE.select(Selection(top=3))
    report = loader.load(narrow, WillingGraph(), selection=Selection(top=5))
    assert len(report.notes) == 2
    assert report.pairs == 9
    assert "top 3 per pairing; top 5 per pairing" in str(report)


def test_progress_counts_edges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headgraph.loader.loading.writer.FEW", 0)
    seen: list[tuple[int, int]] = []
    loader.load(TABLE, WillingGraph(), progress=lambda done, total: seen.append((done, total)))
    assert seen == [(96, 288), (192, 288), (288, 288)]


def test_grouped_models_tell_pairs_and_edges() -> None:
    table = random_table(3, 4, 2)
    report = loader.load(table, WillingGraph())
    assert (report.pairs, report.edges) == (96, 144)
    assert "144 edges for 96 scored pairs" in str(report)


class Failing(WillingGraph):
    """Fails when a statement holds `at`."""

    at = ""
    error: Exception = NotReachable("no database answers at bolt://x")

    def _answer(self, method: str, cypher: str, params: Params | None) -> Result:
        if self.at in cypher:
            raise self.error
        return super()._answer(method, cypher, params)


@pytest.mark.parametrize(
    ("at", "meaning", "python", "command"),
    [
        (
            EDGES,
            "nothing of tiny was published; load it again when the database is back, which removes "
            "what this attempt left and starts anew",
            "",
            "",
        ),
        (
            "r.status = $publishing",
            "whether tiny was published is not known: see {} when the database is back, or load it "
            "again, which changes nothing if it was",
            "runs(graph)",
            "headgraph runs",
        ),
        (
            "r.status = $status RETURN r.id",
            "tiny is published; what it replaced is out of sight, and the next {} deletes the rest "
            "of it",
            "load() or drop()",
            "headgraph load or drop",
        ),
    ],
)
def test_a_lost_connection_is_reported_with_what_it_means(
    at: str, meaning: str, python: str, command: str
) -> None:
    graph = Failing()
    graph.at = at
    with pytest.raises(NotReachable) as caught:
        loader.load(TABLE, graph)
    lost = f"no database answers at bolt://x; {meaning}"
    assert str(caught.value) == lost.format(python)
    assert caught.value.for_command_line() == lost.format(command)


def test_a_connection_lost_while_labels_change() -> None:
    graph = Failing({PRESENT: loaded("others")})
    graph.at = "SET r += $labels"
    with pytest.raises(NotReachable, match="whether the labels of tiny were changed is not known"):
        loader.load(TABLE, graph, labels="none")


def test_a_connection_lost_while_a_run_is_dropped() -> None:
    rows = Result(("id", "name", "heads", "edges"), (GPT2,))
    graph = Failing({"AS id, toStringOrNull(r.name)": rows})
    graph.at = "REMOVE old.name"
    with pytest.raises(NotReachable) as caught:
        loader.drop(graph, "gpt2")
    for spelt, runs, changes in (
        (str(caught.value), "runs(graph)", "load() or drop()"),
        (caught.value.for_command_line(), "headgraph runs", "load or drop"),
    ):
        assert spelt == (
            f"no database answers at bolt://x; when the database is back, see {runs}: while gpt2 "
            f"is listed, drop it again; the next {changes} removes a run with status dropping"
        )


def test_an_attempt_that_lost_its_heads_says_so() -> None:
    graph = WillingGraph({EDGES: counted(0)})
    with pytest.raises(TakenOver) as caught:
        loader.load(TABLE, graph)
    rest = "removed this attempt at tiny while it was at work, so it stopped and published nothing"
    assert str(caught.value) == f"another load or drop {rest}: see runs(graph)"
    assert caught.value.for_command_line() == (
        f"another headgraph load, drop or doctor {rest}: see headgraph runs"
    )


@pytest.mark.parametrize("own", [0, 1])
def test_a_refused_statement_is_told_from_a_lost_race(own: int) -> None:
    graph = Failing({"AS own": counted(own)})
    graph.at, graph.error = EDGES, StatementError("no memory", "Neo.X")
    with pytest.raises(StatementError if own else TakenOver):
        loader.load(TABLE, graph)


def test_a_name_taken_meanwhile_is_told_and_cleaned_up() -> None:
    graph = Failing()
    graph.at = "r.name = $name, r.status = $complete"
    graph.error = StatementError("exists", "Neo.ClientError.Schema.ConstraintValidationFailed")
    with pytest.raises(NameTaken):
        loader.load(TABLE, graph)
    assert "DETACH DELETE r" in graph.texts("write")[-1]

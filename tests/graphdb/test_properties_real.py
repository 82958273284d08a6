"""Properties that were set by hand: every reader refuses a wrong one in the same sentence."""

from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest

import headgraph
from headgraph import loader, queries
from headgraph.analysis.view.pages import view_answer, view_run
from headgraph.base.errors import HeadgraphError
from headgraph.graphdb import Graph
from headgraph.graphdb.description import ELEMENTS
from headgraph.graphdb.errors import WrongProperty
from headgraph.graphdb.properties import NEEDED, checked
from tests.queries.conftest import emptied
from tests.tables import random_table

NAN, INF = float("nan"), float("inf")
WRONG: dict[str, Any] = {
    "list of numbers": [1, 2], "list of texts": ["a", "b"], "empty list": [], "text": "abc",
    "negative": -3, "not a number": NAN, "infinite": INF, "huge": 2**63 - 1, "huge score": 1e300,
    "true": True, "fraction": 0.5, "missing": None,
}  # fmt: skip
GOOD = {
    "STRING": {"text"},
    "INTEGER": {"huge"},
    "FLOAT": {"negative", "huge", "fraction"},
    "BOOLEAN": {"true"},
    "LIST OF STRING": {"list of texts", "empty list"},
    "LIST OF INTEGER": {"list of numbers", "empty list"},
    "LIST OF FLOAT": {"list of numbers", "empty list"},
    "ZONED DATETIME": set(),
}
"""Wrong values that nevertheless have the type of a property; ranges refuse some of them."""
JSON = {"selection_rules", "scored", "moments", "deficient", "nulls", "origin", "layers"}
LEAST = {
    "pk", "decoy_q", "communities_resolution", "decoy_share_OQ", "decoy_share_neighbours_OQ",
    "decoy_share_further_OQ",
}  # fmt: skip
UNIT = {"pk_normalized", "share", "self_overlap", "p_covariance", "q_covariance", "previous_token",
        "duplicate_token", "induction", "identity"}  # fmt: skip
SIGNED = {"copying", "communities_modularity"}


def allowed(name: str, kind: str, word: str) -> bool:
    """Whether a load can write this value, by the description of the property."""
    if word not in GOOD[kind] or (kind == "STRING" and name in JSON):
        return False
    if word == "negative":
        return name not in LEAST | UNIT | SIGNED
    if word == "huge":
        return name not in UNIT | SIGNED
    return True


def concrete(name: str) -> str:
    return name.replace("PAIRING", "OQ").replace("METRIC", "cs").replace("NULL", "covariance")


PROPERTIES = [
    (element.name, concrete(it.name), it.type) for element in ELEMENTS for it in element.properties
]
SOUND: dict[str, dict[str, Any]] = {
    "Run": {"id": "1", "n_layers": 3, "n_heads": 4, "metrics": ["pk"], "pairings": ["OQ"]},
    "Head": {"id": "1:L0H0", "name": "L0H0", "layer": 0, "head": 0},
    "Role": {"name": "induction"},
    "HAS_ROLE": {},
    "PAIRING": {"pk": 1.0, "pk_normalized": 0.5, "pk_rank": 1, "share": 1.0},
}


@pytest.mark.parametrize(("element", "name", "kind"), PROPERTIES)
def test_each_property_is_checked(element: str, name: str, kind: str) -> None:
    assert checked(element, SOUND[element], "r") == SOUND[element]
    for word, value in WRONG.items():
        given = {**SOUND[element], name: value}
        good = name not in NEEDED[element] if value is None else allowed(name, kind, word)
        if good:
            assert checked(element, given, "r") == given, word
            continue
        with pytest.raises(WrongProperty) as caught:
            checked(element, given, "r", "head L0H0")
        said = str(caught.value)
        found = f"lacks {name}" if value is None else f"has {name} "
        assert said.startswith(f"run r: head L0H0 {found}"), said
        assert ", expected a" in said or ", expected true or false" in said
        assert "; correct it in the database, or load the table again with load(" in said
        assert len(said) < 300
        assert "\n" not in said


def test_a_users_own_properties_may_have_any_value() -> None:
    for value in WRONG.values():
        assert "mine" in checked("Head", {**SOUND["Head"], "mine": value}, "r")


@pytest.fixture(scope="module")
def stored(database: Graph, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Graph]:
    """A small run with every annotation, and one to compare it with."""
    graph = emptied(database)
    labels = tmp_path_factory.mktemp("labels") / "labels.csv"
    labels.write_text("layer,head,role,circuit,source,note\n1,0,induction,ioi,x,n\n")
    table = random_table(3, 4, 2, metrics=("pk", "cs"), series="s", step=1.0, format_2=True)
    loader.load(table, graph, run="t", labels=labels)
    loader.load(random_table(3, 4, 2, seed=2), graph, run="u")
    queries.communities(graph, run="t", write=True)
    yield graph
    emptied(graph)


WHERE = {
    "Run": "MATCH (x:Run {table_sha256: $sha})",
    "Head": "MATCH (:Run {table_sha256: $sha})-[:HAS_HEAD]->(x {place: 'L1H0'})",
    "HAS_ROLE": "MATCH (:Run {table_sha256: $sha})-[:HAS_HEAD]->({place: 'L1H0'})"
    "-[x:HAS_ROLE]->({own: 1})",
    "Role": "MATCH (x:Role {own: 1})",
    "PAIRING": "MATCH (:Run {table_sha256: $sha})-[:HAS_HEAD]->({place: 'L0H0'})"
    "-[x:OQ]->({place: 'L1H0'})",
}
Command = Callable[[Graph, Path], Any]


def asked(query: str, **values: Any) -> Command:
    return lambda graph, _: str(queries.query(query, graph, run="t", **values))


def drawn(query: str, **values: Any) -> Command:
    return lambda graph, _: view_answer(queries.node_link(query, graph, run="t", **values))


READERS: dict[str, Command] = {
    "view": lambda graph, _: view_run(graph, "t"),
    "networkx": lambda graph, _: headgraph.to_networkx("t", graph),
    "graphml": lambda graph, folder: headgraph.export("t", folder / "t.graphml", graph, force=True),
}
"""What reads every property of a run."""
OTHERS: dict[str, Command] = {
    "communities": lambda graph, _: queries.communities(graph, run="t"),
    "motifs": lambda graph, _: queries.motifs(graph, run="t", samples=1),
    "runs": lambda graph, _: str(headgraph.runs(graph)),
    "head_profile": asked("head_profile", head="L1H0"),
    "hubs_by_layer": asked("hubs_by_layer"),
    "role_matrix": asked("role_matrix"),
    "compare_runs": asked("compare_runs", other="u"),
    "neighbours on a page": drawn("neighbours", head="L1H0"),
    "series": lambda graph, _: queries.over_series("hubs", graph, series="s"),
    "cypher": lambda graph, _: str(
        queries.cypher("MATCH (h:Head {run: $run})-[e]->(b) RETURN h, e", graph, run="t")
    ),
}
HIDES = {("Run", "name"), ("Run", "status"), ("Head", "run")}
"""With another value there, the run or the head is another one."""


@pytest.mark.parametrize("element", WHERE)
def test_every_reader_refuses_a_wrong_property_in_one_sentence(
    element: str, stored: Graph, tmp_path: Path
) -> None:
    sha = stored.read("MATCH (r:Run {name: 't'}) RETURN r.table_sha256").single()
    stored.write(
        "MATCH (:Run {table_sha256: $sha})-[:HAS_HEAD]->(h) SET h.place = h.name "
        "WITH h MATCH (h)-[:HAS_ROLE]->(r {name: 'induction'}) SET r.own = 1",
        {"sha": sha},
    )
    words = [word for word in WRONG if word != "missing"]
    own = [(name, kind) for place, name, kind in PROPERTIES if place == element]
    for number, (name, kind) in enumerate(own):
        if name == "table_sha256":
            continue
        # values and commands in turn; the test above has each property with each value
        word = words[(number + number // len(words)) % len(words)]
        # the name as a parameter, so that all properties share two plans
        here = {"sha": sha, "name": name}
        before = stored.read(f"{WHERE[element]} RETURN x[$name]", here).single()
        change = f"{WHERE[element]} SET x[$name] = $value"
        try:
            stored.write(change, {**here, "value": WRONG[word]})
        except HeadgraphError:
            continue  # a name that another run or role has
        try:
            for run in [*READERS.values()][number % 2 :: 2]:
                wrong = not allowed(name, kind, word)
                refused(run, stored, tmp_path, (element, name), wrong=wrong)
            for run in [*OTHERS.values()][number % 4 :: 4]:
                refused(run, stored, tmp_path, (element, name), wrong=False)
        finally:
            stored.write(change, {**here, "value": before})
    for run in {**READERS, **OTHERS}.values():
        run(stored, tmp_path)


def refused(
    run: Command, graph: Graph, folder: Path, place: tuple[str, str], *, wrong: bool
) -> None:
    """Run a command on a changed graph: it may only end in one of headgraph's sentences."""
    error: HeadgraphError | None = None
    try:
        run(graph, folder)
    except HeadgraphError as caught:
        error = caught
    if wrong:
        assert error is not None, place
    if isinstance(error, WrongProperty) or (wrong and place not in HIDES):
        assert isinstance(error, WrongProperty), (place, error)
        assert place in HIDES or place[1] in str(error), place
        assert len(str(error)) < 300


def test_a_refused_statement_names_the_property(stored: Graph) -> None:
    """The server says `Cannot multiply String and Double` of a query; this says where."""
    edge = "MATCH (:Head {run: 't', name: 'L0H0'})-[e:OQ]->(:Head {name: 'L1H0'})"
    for value, name in product(("abc", [True]), ("z", "share")):
        before = stored.read(f"{edge} RETURN e.{name}").single()
        stored.write(f"{edge} SET e.{name} = $value", {"value": value})
        with pytest.raises(WrongProperty, match=f"^run t: an edge has {name} .*expected a number"):
            queries.query("head_profile", stored, run="t", head="L0H0")
        stored.write(f"{edge} SET e.{name} = $value", {"value": before})

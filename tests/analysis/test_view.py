"""What is on a page to explore, and what its file holds; tests/test_view_browser.py clicks it."""

import json
import re
from base64 import b64decode
from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import headgraph
from headgraph.analysis.errors import FigureError
from headgraph.analysis.view import Page, view, view_answer
from headgraph.analysis.view.answers import roles_of
from headgraph.analysis.view.content import Content, in_order, start_place, strongest
from headgraph.analysis.view.packed import MANY
from headgraph.analysis.view.page import as_inert
from headgraph.base.text import printable
from headgraph.base.version import VERSION
from headgraph.graphdb.schema import role_label
from headgraph.pk_engine.table.selection import Selection
from tests.tables import random_edges, random_table

VENDOR = Path(headgraph.__file__).parents[1] / "analysis" / "view" / "vendor"


def data(page: Page) -> dict:
    (text,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page.html())
    found = json.loads(text)
    assert isinstance(found, dict)
    return found


@pytest.fixture(scope="module")
def gpt2() -> Page:
    page = headgraph.view()
    assert isinstance(page, Page)
    return page


def test_the_page_holds_the_strongest_pairs_of_each_pairing(gpt2: Page) -> None:
    found = data(gpt2)
    table = headgraph.AffinityTable.read(
        headgraph.__path__[0] + "/../pk_engine/bundled/gpt2-small.parquet"
    )
    wanted = table.frame[table.frame["pk_rank"] <= 1000]
    assert len(found["edges"]["pairing"]) == len(wanted) == 3000
    names = [head["name"] for head in found["heads"]]
    rows = {
        (found["pairings"][p]["name"], names[s], names[t]): pk
        for p, s, t, pk in zip(
            *(found["edges"][key] for key in ("pairing", "source", "target")),
            found["edges"]["figures"]["pk"],
            strict=True,
        )
    }
    # Table 1 of the paper prints 39.331 for the strongest OK pair
    assert round(rows["OK", "L4H11", "L5H1"], 3) == 39.331
    for row in wanted.sample(50, random_state=0).to_dict("records"):
        key = (
            row["pairing"],
            f"L{row['source_layer']}H{row['source_head']}",
            f"L{row['target_layer']}H{row['target_head']}",
        )
        assert rows[key] == pytest.approx(row["pk"], rel=1e-4)


def test_it_starts_at_about_100_edges(gpt2: Page) -> None:
    found = data(gpt2)
    assert found["start"] == 34
    assert sum(place <= 34 for place in found["edges"]["figures"]["pk_rank"]) == 102


def test_numbers_are_those_of_the_table_to_the_last_digit_of_a_float32(gpt2: Page) -> None:
    """Rounded to five digits and then to four, 21.4449 would be 21.45."""
    found = data(gpt2)["edges"]["figures"]
    pk = headgraph.read_table("gpt2-small").frame.query("pk_rank <= 1000")["pk"]
    assert sorted(np.float32(value) for value in found["pk"]) == sorted(pk)


def test_chance_and_the_maximum_are_those_of_the_formula(gpt2: Page) -> None:
    """Two random subspaces of 64 dimensions of 768 have PK 64 * 64 / 768, at most 64."""
    for mean, sd, most in data(gpt2)["chance"]:
        assert mean == pytest.approx(64 * 64 / 768, abs=1e-4)
        assert sd == pytest.approx(0.10796, abs=1e-5)
        assert most == 64
    grouped = data(view(random_table(3, 8, 2, d_head=8)))["chance"]
    assert {round(mark[0], 4) for mark in grouped} == {1.0}, "8 * 8 / 64"


def test_random_weights_draw_no_strong_edge(gpt2: Page, random_weights: str) -> None:
    """A page scales from chance, not from its weakest edge, so nothing looks like a finding."""
    strong = data(gpt2)["edges"]["weight"]
    weak = data(view(random_weights))["edges"]["weight"]
    assert max(strong) == 1
    assert max(weak) < 0.35


def test_heads_have_their_copying_and_their_derived_role(gpt2: Page) -> None:
    heads = {head["name"]: head for head in data(gpt2)["heads"]}
    erasers = {name for name, head in heads.items() if head["derived"] == "eraser"}
    assert erasers == {"L1H11", "L3H10", "L4H7", "L5H11", "L6H6"}
    assert heads["L4H7"]["facts"]["copying"] == pytest.approx(-0.9985, abs=1e-4)
    assert heads["L4H7"]["facts"]["self_overlap"] == pytest.approx(53.83 / 64, abs=1e-4)
    found = data(gpt2)
    assert {"eraser", "copier"}.isdisjoint(role["name"] for role in found["roles"])


def test_derived_roles_of_an_answer_are_none_of_the_literature() -> None:
    properties = {"layer": 0, "head": 1, "copying": -0.95, "self_overlap": 0.6}
    nodes = [{"id": "a", "labels": ["Head", "Eraser"], "properties": properties}]
    about = {"query": "q", "title": "T", "params": {}}
    found = data(view_answer({"graph": about, "nodes": nodes, "links": []}))
    assert found["roles"] == []
    assert [head["derived"] for head in found["heads"]] == [None, "eraser"]


def test_the_page_says_what_an_edge_means_who_made_it_and_by_which_method(gpt2: Page) -> None:
    html = gpt2.html()
    head = html[: html.index("<main>")]
    assert "<title>gpt2-small: attention heads by Projection Kernel (headgraph)</title>" in head
    assert "An edge means that its target could read what its source writes" in head
    assert "It does not mean that this happens on any text" in head
    assert f"Made by headgraph {VERSION}" in head


def test_heads_stand_by_layer_and_index(gpt2: Page) -> None:
    heads = {head["name"]: head for head in data(gpt2)["heads"]}
    assert len(heads) == 144
    assert heads["L3H5"]["y"] == heads["L3H9"]["y"] > heads["L4H5"]["y"], "layers go up"
    assert heads["L3H5"]["x"] == heads["L8H5"]["x"] < heads["L8H6"]["x"]
    assert len({(head["x"], head["y"]) for head in heads.values()}) == 144


def test_known_roles_are_there_in_the_order_of_the_figures(gpt2: Page) -> None:
    found = data(gpt2)
    roles = [role["name"] for role in found["roles"]]
    assert roles[:2] == ["identity", "previous_token"]
    (hub,) = [head for head in found["heads"] if head["name"] == "L4H7"]
    assert [roles[i] for i in hub["roles"]] == ["identity"]
    # a head in the circuit of a task is there beside what it does
    (both,) = [head for head in found["heads"] if head["name"] == "L5H5"]
    assert [roles[i] for i in both["roles"]] == ["induction", "greater_than"]
    bearers = [head for head in found["heads"] if roles.index("greater_than") in head["roles"]]
    assert len(bearers) == 10, "as many as Hanna et al. name"
    assert data(view(labels="none"))["roles"] == []


def test_a_cut_keeps_whole_places() -> None:
    edges = pd.DataFrame({"pk_rank": [1, 1, 1, 1, 2, 2, 3]})
    assert len(strongest(edges, 7)) == 7
    assert len(strongest(edges, 6)) == 6
    assert len(strongest(edges, 5)) == 4
    assert len(strongest(edges, 1)) == 4, "one place at least"
    assert start_place(edges) == 3
    assert start_place(edges[:0]) == 0


def test_a_grouped_query_model_has_an_edge_for_each_query_head() -> None:
    found = data(view(random_table(3, 8, 2)))
    ok = found["pairings"].index(next(p for p in found["pairings"] if p["name"] == "OK"))
    shares = {
        share
        for p, share in zip(found["edges"]["pairing"], found["edges"]["share"], strict=True)
        if p == ok
    }
    assert shares == {0.25}
    assert {head["facts"]["kv_head"] for head in found["heads"]} == {0, 1}


@pytest.mark.parametrize(
    ("table", "heads"),
    [
        (random_table(1, 4), 4),
        (random_table(4, 1), 4),
        (random_table(3, 3).select(Selection(min_pk=1e6)), 9),
    ],
    ids=["one layer", "one head", "nothing kept"],
)
def test_small_and_empty_tables_give_a_page(table: headgraph.AffinityTable, heads: int) -> None:
    page = view(table)
    found = data(page)
    assert len(found["heads"]) == heads
    assert len(found["edges"]["pairing"]) == len(table)
    assert f"{len(table)} edges" in page.html()


def test_the_same_table_gives_the_same_bytes() -> None:
    table = random_table(3, 3)
    assert view(table).html() == view(table).html()


HOSTILE = "</script><script>alert(1)</script><!--<img src=x onerror=alert(2)>\u2028&\"'"


def test_a_hostile_name_stays_words() -> None:
    page = view(random_table(2, 2, model=HOSTILE))
    html = page.html()
    assert data(page)["title"] == printable(HOSTILE)
    assert html.count("<script") == 3
    assert "<img" not in html
    assert "\u2028" not in as_inert(HOSTILE)


def test_no_number_that_json_lacks() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        as_inert({"pk": float("nan")})
    table = random_table(2, 2)
    edges = table.edges().assign(cs=np.nan)
    content = Content(title="x", about=[], n_layers=2, n_heads=2, edges=edges)
    assert set(content.data()["edges"]["figures"]["cs"]) == {None}


def unpacked(column: dict) -> np.ndarray:
    if "every" in column:
        return np.full(column["n"], column["every"])
    return np.frombuffer(b64decode(column["base64"]), f"<{column['of']}")


def test_columns_of_many_edges_are_packed_and_hold_the_same_numbers() -> None:
    frame = random_edges(16, 40, MANY + 1).assign(words="a", decoys=7.0)
    frame.loc[3, "decoys"] = -1  # not counted
    content = Content(title="x", about=[], n_layers=16, n_heads=40, edges=frame)
    found = data(Page(content))["edges"]
    ordered = in_order(frame)
    figures = {name: unpacked(found["figures"][name]) for name in ("pk", "z", "pk_rank", "decoys")}
    for name in ("pk", "z", "pk_rank"):
        assert (figures[name] == ordered[name].astype(np.float32)).all()
    uncounted = ordered.index[ordered["decoys"] < 0]
    assert np.flatnonzero(np.isnan(figures["decoys"])) == uncounted
    assert found["figures"]["words"] == ["a"] * len(frame)
    for end in ("source", "target"):
        number = ordered[f"{end}_layer"] * 40 + ordered[f"{end}_head"]
        assert (unpacked(found[end]) == number).all()
    assert found["kv_head"] == {"of": "i4", "n": len(frame), "every": -1}
    assert unpacked(found["weight"]).max() == 255


def test_the_slider_of_many_edges_stops_at_ranks_2_percent_apart() -> None:
    content = Content(
        title="x", about=[], n_layers=16, n_heads=40, edges=random_edges(16, 40, MANY + 1)
    )
    places = content.data()["places"]
    assert places[:50] == [*range(1, 51)]
    assert places[-1] == content.edges["pk_rank"].max()
    steps = np.divide(places[1:], places[:-1])[60:-1]
    assert steps.min() >= 1.02
    assert steps.max() < 1.04


def test_only_numbers_are_packed() -> None:
    with pytest.raises(TypeError, match="is not a type of numbers"):
        as_inert({"x": np.array(["a"])})


def test_the_policy_lets_only_the_scripts_of_the_page_run(gpt2: Page) -> None:
    html = gpt2.html()
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', html)
    assert policy.startswith("default-src &#39;none&#39;; script-src &#39;sha256-")
    assert "unsafe" not in policy
    assert not re.findall(r'src="', html)
    (paper,) = re.findall(r'<[^<]* href="[^"]*"', html)
    assert paper == '<a href="https://arxiv.org/abs/2601.10266"', "only a click opens it"


def test_d3_is_the_file_that_its_note_says() -> None:
    note = (VENDOR / "README.md").read_text("utf-8")
    assert sha256((VENDOR / "d3.min.js").read_bytes()).hexdigest() in note
    assert "Permission to use, copy, modify" in (VENDOR / "LICENSE-d3").read_text("utf-8")


def test_bad_input_is_one_sentence(gpt2: Page, tmp_path: Path) -> None:
    with pytest.raises(FigureError, match=r"v\.svg ends in '\.svg': expected a page ending"):
        gpt2.write(tmp_path / "v.svg")
    with pytest.raises(FigureError, match="most=0: expected a whole number of at least 1"):
        view("gpt2-small", most=0)
    (tmp_path / "v.html").write_text("mine")
    with pytest.raises(Exception, match="exists already: give another name, or force=True"):
        gpt2.write(tmp_path / "v.html")
    assert gpt2.write(tmp_path / "v.html", force=True).stat().st_size > 100_000
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("role", ["induction", "s_inhibition", "negative_name_mover", "a_role"])
def test_roles_are_read_from_labels(role: str) -> None:
    assert roles_of(["Head", role_label(role)]) == (role,)


def test_an_answer_without_edges_gives_a_page() -> None:
    answer = {
        "graph": {"query": "paths", "title": "Paths", "params": {"run": "tiny"}},
        "nodes": [{"id": "r", "labels": ["Role"], "properties": {"name": "identity"}}],
        "links": [],
    }
    page = view_answer(answer)
    assert "Paths: tiny" in page.html()
    assert "Stored query paths (run tiny): no heads and no edges." in page.html()
    assert data(page)["edges"]["pairing"] == []
    assert "An edge means" not in page.html()


def test_an_answer_of_a_cut_run_says_so() -> None:
    about = {
        "query": "neighbours", "title": "Neighbours", "params": {"run": "tiny"},
        "limited": "shows 2 of 9 edges that enter L1H0: -p limit=9 shows all",
        "cut": "run tiny keeps 3 % of OQ (PK >= 12.25): other pairs are not in the graph",
    }  # fmt: skip
    head = {"id": "a", "labels": ["Head"], "properties": {"layer": 0, "head": 0}}
    for nodes in ([], [head]):
        (words,) = re.findall(
            "<p>(.*?)<span", view_answer({"graph": about, "nodes": nodes, "links": []}).html()
        )
        assert "Shows 2 of 9 edges that enter L1H0: -p limit=9 shows all." in words
        assert (
            "Run tiny keeps 3 % of OQ (PK &gt;= 12.25): other pairs are not in the graph." in words
        )


def test_a_page_of_two_runs_says_that_its_edges_are_of_either() -> None:
    about = {"query": "q", "title": "T", "params": {"run": "b", "other": "a"}}
    nodes = [
        {"id": run, "labels": labels, "properties": {"layer": 0, "head": 0, "run": run, **copies}}
        for run, labels, copies in (("b", ["Head", "IdentityHead"], {"copying": 0.5}),
                                    ("a", ["Head", "InductionHead"], {"copying": 0.1}))
    ]  # fmt: skip
    page = view_answer({"graph": about, "nodes": nodes, "links": []})
    assert "T: b and a" in page.html()
    assert "An edge is of b or a, and the page does not show which" in page.html()
    assert page.content.roles[0, 0] == ("identity",)
    assert page.content.facts[0, 0]["copying"] == 0.5


@pytest.mark.parametrize(
    ("copying", "words"),
    [
        (
            -0.9985,
            "copying -1.00 and self-overlap 0.84: it writes the negative of what it reads as "
            "value.",
        ),
        (
            0.95,
            "copying 0.95 and self-overlap 0.84: it writes what it reads as value with its sign.",
        ),
        (0.2, "copying 0.20 and self-overlap 0.84: it is neither a copier nor an eraser."),
        (None, None),
    ],
)  # fmt: skip
def test_a_page_says_the_sign_of_the_head_that_was_asked_about(
    copying: float | None, words: str | None
) -> None:
    about = {"query": "through", "title": "T", "params": {"run": "tiny", "head": "L0H1"}}
    scores = {} if copying is None else {"copying": copying, "self_overlap": 0.841}
    nodes = [
        {"id": "a", "labels": ["Head"], "properties": {"layer": 0, "head": 1, **scores}},
        {"id": "b", "labels": ["Head"], "properties": {"layer": 1, "head": 0, **scores}},
    ]
    html = view_answer({"graph": about, "nodes": nodes, "links": []}).html()
    start = html[: html.index("<main>")]
    assert start.count("has copying") == (words is not None)
    assert words is None or f"L0H1 has {words}" in start


def test_an_answer_without_heads_draws_none_and_says_why() -> None:
    about = {"query": "paths", "title": "Paths", "params": {"run": "tiny"}, "no_rows": "for x"}
    page = view_answer({"graph": about, "nodes": [], "links": []})
    assert data(page)["heads"] == []
    assert "Stored query paths (run tiny): no heads and no edges (for x)." in page.html()


def test_of_heads_outside_an_answer_nothing_is_said() -> None:
    answer = {
        "graph": {"query": "roles", "title": "Roles", "params": {"run": "tiny"}},
        "nodes": [
            {"id": "a", "labels": ["Head", "IdentityHead"], "properties": {"layer": 0, "head": 1}},
            {"id": "b", "labels": ["Head"], "properties": {"layer": 1, "head": 0}},
        ],
        "links": [],
    }
    page = view_answer(answer)
    known = {head["name"]: head["known"] for head in data(page)["heads"]}
    assert known == {"L0H0": False, "L0H1": True, "L1H0": True, "L1H1": False}
    assert "The smallest dots are heads outside the answer." in page.html()
    assert all(head["known"] for head in data(view(random_table(2, 3)))["heads"])

"""`headgraph view` and `query --graph --html`, on files and on a real database."""

import json
import re
from pathlib import Path
from typing import Any

import networkx as nx
import pytest
from click.testing import CliRunner

from headgraph import loader, queries
from headgraph.analysis.view import Page, view, view_answer, view_run
from headgraph.base.errors import UnknownRun
from headgraph.graphdb import Graph
from headgraph.graphdb.connection.runner import RecordingGraph
from headgraph.pk_engine import AffinityTable, Selection
from headgraph.pk_engine.bundled import table_path
from tests.commands import headgraph
from tests.tables import random_table

Edge = tuple[str, str, str, float]


def data(html: str) -> dict[str, Any]:
    (text,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', html)
    found: dict[str, Any] = json.loads(text)
    return found


def edges(found: dict[str, Any]) -> list[Edge]:
    names = [head["name"] for head in found["heads"]]
    columns = (found["edges"][key] for key in ("pairing", "source", "target"))
    pk = found["edges"]["figures"]["pk"]
    return [
        (found["pairings"][p]["name"], names[s], names[t], value)
        for p, s, t, value in zip(*columns, pk, strict=True)
    ]


def roles(found: dict[str, Any]) -> dict[str, list[str]]:
    return {
        head["name"]: [found["roles"][role]["name"] for role in head["roles"]]
        for head in found["heads"]
    }


@pytest.fixture
def gpt2(graph: Graph) -> Graph:
    loader.load("gpt2-small", graph, run="gpt2", selection=Selection(top_percent=1))
    return graph


def test_a_run_gives_the_page_of_its_table(gpt2: Graph) -> None:
    table = AffinityTable.read(table_path("gpt2-small")).select(Selection(top_percent=1))
    run, file = (data(page.html()) for page in (view_run(gpt2, "gpt2"), view(table)))
    assert len(edges(run)) == 288
    assert edges(run) == edges(file)
    assert roles(run) == roles(file)
    figures, wanted = run["edges"]["figures"], file["edges"]["figures"]
    # a graph has no counts of backward pairs, only what follows from them for its edges
    assert wanted.keys() - figures.keys() <= {"decoys", "decoy_q"}
    assert figures == {name: wanted[name] for name in figures}
    assert run["chance"] == file["chance"]
    assert run["edges"]["weight"] == file["edges"]["weight"]
    page = view_run(gpt2, most=30)
    assert len(edges(data(page.html()))) == 30, "the only run, cut"
    assert "30 of 288 edges, the strongest of each pairing (run loaded: top 1" in page.html()


def test_what_was_measured_of_heads_is_there(gpt2: Graph) -> None:
    gpt2.write("MATCH (h:Head {run: 'gpt2', name: 'L4H7'}) SET h.identity = 0.75")
    (hub,) = [h for h in data(view_run(gpt2).html())["heads"] if h["name"] == "L4H7"]
    assert hub["facts"]["identity"] == 0.75


def test_a_run_of_a_grouped_query_model_has_its_arrows(graph: Graph) -> None:
    table = random_table(3, 8, 2)
    loader.load(table, graph, run="grouped")
    run, file = (data(page.html()) for page in (view_run(graph), view(table)))
    assert run["edges"] == file["edges"]
    assert run["heads"] == file["heads"]


def test_a_run_that_is_not_there_is_one_sentence(gpt2: Graph) -> None:
    with pytest.raises(
        UnknownRun, match=r"no run 'gtp2' \(did you mean gpt2\?\): the .*headgraph\.view takes"
    ):
        view_run(gpt2, "gtp2")
    with pytest.raises(UnknownRun, match=r"the database holds no run: headgraph\.load"):
        view_run(RecordingGraph())
    loader.load(random_table(2, 2), gpt2, run="other")
    with pytest.raises(UnknownRun, match=r"holds 2 runs \(gpt2, other\): say which with run="):
        view_run(gpt2)


def test_an_answer_gives_a_page_of_its_heads(gpt2: Graph) -> None:
    answer = queries.node_link("strongest_edges", gpt2, run="gpt2", per_pairing=5)
    page = view_answer(answer)
    assert isinstance(page, Page)
    # the oracle: networkx reads the same answer
    known = nx.node_link_graph(answer, edges="links")
    names = nx.get_node_attributes(known, "properties")
    wanted = {(kind, names[a]["name"], names[b]["name"]) for a, b, kind in known.edges(keys=True)}
    found = data(page.html())
    assert {edge[:3] for edge in edges(found)} == wanted
    assert len(wanted) == 15
    assert roles(found)["L4H7"] == ["identity"]
    assert "Stored query strongest_edges (" in page.html()
    assert "An edge means that its target could read what its source writes" in page.html()


@pytest.mark.usefixtures("gpt2", "server")
def test_the_commands(tmp_path: Path) -> None:
    where = tmp_path / "v.html"
    done = headgraph("view", "gpt2", "-o", str(where))
    assert (done.returncode, done.stdout) == (0, f"{where}\n"), done.stderr
    assert len(edges(data(where.read_text("utf-8")))) == 288
    again = headgraph("view", "gpt2", "-o", str(where))
    assert again.returncode == 1
    assert "exists already: give another name, or --force" in again.stderr
    asked = ("query", "strongest_edges", "-p", "per_pairing=2", "--graph", "--html", str(where))
    done = headgraph(*asked, "--force")
    assert (done.returncode, done.stdout) == (0, f"{where}\n"), done.stderr
    assert len(edges(data(where.read_text("utf-8")))) == 6


def test_wrong_usage_is_said_before_a_database_is_looked_for(tmp_path: Path) -> None:
    for args, words in {
        ("query", "hubs", "--html", "x.html"): "--html requires a query and --graph",
        ("query", "hubs", "--force"): "--force requires --html FILE",
        (
            "view",
            "gpt2-small",
            "--run",
            "x",
            "-o",
            "x.html",
        ): "a table and --run exclude each other",
        ("view", "--run", "x", "--labels", "none", "-o", "x.html"): "--labels requires a table",
    }.items():
        done = headgraph(*args)
        assert done.returncode == 2, args
        assert words in done.stderr
    done = headgraph("view", "gpt2-small", "-o", str(tmp_path / "v.pdf"))
    assert done.returncode == 1
    assert "v.pdf ends in '.pdf': expected a page ending in .html" in done.stderr


def test_a_name_that_is_nothing_here_is_told_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    for name in ("NEO4J_URI", "NEO4J_USERNAME", "NEO4J_PASSWORD", "NEO4J_DATABASE"):
        monkeypatch.delenv(name, raising=False)
    done = headgraph("view", "someone/a-model", "-o", str(tmp_path / "v.html"))
    assert done.returncode == 3
    assert "'someone/a-model' is neither a table nor a folder, and the runs" in done.stderr
    assert "headgraph compute someone/a-model -o t.parquet, then headgraph view" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_the_page_is_opened_where_there_is_a_screen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from headgraph.analysis.view.commands import view as command

    seen: list[str] = []
    monkeypatch.setattr("click.launch", seen.append)
    where = tmp_path / "a page.html"
    args = ["gpt2-small", "-o", str(where), "--most", "9", "--force", "--open"]
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    done = CliRunner().invoke(command, args)
    assert f"no screen found: open {where} in a browser" in done.stderr
    assert seen == []
    monkeypatch.setenv("DISPLAY", ":0")
    done = CliRunner().invoke(command, args)
    assert seen == [where.as_uri()]
    assert "%20" in seen[0]


def test_a_table_needs_no_database(tmp_path: Path) -> None:
    table = random_table(2, 3).write(tmp_path / "t.parquet")
    done = headgraph("view", str(table), "-o", str(tmp_path / "v.html"), "--most", "9")
    assert done.returncode == 0, done.stderr
    assert len(edges(data((tmp_path / "v.html").read_text("utf-8")))) == 9

"""The commands on a real server."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from zipfile import ZipFile

import click
import pytest
from click.testing import CliRunner

from headgraph import cli, loader, queries
from headgraph.base.errors import UnknownRun
from headgraph.graphdb import Graph
from headgraph.graphdb.server import RunningServer
from headgraph.queries.answers.command import query
from headgraph.queries.browser.command import browser
from headgraph.queries.errors import NoBrowser
from headgraph.queries.network.command import motifs
from headgraph.queries.statements.command import cypher
from tests.tables import random_table


@pytest.fixture(autouse=True)
def address(gpt2: Graph, server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEO4J_URI", server.bolt_uri)
    monkeypatch.setenv("NEO4J_PASSWORD", server.password())


def call(command: click.Command, *args: str) -> Any:
    return command.main(list(args), standalone_mode=False)


def test_query_as_table_as_graph_and_as_text(gpt2: Graph) -> None:
    args = ["through", "-p", "head=l4h7", "-p", "limit=3"]
    assert call(query, *args).equals(
        queries.query("through", gpt2, run="gpt2", head="L4H7", limit=3)
    )
    drawn = json.loads(call(query, *args, "--graph"))
    assert drawn == queries.node_link("through", gpt2, head="L4H7", limit=3)
    text = call(query, *args, "--run", "gpt2", "--show")
    assert text.startswith(':params {"run": "gpt2", "head": "L4H7", "limit": 3, "per_head": 2};\n')


def test_without_rows_the_reason_names_commands(
    gpt2: Graph, capsys: pytest.CaptureFixture[str]
) -> None:
    cut = queries.query("hubs", gpt2).attrs["cut"]
    why = "run gpt2 has edges of OQ, OK, OV, but none of OO, which this query reads; "
    helps = (
        "headgraph compute MODEL --pairings all -o FILE and headgraph load FILE --run gpt2 "
        "--replace add them"
    )
    drawn = json.loads(call(query, "write_alike", "--graph"))
    assert drawn["graph"]["no_rows"] == why + helps
    assert capsys.readouterr().err == f"no rows: {why}{helps}\n{cut}\n"
    done = CliRunner().invoke(cli.headgraph, ["query", "write_alike", "--format", "json"])
    assert done.stderr == f"no rows: {why}{helps}\n{cut}\n"


def test_a_question_of_every_checkpoint_in_every_format(gpt2: Graph) -> None:
    for step in (5.0, 40.0):
        table = random_table(seed=int(step), series="training", step=step)
        loader.load(table, gpt2, run=f"step-{step:g}")
    try:
        call_ = ["query", "hubs", "--series", "training", "-p", "limit=2", "--format"]
        answer = CliRunner().invoke(cli.headgraph, [*call_, "json"])
        rows = json.loads(answer.stdout)
        assert [row["step"] for row in rows] == [5, 5, 40, 40]
        first = queries.query("hubs", gpt2, run="step-5", limit=2)
        assert [row["head"] for row in rows[:2]] == list(first["head"])
        lines = CliRunner().invoke(cli.headgraph, [*call_, "csv"]).stdout.splitlines()
        assert lines[0].startswith("step,checkpoint,head,inlet,")
        assert len(lines) == 5
    finally:
        for step in (5, 40):
            loader.drop(gpt2, f"step-{step}")


def test_communities_and_motifs(gpt2: Graph) -> None:
    done = CliRunner().invoke(
        cli.headgraph,
        ["communities", "--run", "gpt2", "--seed", "2", "--write", "--format", "json"],
    )
    found = queries.communities(gpt2, run="gpt2", seed=2)
    assert [row["heads"] for row in json.loads(done.stdout)] == list(found["heads"])
    cut = found.attrs["cut"]
    assert cut.startswith("run gpt2 holds 3 % of pairs: OQ from PK ")
    shuffled = (
        f"{found.attrs['modularity_shuffled']:.3f} with edges shuffled within each pair of layers; "
        "overlap alone makes groups too"
    )
    modularity = f"modularity {found.attrs['modularity']:.3f}, seed 2; {shuffled}"
    assert done.stderr == f"{modularity}\n{cut}\n"
    assert len(queries.query("communities", gpt2)) == len(found)
    args = ["--samples", "3", "--seed", "7", "--strongest", "50"]
    done = CliRunner().invoke(cli.headgraph, ["motifs", *args])
    assert "so a low p is no sign of function\n" in done.stderr
    answer = call(motifs, *args)
    assert answer.equals(queries.motifs(gpt2, samples=3, seed=7, strongest=50))


def test_no_rows_come_with_the_catalogues_own_words(gpt2: Graph) -> None:
    loader.load(random_table(), gpt2, run="nameless")
    try:
        call_ = ["query", "ioi_circuit", "--run", "nameless", "--format"]
        for format_, out in (("json", "[]\n"), ("jsonl", "")):
            done = CliRunner().invoke(cli.headgraph, [*call_, format_])
            assert (done.exit_code, done.stdout) == (0, out)
            assert done.stderr == (
                "no rows: that is an answer where the model's IOI heads are not known\n"
            )
    finally:
        loader.drop(gpt2, "nameless")


def test_cypher_says_when_there_are_more_rows(capsys: pytest.CaptureFixture[str]) -> None:
    frame = call(cypher, "MATCH (h:Head) RETURN h.name AS head", "--limit", "2")
    assert len(frame) == 2
    assert capsys.readouterr().err == "only the first 2 rows are shown: use --limit for more\n"


def test_cypher_names_what_the_database_lacks(capfd: pytest.CaptureFixture[str]) -> None:
    text = "MATCH (h:Hed {pk_nrmalized: 'x'})-[:OX]->() RETURN h.name"
    assert call(cypher, text).empty
    assert sorted(capfd.readouterr().err.splitlines()) == [
        "note: the database has no label Hed (did you mean Head?)",
        "note: the database has no property pk_nrmalized (did you mean pk_normalized?)",
        "note: the database has no relationship type OX",
    ]
    call(cypher, "MATCH (a:Head), (b:Head) RETURN count(*)")
    assert capfd.readouterr().err == "", "what the server thinks of the plan is no news to a user"


def test_browser_prints_the_link_and_who_logs_in(
    server: RunningServer, capsys: pytest.CaptureFixture[str]
) -> None:
    link = call(browser, "hubs", "-p", "limit=3", "--print")
    assert link.startswith(f"{server.browser_url}headgraph/kit.html?")
    assert urlsplit(link).fragment == "run=gpt2&once=1"
    (typed,) = parse_qs(urlsplit(link).query)["arg"]
    assert typed == queries.filled("hubs", run="gpt2", limit=3)
    said = capsys.readouterr().err
    assert said == "user: neo4j; password: headgraph server status --show-password\n"
    assert server.password() not in link + said


def test_browser_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headgraph.graphdb.server.running", lambda: None)
    link = call(browser, "--browser-url", "http://db.example:7474/browser/")
    assert link.startswith("http://db.example:7474/browser/?dbms=bolt%3A%2F%2Fneo4j%40127.0.0.1")
    assert "cmd=" not in link
    monkeypatch.setattr("headgraph.queries.browser.link._usual_address", lambda uri: None)
    with pytest.raises(NoBrowser, match="says where its Neo4j Browser is: give browser_link") as no:
        call(browser)
    assert "its Neo4j Browser is: give --browser-url, such as" in no.value.for_command_line()


def test_browser_without_a_query_goes_by_the_page_of_favourites(
    server: RunningServer, gpt2: Graph, capsys: pytest.CaptureFixture[str]
) -> None:
    link = urlsplit(call(browser, "--print"))
    assert f"{link.scheme}://{link.netloc}{link.path}" == f"{server.browser_url}headgraph/kit.html"
    assert link.fragment == "run=gpt2&every=1"
    assert urlsplit(call(browser, "--run", "gpt2")).fragment == "run=gpt2"
    with pytest.raises(UnknownRun, match=r"no run 'gpt'.*did you mean gpt2"):
        call(browser, "--run", "gpt")
    assert server.password() not in link.geturl() + capsys.readouterr().err


def test_a_server_without_the_page_is_opened_as_it_is(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("headgraph.queries.browser.setup_page.is_served", lambda url: False)
    assert "headgraph/kit" not in call(browser, "hubs", "--print")
    assert "headgraph/kit" not in call(browser, "--print")
    assert "run headgraph server stop, then headgraph server start\n" in capsys.readouterr().err
    elsewhere = call(browser, "--browser-url", "http://db.example:7474/browser/")
    assert elsewhere.startswith("http://db.example:7474/browser/?")
    assert "headgraph browser --kit DIR writes" in capsys.readouterr().err


def test_the_kit_of_every_run_and_of_one(
    gpt2: Graph,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    files = call(browser, "--kit", str(tmp_path / "all")).splitlines()
    assert files[0] == str(tmp_path / "all" / "guide.html")
    assert "headgraph gpt2/Hubs.cypher" in ZipFile(tmp_path / "all" / "favourites.zip").namelist()
    with pytest.raises(UnknownRun, match=r"no run 'gpt'.*did you mean gpt2"):
        call(browser, "--kit", str(tmp_path / "none"), "--run", "gpt")
    assert not (tmp_path / "none").exists()
    monkeypatch.setenv("NEO4J_URI", "bolt://127.0.0.1:9")  # a named run needs no database
    call(browser, "--kit", str(tmp_path / "one"), "--run", "mine")
    assert "run mine was not checked" in capsys.readouterr().err
    assert "headgraph mine/Hubs.cypher" in ZipFile(tmp_path / "one" / "favourites.zip").namelist()

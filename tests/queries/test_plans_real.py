"""Plans and durations as `headgraph cypher` prints them.

As test_reads_real.py, this has the server plan everything anew, so it is one of the last files.
"""

import re

import pytest

from headgraph import queries
from headgraph.graphdb import Graph
from headgraph.queries.errors import Refused
from tests.commands import headgraph


@pytest.fixture(scope="module")
def gpt2(gpt2: Graph) -> Graph:
    """The run, with statistics of what is there now, whatever earlier modules loaded."""
    gpt2.command("CALL db.prepareForReplanning(240)")
    return gpt2


TEXT = "MATCH (a:Head {run: $run, name: $head})-[e:OV]->(b) RETURN b.name AS b, e.pk AS pk"


def test_explain_shows_a_plan_and_runs_nothing(gpt2: Graph) -> None:
    plan = queries.cypher(TEXT, gpt2, run="gpt2", params={"head": "L4H7"}, explain=True)
    assert list(plan.columns) == ["operator", "estimated_rows", "details"]
    assert plan["operator"].iloc[0] == "ProduceResults"
    assert plan["operator"].iloc[-1] == "NodeIndexSeek"
    assert plan.attrs["cut"] == ""


def test_profile_counts_rows_and_reads(gpt2: Graph) -> None:
    answer = queries.cypher(TEXT, gpt2, run="gpt2", params={"head": "L4H7"})
    plan = queries.cypher(TEXT, gpt2, run="gpt2", params={"head": "L4H7"}, profile=True, limit=1)
    assert list(plan.columns) == ["operator", "estimated_rows", "rows", "db_hits", "details"]
    assert plan["rows"].iloc[0] == len(answer) > 5, "every row is counted, whatever the limit"
    assert plan["rows"].iloc[-1] == 1
    assert plan["db_hits"].sum() > len(answer)
    assert "L4H7" not in plan["details"].str.cat(), "a value stays a parameter"


def test_side_branches_have_a_bar(gpt2: Graph) -> None:
    text = (
        "MATCH (h:Head {run: 'gpt2'}) RETURN h.name AS name, "
        "COUNT { (h)-[:OV]->(x) WHERE x.layer > 10 } AS n LIMIT 3"
    )
    plan = queries.cypher(text, gpt2, profile=True)
    sides = plan[plan["operator"].str.startswith("| ")]
    assert {"| Argument"} <= {*sides["operator"]}
    apply = plan.index[plan["operator"].str.contains("Apply")][0]
    assert (sides.index > apply).all()
    assert plan["operator"].iloc[-1] == "NodeIndexSeek", "the main branch is below"


def test_a_hostile_statement_is_not_profiled(gpt2: Graph) -> None:
    before = gpt2.read("MATCH (n) RETURN count(n)").single()
    with pytest.raises(Refused, match="it writes"):
        queries.cypher("CREATE (n:Head) RETURN n", gpt2, profile=True)
    assert gpt2.read("MATCH (n) RETURN count(n)").single() == before


def test_the_command(gpt2: Graph) -> None:
    done = headgraph("cypher", TEXT, "--run", "gpt2", "-p", "head=L4H7", "--format", "csv")
    assert done.returncode == 0
    assert done.stdout.splitlines()[0] == "b,pk"
    assert len(done.stdout.splitlines()) > 5
    done = headgraph("cypher", TEXT, "--run", "gpt2", "-p", "head=L4H7", "--profile")
    head, _, first, *_ = done.stdout.splitlines()
    assert head.split() == ["operator", "estimated_rows", "rows", "db_hits", "details"]
    assert re.match(r"ProduceResults\s+\d", first)


def test_durations_are_text(gpt2: Graph) -> None:
    text = (
        "RETURN duration({months: 14, days: 3, seconds: 4.5}) AS d, date('2026-01-02') AS day, "
        "[duration('PT1H')] AS many, point({x: 1.0, y: 2.0}) AS p"
    )
    row = queries.cypher(text, gpt2).iloc[0]
    assert (row["d"], row["day"], row["many"]) == ("P1Y2M3DT4.5S", "2026-01-02", ["PT1H"])
    assert row["p"] == "CartesianPoint(1.0, 2.0)"
    done = headgraph("cypher", text, "--format", "json")
    assert '"d": "P1Y2M3DT4.5S"' in done.stdout
    assert "P1Y2M3DT4.5S" in headgraph("cypher", text).stdout

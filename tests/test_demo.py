"""`headgraph demo`: from an empty database to three answers and a picture."""

import re
from itertools import product
from pathlib import Path
from threading import Event

import pytest

from headgraph import demo, loader
from headgraph.graphdb import Graph
from headgraph.graphdb.errors import ServerError
from headgraph.graphdb.server import RunningServer
from headgraph.pk_engine.bundled import table_path
from headgraph.pk_engine.labels import labels_for
from headgraph.pk_engine.table.affinity import AffinityTable
from headgraph.pk_engine.table.selection import Selection
from tests.commands import headgraph


def test_a_server_that_fails_is_told_without_waiting_for_the_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    done, scored, drawn = Event(), Event(), Event()

    def scores() -> None:
        done.wait(60)
        scored.set()

    monkeypatch.setattr(demo, "_score", scores)
    monkeypatch.setattr(demo, "_draw", drawn.set)

    def fails() -> None:
        raise ServerError("no Java")

    monkeypatch.setattr(demo, "_database", fails)
    try:
        with pytest.raises(ServerError, match="no Java"):
            demo.demo.main([], standalone_mode=False)
        assert not scored.is_set()
    finally:
        done.set()
    assert scored.wait(60)
    assert not drawn.is_set(), "what has not begun is left out"


def test_the_demo(server: RunningServer, graph: Graph, private_homes: Path) -> None:
    done = headgraph("demo")
    assert done.returncode == 0, done.stderr
    out = done.stdout

    hubs = out[out.index("query hubs") :]
    first = hubs.splitlines()[3].split()
    assert first[0] == "L4H7", hubs
    assert "L4H7 (identity) is the greatest hub" in out
    assert "As a share of the edges, there are: OQ 18 %, OK 26 %, OV 48 %" in out
    assert "decoys:" not in done.stderr  # the sentence of a load is said with the answers
    assert (
        "L4H7 writes the negative of what it reads as value (copying -0.9985 from -1 to 1, " in out
    )
    assert "self-overlap 0.84 of 1). On its own token, this counteracts what was there" in out
    assert "on other tokens, the negative is passed on" in out
    assert "not an effect" in out
    assert "With --max-decoy 0.1, 45 of the 858 edges stay (pairing OK): L4H7 keeps 0 edges" in out
    assert "only L5H6 has edges on both sides" in out
    assert "passes through" not in out
    assert "That is 32 of 124 possible edges; 10 are expected from depth" in out
    assert (
        "These steps have hardly more than depth gives: induction to s_inhibition (3, expected "
        "2.7), s_inhibition to negative_name_mover (1, expected 0.8)."
    ) in out
    assert "3 of the 8 heads of the source's layer and 8 of the target's have the same roles" in out
    for command in ("strongest_edges --run induction-2l", "hubs --run gpt2-small", "ioi_circuit"):
        assert f"$ headgraph query {command}" in out
    assert out.count("\nColumns: ") == 3
    assert "both: their geometric mean" in out
    assert re.search(r"L1H\d, an induction head, can read what L0H\d, a previous-token head", out)

    (picture,) = re.findall(r"as a picture: (.*\.svg)", out)
    assert private_homes in Path(picture).parents
    assert Path(picture).read_text("utf-8").count("<path") > 60

    assert server.browser_url in out
    assert "headgraph server status --show-password" in out
    assert "headgraph server stop" in out
    assert server.password() not in out + done.stderr

    assert "the strongest 3 %" in done.stderr.lower()
    runs = loader.runs(graph).set_index("name")
    assert runs.loc["gpt2-small", "edges"] == 858
    assert set(runs.index) == {"gpt2-small", "induction-2l"}

    again = headgraph("demo")
    assert again.returncode == 0, again.stderr
    assert len(loader.runs(graph)) == 2


def test_hubs_explain_most_of_the_circuits_edges() -> None:
    """Edges of heads with as many edges between the same layers, if these met at random."""
    table = AffinityTable.read(table_path("gpt2-small")).select(Selection(top_percent=3))
    labels = labels_for(table.meta)
    ioi = labels[labels["circuit"] == "ioi"].groupby("role")[["layer", "head"]]
    role = {name: [tuple(row) for row in part.to_numpy()] for name, part in ioi}
    steps = [
        ("previous_token", ("OK", "OV"), "induction"),
        ("duplicate_token", ("OK", "OV"), "s_inhibition"),
        ("induction", ("OK", "OV"), "s_inhibition"),
        *(("s_inhibition", ("OQ",), f"{kind}name_mover") for kind in ("", "backup_", "negative_")),
    ]
    found, by_depth, by_hubs = 0, 0.0, 0.0
    for writer, pairings, reader in steps:
        for pairing, a, b in product(pairings, role[writer], role[reader]):
            frame = table.frame[table.frame["pairing"] == pairing]
            edges = frame[(frame["source_layer"] == a[0]) & (frame["target_layer"] == b[0])]
            out, into = edges["source_head"] == a[1], edges["target_head"] == b[1]
            found += int((out & into).sum())
            by_depth += len(edges) / 144
            by_hubs += out.sum() * into.sum() / max(len(edges), 1)
    assert (found, round(by_depth)) == (32, 10)
    assert by_hubs - by_depth > (found - by_depth) / 2

"""The same mistake is the same error, whichever function it is made in."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import headgraph
from headgraph import loader, queries
from headgraph.analysis.view import view_run
from headgraph.base.errors import BadName, HeadgraphError, RunNotNamed, UnknownHead, UnknownRun
from headgraph.base.names import parse_head
from headgraph.graphdb import Graph
from tests.tables import random_table

HEADS: dict[str, Callable[[str], Any]] = {
    "ablate": lambda head: headgraph.ablate("induction-2l", heads=head),
    "principal_angles": lambda head: headgraph.principal_angles("induction-2l", head, "L1H0", "OK"),
    "tokens": lambda head: headgraph.tokens("induction-2l", head),
    "verify_edge": lambda head: headgraph.verify_edge("induction-2l", head, "L1H0"),
    "trajectory": lambda head: headgraph.trajectory(
        "induction-2l", pairs=f"{head}>L1H0:OK", behaviour=False
    ),
}
RUNS: dict[str, Callable[[Graph, str | None, Path], Any]] = {
    "communities": lambda graph, run, folder: headgraph.communities(graph, run=run),
    "export": lambda graph, run, folder: headgraph.export(run, folder / "g.json", graph),
    "motifs": lambda graph, run, folder: headgraph.motifs(graph, run=run),
    "query": lambda graph, run, folder: headgraph.query("hubs", graph, run=run),
    "to_networkx": lambda graph, run, folder: headgraph.to_networkx(run, graph),
    "view_run": lambda graph, run, folder: view_run(graph, run),
}
NAMED: dict[str, Callable[[Graph, str, Path], Any]] = {
    **RUNS,
    "annotate": lambda graph, run, folder: headgraph.annotate(scores(folder), graph, run),
    "drop": lambda graph, run, folder: headgraph.drop(graph, run),
    "other": lambda graph, run, folder: headgraph.query(
        "compare_runs", graph, run="one", other=run
    ),
}


def scores(folder: Path) -> Path:
    path = folder / "scores.csv"
    path.write_text("layer,head,induction\n0,0,0.5\n")
    return path


def error_of(call: Callable[[], Any]) -> HeadgraphError:
    with pytest.raises(HeadgraphError) as caught:
        call()
    return caught.value


@pytest.mark.parametrize("name", HEADS)
def test_a_head_that_the_model_does_not_have(name: str) -> None:
    error = error_of(lambda: HEADS[name]("L5H0"))
    assert type(error) is UnknownHead
    known = "induction-2l has no head L5H0: its 2 layers of 8 heads are L0H0 to L1H7"
    assert str(error) == known
    assert type(error_of(lambda: HEADS[name]("L0H8"))) is UnknownHead


@pytest.mark.parametrize("name", [name for name in HEADS if name != "trajectory"])
def test_a_head_that_is_not_spelt_as_one(name: str) -> None:
    error = error_of(lambda: HEADS[name]("seven"))
    assert type(error) is BadName
    assert str(error).startswith("'seven' is not a head: expected a name such as L4H7")


def test_a_head_of_an_encoder_decoder_where_there_is_one_stack() -> None:
    with pytest.raises(BadName, match="'x4h7' is a head of an encoder-decoder or of cross-atten"):
        parse_head("x4h7")


def test_a_run_is_one_error_in_all_rooms(graph: Graph, tmp_path: Path) -> None:
    for name, call in NAMED.items():
        error = error_of(lambda call=call: call(graph, "on", tmp_path))  # type: ignore[misc]
        if name != "other":  # which needs a run to compare with
            assert type(error) is UnknownRun, name
            assert str(error).startswith("no run 'on': the database holds none; headgraph.load")
    for run in ("one", "two"):
        headgraph.load(random_table(2, 3), graph, run=run)
    for name, call in NAMED.items():
        error = error_of(lambda call=call: call(graph, "on", tmp_path))  # type: ignore[misc]
        assert type(error) is UnknownRun, name
        known = "no run 'on' (did you mean one?): the database holds one, two (see headgraph"
        assert str(error).startswith(f"{known}.runs(graph))"), name
        assert error.for_command_line().startswith(f"{known} runs)"), name
    for name, ask in RUNS.items():
        error = error_of(lambda ask=ask: ask(graph, None, tmp_path))  # type: ignore[misc]
        assert type(error) is RunNotNamed, name
        several = "the database holds 2 runs (one, two): say which with"
        assert str(error) == f"{several} run=NAME"
        assert error.for_command_line() == f"{several} --run NAME"
    error = error_of(lambda: headgraph.query("neighbours", graph, run="one", head="L5H0"))
    assert type(error) is UnknownHead


def test_the_names_of_before_catch_what_they_caught() -> None:
    assert loader.errors.UnknownRun is UnknownRun
    assert issubclass(UnknownRun, queries.errors.UnknownName)
    assert issubclass(UnknownHead, queries.errors.UnknownName)

"""Rows, heads, graph and notebook form of a difference."""

import json
from dataclasses import replace
from pathlib import Path

import networkx as nx
import numpy as np
import pytest

import headgraph
from headgraph import AffinityTable, Selection
from tests.commands import headgraph as command
from tests.pk_engine.checkpoints import save
from tests.tables import random_table


def with_heads(table: AffinityTable, **scores: list[list[float | None]]) -> AffinityTable:
    return AffinityTable(table.frame, replace(table.meta, heads={**table.meta.heads, **scores}))


@pytest.mark.parametrize("kv", ["native", "expand"])
def test_a_scored_pair_of_a_grouped_query_model_is_one_row(kv: str) -> None:
    one, other = (random_table(n_kv_heads=2, kv=kv, seed=seed) for seed in (0, 1))
    found = headgraph.diff(one, other)
    assert found.counts.set_index("pairing")["compared"].to_dict() == {
        # pairs of layers x sources x targets
        "OQ": 6 * 4 * 4, "OK": 6 * 4 * 2, "OV": 6 * 4 * 2,
    }  # fmt: skip
    assert len(found.pairs) == 6 * (16 + 8 + 8)
    assert not found.pairs.duplicated(["pairing", "source", "target"]).any()
    targets = found.pairs[found.pairs["pairing"] == "OK"]["target"]
    assert set(targets) == {f"L{layer}KV{head}" for layer in (1, 2, 3) for head in (0, 1)}
    assert found.counts["neither"].sum() == 0


def test_the_graph_form_has_an_edge_for_each_query_head_and_networkx_reads_it() -> None:
    one, other = (random_table(n_kv_heads=2, seed=seed) for seed in (0, 1))
    cut = headgraph.diff(one.select(Selection(top=4)), other.select(Selection(top=4)))
    graph = nx.node_link_graph(json.loads(json.dumps(cut.graph())), edges="links")
    shares = sum(data["properties"]["share"] for *_, data in graph.edges(data=True))
    assert shares == pytest.approx(len(cut.pairs))
    rows = {
        (row["pairing"], row["source"], row["target"]): row for row in cut.pairs.to_dict("records")
    }
    for source, target, data in graph.edges(data=True):
        own = data["properties"]
        name = f"{target[:2]}KV{own['kv_head']}" if "kv_head" in own else target
        row = rows[data["type"], source, name]
        assert own["difference"] == row["difference"]
        assert own["change"] == row["change"]
        assert ("pk_before" in own) == (own["change"] != "gained"), "no value is no property"
        assert ("cutoff" in own) == (own["change"] in ("gained", "lost"))
    about = graph.graph
    assert (about["by"], about["noise"]) == ("pk", cut.noise)
    assert [row["pairing"] for row in about["counts"]] == ["OQ", "OK", "OV"]
    assert graph.nodes["L0H0"]["properties"] == {"name": "L0H0", "layer": 0, "head": 0}


def test_heads_whose_copying_changed_come_by_the_size_of_the_change() -> None:
    table = random_table(format_2=True)
    copies = [list(layer) for layer in table.meta.heads["copying"]]
    overlap = [[0.8] * 4 for _ in range(4)]
    before = with_heads(table, copying=copies, self_overlap=overlap)
    after = [list(layer) for layer in copies]
    after[1][0] = 0.97  # -1 before
    after[2][2] = 0.1  # 0.2 before
    after[0][1] += 5e-7  # six digits
    after[3][3] = None  # -0.99 before
    found = headgraph.diff(before, with_heads(table, copying=after, self_overlap=overlap)).heads
    assert found["head"].to_list() == ["L1H0", "L2H2", "L3H3"]
    assert found["difference"].to_numpy() == pytest.approx([1.97, -0.1, np.nan], nan_ok=True)
    assert found.loc[0, ["role_before", "role_after"]].to_list() == ["eraser", "copier"]
    assert found.loc[2, "role_before"] == "eraser"
    assert found.loc[2, "role_after"] is None


def test_heads_are_compared_only_where_both_tables_have_scores() -> None:
    found = headgraph.diff(random_table(format_2=True), random_table(seed=1))
    assert found.heads.empty
    assert found.no_heads() == "no copying scores in B: make the table again with compute"
    same = random_table(format_2=True)
    assert "differs by more than rounding" in headgraph.diff(same, same).no_heads()


def test_a_notebook_shows_the_summary_and_the_first_rows() -> None:
    found = headgraph.diff(random_table(model="<b>&"), random_table(seed=1))
    page = found._repr_html_()
    assert "A is &lt;b&gt;&amp;, B is test/random. 288 pairs compared" in page
    assert page.count("<tr") == 11
    assert "the first 10 of 288 rows of .pairs" in page
    assert repr(found).startswith("Difference(A is ")


# the command --------------------------------------------------------------------------------


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for seed, name in enumerate(("a", "b")):
        random_table(seed=seed, format_2=True).select(Selection(top=9)).write(f"{name}.parquet")
    return ["a.parquet", "b.parquet"]


def test_the_command_lists_what_the_function_returns(files: list[str]) -> None:
    found = headgraph.diff(*files)
    done = command("diff", *files, "--format", "json", "--limit", "100")
    rows = json.loads(done.stdout)
    assert [(row["change"], row["source"], row["target"]) for row in rows] == [
        *found.pairs[["change", "source", "target"]].itertuples(index=False, name=None)
    ]
    gained = next(row for row in rows if row["change"] == "gained")
    assert gained["pk_before"] is None
    assert gained["rank_before"] is None
    assert gained["difference"] == pytest.approx(gained["pk_after"] - gained["cutoff"], rel=1e-5)
    assert done.stderr.splitlines() == found.sentences()
    short = command("diff", *files, "--limit", "2")
    assert len(short.stdout.splitlines()) == 4
    assert f"2 of {len(found.pairs)} changed pairs are listed: use --limit for more" in short.stderr
    assert json.loads(command("diff", *files, "--graph").stdout) == json.loads(
        json.dumps(found.graph())
    )


def test_the_command_says_that_nothing_differs(files: list[str]) -> None:
    done = command("diff", files[0], files[0])
    assert done.returncode == 0
    assert "no rows: no pair differs: the 27 pairs that both tables have are equal" in done.stderr
    done = command("diff", files[0], files[0], "--heads")
    assert "no rows: no head's copying or self-overlap differs" in done.stderr


def test_the_command_lists_heads(files: list[str]) -> None:
    done = command("diff", *files, "--heads", "--format", "json")
    assert [row["head"] for row in json.loads(done.stdout)] == headgraph.diff(*files).heads[
        "head"
    ].to_list()


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--heads", "--graph"], "--heads, --graph and --view exclude each other: give one"),
        (["--labels", "none"], "--labels and --force require --view FILE"),
    ],
)
def test_options_that_exclude_each_other(files: list[str], args: list[str], words: str) -> None:
    done = command("diff", *files, *args)
    assert done.returncode == 2
    assert words in done.stderr


def test_a_page_is_not_written_over(files: list[str]) -> None:
    assert command("diff", *files, "--view", "d.html").stdout == "d.html\n"
    again = command("diff", *files, "--view", "d.html")
    assert again.returncode == 1
    assert "d.html" in again.stderr
    assert "--force" in again.stderr
    assert command("diff", *files, "--view", "d.html", "--force").returncode == 0


def test_tables_without_a_pair_in_common_say_so(tmp_path: Path) -> None:
    """One layer has no forward pair."""
    tensors = {
        "h.0.attn.c_attn.weight": np.eye(8, 24, dtype=np.float32),
        "h.0.attn.c_proj.weight": np.eye(8, dtype=np.float32),
    }
    config = {"model_type": "gpt2", "n_layer": 1, "n_head": 2, "n_embd": 8}
    table = headgraph.compute(save(tmp_path / "m", tensors, config), selection=Selection())
    assert len(table) == 0
    found = headgraph.diff(table, table)
    assert str(found.nothing()) == "no pair can be compared: no scored pair is in both tables"

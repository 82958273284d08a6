"""The difference of two runs: by strength, without float noise, each scored pair once."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfile
from typing import Any

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file, save_file

import headgraph
from headgraph import loader, queries
from headgraph.base.errors import UnknownRun
from headgraph.graphdb import Graph
from headgraph.pk_engine.scoring._compute import compute
from headgraph.pk_engine.table.affinity import AffinityTable
from headgraph.pk_engine.table.selection import Selection
from headgraph.queries.errors import MissingParameter
from headgraph.queries.stored_queries.values import all_values, given_values
from tests.queries.conftest import emptied, named
from tests.shared import MODELS, needs_shared
from tests.tables import random_table

KEYS = ["pairing", "source", "target"]
ALL = Selection()


@dataclass(frozen=True)
class Two:
    """Two tables in one database, as runs `before` and `after`."""

    before: AffinityTable
    after: AffinityTable


def edges_of(table: AffinityTable) -> pd.DataFrame:
    """A row per scored pair: of heads that share a key/value head, the first."""
    edges = named(table.edges()).astype({"pk": float, "z": float})
    group = table.meta.group_size
    for place, end in enumerate(("source", "target")):
        shared = edges["pairing"].str[place].isin(["K", "V"])
        edges = edges[~shared | (edges[f"{end}_head"] % group == 0)]
    return edges


def limits(table: AffinityTable) -> dict[str, float]:
    """The most that a pair can have that the table lacks."""
    return {
        pairing: float(part["pk"].min()) if len(part) < table.meta.scored[pairing] else 0.0
        for pairing, part in table.frame.groupby("pairing")
    }


def expected(two: Two, by: str, limit: int) -> pd.DataFrame:
    """The answer as pandas finds it."""
    column = {"pk": "pk", "z": "z", "rank": "pk_rank"}[by]
    sign = -1 if by == "rank" else 1
    both = edges_of(two.before).merge(
        edges_of(two.after), on=KEYS, how="outer", suffixes=("_before", "_after")
    )
    was, now = sign * both[f"{column}_before"], sign * both[f"{column}_after"]
    meta = two.before.meta
    noise = 2**-23 * meta.d_head * (2 * meta.d_model**0.5 + 1)  # float32 in both runs
    far = (both["pk_after"] - both["pk_before"]).abs() > noise
    gained = both["pk_after"] - noise > both["pairing"].map(limits(two.before))
    lost = both["pk_before"] - noise > both["pairing"].map(limits(two.after))
    both["change"] = np.select(
        [was.isna() & gained, now.isna() & lost, was.isna() | now.isna(), far],
        ["gained", "lost", "undecided", "changed"],
        "same",
    )
    both["far"] = (now - was).abs().fillna(now).fillna(was)
    both["rank_before"], both["rank_after"] = both["pk_rank_before"], both["pk_rank_after"]
    parts = []
    for change in ("changed", "gained", "lost", "same", "undecided"):
        part = both[both["change"] == change].sort_values("far", ascending=False, kind="stable")
        rows = part.head(0 if change in ("same", "undecided") else limit)
        rows = rows if len(rows) else pd.DataFrame([{"change": change}])
        parts.append(rows.assign(total=len(part)))
    return pd.concat(parts, ignore_index=True)


def check(graph: Graph, two: Two, **asked: Any) -> pd.DataFrame:
    answer = queries.query("compare_runs", graph, run="before", other="after", **asked)
    found = expected(two, asked.get("by", "pk"), asked.get("limit", 10))
    columns = ["change", "total", "pk_before", "pk_after", "rank_before", "rank_after"]
    pd.testing.assert_frame_equal(
        answer[columns].astype(dict.fromkeys(columns[1:], float)),
        found.reindex(columns=columns).astype(dict.fromkeys(columns[1:], float)),
    )
    # equal differences come in any order of equal rows, so the names are compared as sets
    names = [
        answer[KEYS].fillna("").apply(tuple, axis=1),
        found[KEYS].fillna("").apply(tuple, axis=1),
    ]
    assert set(names[0]) == set(names[1])
    return answer


@pytest.fixture
def random(graph: Graph) -> Iterator[Two]:
    tables = [random_table(5, 4, 2, seed=seed).select(Selection(top=40)) for seed in (1, 2)]
    for name, table in zip(("before", "after"), tables, strict=True):
        loader.load(table, graph, run=name)
    yield Two(*tables)
    emptied(graph)


@pytest.mark.parametrize("by", ["pk", "z", "rank"])
def test_two_runs(graph: Graph, random: Two, by: str) -> None:
    answer = check(graph, random, by=by, limit=12)
    counts = answer.groupby("change")["total"].first()
    kept = [len(edges_of(table)) for table in (random.before, random.after)]
    assert kept == [120, 120]
    alone = counts["gained"] + counts["lost"] + counts["undecided"]
    assert 2 * (counts["changed"] + counts["same"]) + alone == sum(kept)
    assert counts["undecided"] > 0
    back = queries.query("compare_runs", graph, run="after", other="before", by=by, limit=1000)
    assert back.groupby("change")["total"].first()["gained"] == counts["lost"]
    # a pair that a run did not keep is below what it kept, not 0
    for change, table in (("gained", random.before), ("lost", random.after)):
        rows = answer[answer["change"] == change]
        lowest = edges_of(table).groupby("pairing")["pk"].min()
        assert rows["kept_from"].tolist() == lowest[rows["pairing"]].tolist()


def test_its_graph(graph: Graph, random: Two) -> None:
    rows = queries.query("compare_runs", graph, run="before", other="after", limit=5)
    drawn = queries.node_link("compare_runs", graph, run="before", other="after", limit=5)
    names = {n["id"]: (n["properties"]["run"], n["properties"]["name"]) for n in drawn["nodes"]}
    found = {
        (link["type"], names[link["source"]], names[link["target"]]) for link in drawn["links"]
    }
    assert found == {
        (row.pairing, (run, row.source), (run, row.target))
        for row in rows.itertuples()
        for run, pk in (("before", row.pk_before), ("after", row.pk_after))
        if pd.notna(pk)
    }


def test_a_run_and_itself_do_not_differ(graph: Graph, random: Two) -> None:
    answer = queries.query("compare_runs", graph, run="before", other="before")
    assert dict(zip(answer["change"], answer["total"], strict=True)) == {
        "changed": 0, "gained": 0, "lost": 0, "same": 120, "undecided": 0,
    }  # fmt: skip
    assert answer["source"].isna().all()
    with pytest.raises(UnknownRun, match=r"no run 'befor' \(did you mean before\?\)"):
        queries.query("compare_runs", graph, run="after", other="befor")
    with pytest.raises(MissingParameter, match="query compare_runs needs other: give other="):
        queries.query("compare_runs", graph, run="after")


def test_pairings_that_one_run_did_not_score_are_not_gained(graph: Graph) -> None:
    loader.load(random_table(pairings=("OQ",)), graph, run="before")
    loader.load(random_table(pairings=("OQ", "OK")), graph, run="after")
    answer = queries.query("compare_runs", graph, run="before", other="after")
    assert dict(zip(answer["change"], answer["total"], strict=True))["gained"] == 0


def test_float_noise_is_no_change(graph: Graph) -> None:
    table = random_table()
    noisy = table.frame.copy()
    rng = np.random.default_rng(0)
    noisy["pk"] *= (1 + 5e-7 * rng.standard_normal(len(noisy))).astype("float32")
    noisy["pk_rank"] = noisy.groupby("pairing")["pk"].rank(ascending=False, method="first")
    noisy["pk_rank"] = noisy["pk_rank"].astype(int)
    place = int(noisy["pk"].idxmax())
    noisy.loc[place, "pk"] *= np.float32(1.0001)
    loader.load(table, graph, run="before")
    loader.load(AffinityTable(noisy, table.meta), graph, run="after")
    answer = queries.query("compare_runs", graph, run="before", other="after")
    assert (noisy["pk"] != table.frame["pk"]).mean() > 0.9
    assert dict(zip(answer["change"], answer["total"], strict=True)) == {
        "changed": 1, "gained": 0, "lost": 0, "same": len(noisy) - 1, "undecided": 0,
    }  # fmt: skip
    assert answer.iloc[0]["source"] == table.frame.loc[place, "source"]


@needs_shared
def test_a_planted_change_comes_first_and_alone(graph: Graph, tmp_path: Path) -> None:
    """One key head of layer 2 reads what L0H2 writes: both have rank 16, so PK becomes 16."""
    model = MODELS / "babyllama-361"
    for file in model.iterdir():
        if file.is_file():
            copyfile(file, tmp_path / file.name)
    (weights,) = tmp_path.glob("*.safetensors")
    tensors = load_file(weights)
    keys, out = "model.layers.2.self_attn.k_proj.weight", "model.layers.0.self_attn.o_proj.weight"
    width = tensors[keys].shape[0] // 4
    written = tensors[out][:, 2 * width : 3 * width]
    changed = tensors[keys].copy()
    changed[width : 2 * width] = written.T.astype(changed.dtype)
    save_file({**tensors, keys: changed}, weights, metadata={"format": "pt"})
    options = {"fold_ln": False, "center_writing": False, "selection": ALL}
    two = Two(compute(model, **options), compute(tmp_path, **options))
    loader.load(two.before, graph, run="before")
    loader.load(two.after, graph, run="after")
    answer = check(graph, two, limit=1000)
    first = answer.iloc[0]
    # key/value head 1 serves query heads 2 and 3; the scored pair stands once, as its first
    assert (first["pairing"], first["source"], first["target"]) == ("OK", "L0H2", "L2H2")
    assert first["kv_head"] == 1
    assert first["pk_after"] == pytest.approx(width, rel=1e-5)
    assert first["pk_before"] < 0.2 * width
    assert not answer.duplicated(["change", *KEYS]).any()
    rows = answer[answer["change"] == "changed"]
    # every change is one of this key head; pairs that only shift their place do not appear
    assert set(rows["target"]) == {"L2H2"}
    assert set(rows["pairing"]) == {"OK"}
    assert len(rows) == first["total"] == 16
    shifted = two.after.frame.merge(two.before.frame, on=[*KEYS], suffixes=("", "_old"))
    assert (shifted["pk_rank"] != shifted["pk_rank_old"]).sum() > 16


def test_a_run_from_before_the_sums_is_compared(graph: Graph, random: Two) -> None:
    """An older headgraph wrote no `kept_pk_min`: no pair of one run alone can be decided."""
    asked = {"run": "before", "other": "after", "limit": 1000}
    whole = queries.query("compare_runs", graph, **asked)
    graph.write("MATCH (r:Run) REMOVE r.kept_pairings, r.kept_pk_min SET r.graph_version = 1")
    answer = queries.query("compare_runs", graph, **asked)
    assert answer["kept_from"].isna().all()
    changed = [
        rows[rows["change"] == "changed"].drop(columns="kept_from") for rows in (answer, whole)
    ]
    pd.testing.assert_frame_equal(*changed, check_dtype=False)
    old, new = (rows.groupby("change")["total"].first() for rows in (answer, whole))
    assert (old["gained"], old["lost"]) == (0, 0)
    assert old["undecided"] == new[["gained", "lost", "undecided"]].sum()


def test_it_counts_as_diff_does(graph: Graph) -> None:
    """Two cut tables, and a cut table beside a whole one."""
    whole = [random_table(5, 4, seed=seed) for seed in (1, 2)]
    cut = [table.select(Selection(top=40)) for table in whole]
    for before, after in (cut, (cut[0], whole[1]), (whole[0], cut[1])):
        loader.load(before, graph, run="before", replace=True)
        loader.load(after, graph, run="after", replace=True)
        answer = queries.query("compare_runs", graph, run="before", other="after", limit=1)
        found = answer.groupby("change")["total"].first().to_dict()
        counts = headgraph.diff(before, after).counts.drop(columns="pairing").sum()
        alone = counts["only_before"] + counts["only_after"]
        assert found == {
            "changed": counts["stronger"] + counts["weaker"],
            "gained": counts["gained"],
            "lost": counts["lost"],
            "same": counts["equal"],
            "undecided": alone - counts["gained"] - counts["lost"],
        }
        assert found["gained"] + found["lost"] > 0


def test_its_memory_is_that_of_the_answer_not_of_all_candidates(graph: Graph) -> None:
    """As the server counts it: it counted a list once for each row that was sorted beside it."""
    tables = [random_table(8, 8, seed=seed) for seed in (1, 2)]
    for table, run in zip(tables, ("before", "after"), strict=True):
        loader.load(table, graph, run=run, replace=True, selection=ALL)
    query = queries.get("compare_runs")
    asked = given_values(query, {"other": "after", "limit": 50})
    with graph.session() as session:
        result = session.run(f"PROFILE {query.cypher}", all_values(query, asked, "before"))
        profile = result.consume().profile
    assert profile["args"]["GlobalMemory"] < 1000 * sum(len(table.frame) for table in tables)

"""Stored queries about roles: answers as pandas finds them, on three models."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from headgraph import queries
from headgraph.base.names import parse_head
from headgraph.graphdb import Graph
from tests.queries.catalogue.cases import Case, by_place, loaded, ordered
from tests.queries.oracle import head_key, same
from tests.shared import needs_shared

RUNS = ["gpt2", "grouped", "planted"]
PAIRINGS = ["OQ", "OK", "OV"]
pytestmark = needs_shared


@pytest.fixture(scope="module")
def cases(
    database: Graph, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[str, Case]]:
    with loaded(database, tmp_path_factory.mktemp("labels")) as found:
        yield found


@pytest.fixture(params=RUNS)
def case(cases: Mapping[str, Case], request: pytest.FixtureRequest) -> Case:
    return cases[request.param]


def holders(case: Case) -> dict[str, set[str]]:
    """Heads by role, derived roles with their mark."""
    found: dict[str, set[str]] = {}
    for name, roles in case.roles.items():
        for role in roles:
            found.setdefault(role, set()).add(name)
    return found


def test_between_roles(database: Graph, case: Case) -> None:
    writers, readers = case.members("previous_token"), case.members("induction")
    rows = case.edges[case.edges["source"].isin(writers) & case.edges["target"].isin(readers)]
    rows = rows.assign(writer_head=rows["source"], reader_head=rows["target"])
    expected = ordered(rows, "-pk", "pk_rank", "pairing", "writer_head", "reader_head")
    expected = expected.assign(
        edges=len(rows), expected=from_depth(case, case.edges, writers, readers)
    )
    asked = {"run": case.run, "writer": "previous_token", "reader": "induction"}
    answer = queries.query("between_roles", database, limit=1000, **asked)
    same(answer, expected)
    assert len(answer) >= 3
    assert len(queries.query("between_roles", database, limit=2, **asked)) == 2
    keys = queries.query("between_roles", database, pairings="OK", limit=1000, **asked)
    rows = expected[expected["pairing"] == "OK"]
    by_depth = from_depth(case, case.edges[case.edges["pairing"] == "OK"], writers, readers)
    same(keys, rows.assign(edges=len(rows), expected=by_depth))
    matrix = queries.query("role_matrix", database, run=case.run)
    matrix = matrix.set_index(["source_role", "target_role"])
    cell = matrix.loc[("previous_token", "induction"), "expected"]
    assert answer["expected"].to_numpy() == pytest.approx(cell), "as in role_matrix"


def from_depth(
    case: Case, edges: pd.DataFrame, sources: Iterable[str], targets: Iterable[str]
) -> float:
    """Edges that the heads of two roles would share if only their layers mattered."""
    flow = edges.groupby(["source_layer", "target_layer"]).size()
    size = len({head_key(name)[1] for name in case.scores.index})
    return sum(
        flow.get((head_key(a)[0], head_key(b)[0]), 0) / size**2 for a in sources for b in targets
    )


def test_between_derived_roles(database: Graph, cases: Mapping[str, Case]) -> None:
    """A derived role can be asked about as any other: GPT-2's erasers read each other."""
    erasers = holders(cases["gpt2"])["eraser (derived)"]
    assert erasers == {"L1H11", "L3H10", "L4H7", "L5H11", "L6H6"}
    edges = cases["gpt2"].edges
    rows = edges[edges["source"].isin(erasers) & edges["target"].isin(erasers)]
    answer = queries.query("between_roles", database, run="gpt2", writer="eraser", reader="eraser")
    assert set(answer["pk"]) == set(rows["pk"])
    assert len(answer) == len(rows) > 0


def test_role_matrix(database: Graph, case: Case) -> None:
    rows = []
    heads = holders(case)
    for s, sources in heads.items():
        for t, targets in heads.items():
            part = case.edges[
                case.edges["source"].isin(sources) & case.edges["target"].isin(targets)
            ]
            pairs = sum(head_key(a)[0] < head_key(b)[0] for a in sources for b in targets)
            if len(part):
                counts = {name.lower(): (part["pairing"] == name).sum() for name in PAIRINGS}
                strength = (part["z"] * part["share"]).sum()
                rows.append(
                    {
                        "source_role": s, "target_role": t, "pairs": pairs, "edges": len(part),
                        **counts, "density": len(part) / pairs / 3,
                        "expected": from_depth(case, case.edges, sources, targets),
                        "strength": strength,
                        "strongest": part["pk"].max(),
                        "sources": part["source"].nunique(),
                        "targets": part["target"].nunique(),
                    }
                )  # fmt: skip
    expected = pd.DataFrame(rows).set_index(["source_role", "target_role"])
    answer = queries.query("role_matrix", database, run=case.run)
    assert answer["strength"].is_monotonic_decreasing
    answer = answer.set_index(["source_role", "target_role"])
    pd.testing.assert_frame_equal(
        answer, expected.loc[answer.index, answer.columns], check_dtype=False
    )
    assert len(answer) == len(expected)
    if case.run == "planted":
        cell = answer.loc[("previous_token", "induction")]
        # L0H0 and L0H1 to L1H0 and L1H1: four pairs, three edges of L1H0 and two of L1H1
        assert (cell["pairs"], cell["edges"], cell["ok"]) == (4, 5, 2)


@pytest.mark.parametrize("by", ["strength", "share"])
def test_candidates(database: Graph, case: Case, by: str) -> None:
    members = set(case.labels.loc[case.labels["circuit"] == "ioi", "name"])
    role = case.labels[case.labels["circuit"] == "ioi"].groupby("name")["role"].agg(set)
    known = set(case.labels["name"])
    rows = []
    for head in case.scores.index:
        into = case.edges[case.edges["target"] == head].assign(other=lambda rows: rows["source"])
        out = case.edges[case.edges["source"] == head].assign(other=lambda rows: rows["target"])
        own = pd.concat([into.assign(weight=into["z"]), out.assign(weight=out["z"] * out["share"])])
        tied = own[own["other"].isin(members)]
        if head in known or not len(tied):
            continue
        total = own["weight"].sum()
        # what an edge to a random head of the layer at its other end would have
        layers = own["other"].map(lambda name: head_key(name)[0])
        part = layers.map(lambda layer: sum(head_key(m)[0] == layer for m in members)) / len(
            [name for name in case.scores.index if head_key(name)[0] == 0]
        )
        best = ordered(tied, "-pk", "pk_rank", "pairing", "other").iloc[0]
        reached = {
            side: sorted(set().union(*role.reindex(sorted(set(ends) & members))))
            for side, ends in (("reads", into["other"]), ("read_by", out["other"]))
        }
        rows.append(
            {
                "head": head, "edges": len(tied), "edges_all": len(own),
                "strength": tied["weight"].sum(),
                "share": tied["weight"].sum() / total if total > 0 else None,
                "expected": part.sum(),
                "share_expected": (own["weight"] * part).sum() / total if total > 0 else None,
                **reached,
                "strongest": best["pk"], "nearest": best["other"], **case.scores.loc[head],
            }
        )  # fmt: skip
    expected = ordered(pd.DataFrame(rows), f"-{by}", "-strength", "head")
    answer = queries.query("candidates", database, run=case.run, by=by, limit=1000)
    same(answer, expected)
    if case.run == "planted":
        assert list(answer["head"]) == ["L0H2"]
        assert answer["read_by"].iloc[0] == ["name_mover"]
        assert answer["share"].iloc[0] == 1.0
    if case.run == "gpt2" and by == "strength":
        # nearly all that L9H3 has with the circuit, depth alone explains
        depth = answer.set_index("head").loc["L9H3"]
        assert (depth["edges"], round(depth["expected"], 1)) == (9, 8.2)


def test_candidates_for_the_derived_roles_show_that_they_are_derived(
    database: Graph, cases: dict[str, Case]
) -> None:
    answer = queries.query("candidates", database, run="gpt2", circuit="weights")
    shown = {role for column in ("reads", "read_by") for roles in answer[column] for role in roles}
    assert shown == {"copier (derived)", "eraser (derived)"}


def test_feeds_role(database: Graph, case: Case) -> None:
    movers = case.members("name_mover")
    edges = case.edges.assign(weight=case.edges["z"] * case.edges["share"])
    rows = []
    for head, part in edges[edges["target"].isin(movers)].groupby("source"):
        rows.append(
            {
                "head": head, "readers": by_place(set(part["target"])), "role_heads": len(movers),
                "edges": len(part), "pairings": sorted(set(part["pairing"])),
                "strength": part["weight"].sum(),
                "share": part["weight"].sum() / edges.loc[edges["source"] == head, "weight"].sum(),
                "strongest": part["pk"].max(), "roles": case.roles.get(str(head), []),
            }
        )  # fmt: skip
    expected = ordered(pd.DataFrame(rows), "-strength", "head")
    expected["expected"] = [
        random_targets(case, case.edges[case.edges["source"] == head], movers)
        for head in expected["head"]
    ]
    answer = queries.query("feeds_role", database, run=case.run, limit=1000)
    same(answer, expected)
    if case.run == "planted":
        assert list(answer["head"]) == ["L0H2", "L2H0", "L0H0"]
        assert list(answer["share"].iloc[:2]) == [1.0, 1.0]
        # two of three heads of layer 3: L0H2 has two edges there, L2H0 two, L0H0 one
        assert list(answer["edges"]) == [2, 2, 1]
        assert answer["expected"].tolist() == pytest.approx([4 / 3, 4 / 3, 2 / 3])


def random_targets(case: Case, own: pd.DataFrame, members: set[str]) -> float:
    """Edges of a head to as many random heads as `members`: the mean over all choices.

    Each layer's members are replaced by every combination of so many heads of that layer.
    """
    total = 0.0
    layers = pd.Series({name: head_key(name)[0] for name in case.scores.index})
    for _, chosen in layers[sorted(members)].groupby(layers):
        there = layers.index[layers == chosen.iloc[0]]
        choices = [own["target"].isin(some).sum() for some in combinations(there, len(chosen))]
        total += float(np.mean(choices))
    return total


def test_ioi_paths(database: Graph, case: Case) -> None:
    columns = ["source", "target", "pairing", "pk", "pk_normalized", "decoy_q"]
    keep = {
        role: case.members(role, "ioi")
        for role in ("previous_token", "induction", "s_inhibition", "name_mover")
    }
    steps = []
    for place, (source, target, pairings) in enumerate(
        (
            ("previous_token", "induction", ("OK", "OV")),
            ("induction", "s_inhibition", ("OK", "OV")),
            ("s_inhibition", "name_mover", ("OQ",)),
        )
    ):
        part = case.edges[case.edges["pairing"].isin(pairings)]
        part = part[part["source"].isin(keep[source]) & part["target"].isin(keep[target])]
        names = [source, target, f"pairing_{place}", f"pk_{place}", f"normal_{place}"]
        names.append(f"doubt_{place}")
        steps.append(part[columns].set_axis(names, axis=1))
    paths = steps[0].merge(steps[1], on="induction").merge(steps[2], on="s_inhibition")
    paths["product"] = paths["normal_0"] * paths["normal_1"] * paths["normal_2"]
    paths["weakest"] = paths[["pk_0", "pk_1", "pk_2"]].min(axis=1)
    paths["decoy_q"] = paths[["doubt_0", "doubt_1", "doubt_2"]].max(axis=1)
    words = ("first", "second", "third")
    paths = paths.rename(columns={f"pairing_{i}": f"{words[i]}_pairing" for i in range(3)})
    heads = ("previous_token", "induction", "s_inhibition", "name_mover")
    expected = ordered(paths, "-product", *heads, "first_pairing", "second_pairing")
    expected = expected.assign(chains=len(paths), expected=random_chains(case, keep))
    answer = queries.query("ioi_paths", database, run=case.run, limit=1000)
    same(answer, expected)
    if case.run == "planted":
        assert tuple(answer.iloc[0][list(heads)]) == ("L0H0", "L1H0", "L2H0", "L3H0")
        assert answer["product"].iloc[0] == pytest.approx(7 * 6 * 5 / 8**3)
        assert len(answer) == 6
        # the run has 8 chains from layer 0 to 3: a third of the heads of layer 0 is chosen, two
        # thirds of layer 1, a third of layer 2, two thirds of layer 3
        assert answer["expected"].iloc[0] == pytest.approx(8 * 4 / 81)


def random_chains(case: Case, classes: Mapping[str, set[str]]) -> float:
    """Chains of the IOI circuit between random heads of the same layers: from matrices of edges."""
    names = list(case.scores.index)
    layers = pd.Series({name: head_key(name)[0] for name in names})
    size = layers.value_counts()
    chain = np.ones((1, len(names)))
    for role, pairings in zip(classes, (("OK", "OV"), ("OK", "OV"), ("OQ",), ()), strict=True):
        count = layers[sorted(classes[role])].value_counts()
        chain = chain * layers.map(count / size).fillna(0.0).to_numpy()
        if pairings:
            part = case.edges[case.edges["pairing"].isin(pairings)]
            counts = pd.crosstab(part["source"], part["target"])
            chain = chain @ counts.reindex(index=names, columns=names, fill_value=0).to_numpy()
    return float(chain.sum())


def test_identity_paths(database: Graph, case: Case) -> None:
    edges = case.edges
    hubs = case.members("identity")
    first, second = edges[edges["target"].isin(hubs)], edges[edges["source"].isin(hubs)]
    paths = first.merge(second, left_on="target", right_on="source", suffixes=("_in", "_out"))
    direct = ordered(edges, "-pk", "pairing").drop_duplicates(["source", "target"])
    direct = direct.set_index(["source", "target"])
    rows = pd.DataFrame(
        {
            "inlet": paths["source_in"], "in_pairing": paths["pairing_in"],
            "in_pk": paths["pk_in"], "hub": paths["target_in"],
            "out_pairing": paths["pairing_out"], "out_pk": paths["pk_out"],
            "outlet": paths["target_out"], "weakest": paths[["pk_in", "pk_out"]].min(axis=1),
            "product": paths["pk_normalized_in"] * paths["pk_normalized_out"],
        }
    )  # fmt: skip
    ends = pd.MultiIndex.from_frame(rows[["inlet", "outlet"]])
    rows["direct_pairing"] = direct["pairing"].reindex(ends).to_numpy()
    rows["direct_pk"] = direct["pk"].reindex(ends).to_numpy()
    into, out = (edges[end].value_counts() for end in ("target", "source"))
    carried = pd.Series({h: into.get(h, 0) * out.get(h, 0) for h in case.scores.index})
    layer = carried.index.map(lambda name: head_key(name)[0])
    rows["hub_paths"] = rows["hub"].map(carried)
    rows["expected"] = rows["hub"].map(carried.groupby(layer).transform("mean"))
    rows = rows.join(case.scores.astype(float), on="hub")
    # where the hub reads a query or a key, its sign says nothing about the path
    rows.loc[rows["in_pairing"] != "OV", ["copying", "self_overlap"]] = None
    rows["decoy_q"] = paths[["decoy_q_in", "decoy_q_out"]].max(axis=1)
    for end in ("inlet", "outlet"):
        rows[f"{end}_roles"] = [case.roles.get(head, []) for head in rows[end]]
    rows = ordered(
        rows, "-weakest", "-product", "hub", "inlet", "in_pairing", "out_pairing", "outlet"
    )
    for limit, per_head in ((20, 2), (7, 1), (60, 3)):
        used: dict[tuple[str, str], int] = {}
        kept = []
        for place, row in enumerate(rows.itertuples()):
            ends_here = [("in", row.inlet), ("out", row.outlet)]
            if len(kept) < limit and all(used.get(end, 0) < per_head for end in ends_here):
                kept.append(place)
                for end in ends_here:
                    used[end] = used.get(end, 0) + 1
        answer = queries.query(
            "identity_paths", database, run=case.run, limit=limit, per_head=per_head
        )
        empty = {"direct_pairing": "", "direct_pk": 0.0}
        answer = answer.astype({"copying": float, "self_overlap": float})
        same(answer.fillna(empty), rows.iloc[kept].fillna(empty))
    if case.run == "planted":
        # through L1H1 alone: L2H1 has no edge
        assert set(answer["hub"]) == {"L1H1"}
        assert list(answer["inlet"]) == ["L0H0", "L0H1"]
        assert answer["direct_pk"].isna().all()


def test_derived_roles_are_marked_wherever_roles_are_shown(database: Graph, case: Case) -> None:
    """No answer gives a derived role as if the literature said it."""
    derived = {"eraser", "copier"}
    values = {
        "head": "L1H0", "source": "L0H0", "target": "L3H0", "other": case.run, "first": "L1H0",
        "second": "L1H1", "writer": "previous_token", "reader": "induction",
    }  # fmt: skip
    seen = set()
    for name, query in queries.catalogue().items():
        kinds = ("role", "list of role")
        shown = [c.name for c in query.columns if c.type in kinds and c.name != "derived_role"]
        if not shown:
            continue
        given = {key: value for key, value in values.items() if key in query.params}
        frame = queries.query(name, database, run=case.run, **given)
        if name == "roles":
            assert set(frame.loc[frame["role"].isin(derived), "derived"]) <= {True}
            continue
        for column in shown:
            roles = frame[column].dropna().explode().dropna()
            assert derived.isdisjoint(roles), (name, column)
            seen |= {name} if roles.str.contains("(derived)", regex=False).any() else set()
    if case.run == "gpt2":
        assert {"hubs", "hubs_by_layer", "role_matrix", "identity_paths", "feeds_role"} <= seen


def test_roles_tell_derived_ones_apart(database: Graph, case: Case) -> None:
    answer = queries.query("roles", database, run=case.run)
    derived = answer[answer["derived"]].set_index("role")
    assert set(derived["circuit"]) <= {"weights"}
    for role, heads in holders(case).items():
        if role.endswith(" (derived)"):
            name = role.removesuffix(" (derived)")
            assert derived.loc[name, "heads"] == by_place(heads)
            assert derived.loc[name, "count_all"] == derived.loc[name, "count"] == len(heads)
    known = answer[~answer["derived"]]
    assert set(known["role"]) == set(case.labels["role"])
    for row in known.itertuples():
        assert row.count_all == len(case.members(row.role))
    assert all(head == sorted(head, key=parse_head) for head in answer["heads"])

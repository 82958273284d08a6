"""Runs that pandas and networkx answer too: GPT-2, a grouped-query model, a planted graph."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import pandas as pd

from headgraph import loader
from headgraph.base.names import head_name, parse_head
from headgraph.graphdb import Graph
from headgraph.pk_engine.bundled import table_path
from headgraph.pk_engine.labels import labels_for
from headgraph.pk_engine.scoring._compute import compute
from headgraph.pk_engine.table.affinity import AffinityTable
from headgraph.pk_engine.table.selection import Selection
from tests.queries.conftest import emptied, head_scores, named, shown_roles
from tests.shared import MODELS
from tests.tables import random_table

LABELS = """layer,head,role,circuit
0,0,previous_token,ioi
0,1,previous_token,
1,0,induction,ioi
1,1,induction,ioi
1,1,identity,
2,0,s_inhibition,ioi
2,1,identity,
3,0,name_mover,ioi
3,1,name_mover,ioi
"""
PLANTED = {
    ("OK", "L0H0", "L1H0"): 7.0,
    ("OV", "L0H0", "L1H0"): 3.0,
    ("OQ", "L0H0", "L1H0"): 2.0,
    ("OV", "L1H0", "L2H0"): 6.0,
    ("OQ", "L2H0", "L3H0"): 5.0,
    ("OQ", "L2H0", "L3H1"): 4.0,
    ("OK", "L0H0", "L1H1"): 6.5,
    ("OV", "L1H1", "L2H0"): 4.5,
    ("OK", "L0H0", "L3H0"): 5.5,
    ("OV", "L0H1", "L1H1"): 3.5,
    ("OV", "L0H2", "L3H0"): 7.5,
    ("OV", "L0H2", "L3H1"): 7.25,
}
"""Kept edges of a model of four layers of three heads, by hand."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """A loaded run and what is known of it without the database.

    Attributes:
        run: its name.
        edges: a row per edge, with `source` and `target` as names and double precision.
        labels: known roles with `name`, `role` and `circuit`.
        scores: copying and self-overlap by name, for all heads.
    """

    run: str
    edges: pd.DataFrame
    labels: pd.DataFrame
    scores: pd.DataFrame

    @cached_property
    def roles(self) -> dict[str, list[str]]:
        """Roles by name of the head, as an answer shows them."""
        return shown_roles(self.labels, self.scores)

    def members(self, role: str, circuit: str | None = None) -> set[str]:
        """Heads with a known role, in one circuit or in any."""
        rows = self.labels[self.labels["role"] == role]
        return set(
            rows["name"] if circuit is None else rows.loc[rows["circuit"] == circuit, "name"]
        )


def planted() -> AffinityTable:
    """A table of the planted edges alone, with scores of heads."""
    table = random_table(n_layers=4, n_heads=3, format_2=True)
    frame = table.frame.set_index(["pairing", "source", "target"])
    frame = frame.loc[list(PLANTED)].reset_index()
    mean, sd = (table.meta.moments["OQ"][name] for name in ("mean", "sd"))
    frame["pk"] = pd.Series(list(PLANTED.values()), dtype="float32")
    frame["pk_normalized"], frame["z"] = frame["pk"] / 8, (frame["pk"] - mean) / sd
    frame["pk_rank"] = frame.groupby("pairing")["pk"].rank(ascending=False).astype(int)
    return AffinityTable(frame, replace(table.meta, selection=[{"top": 6}]))


def grouped() -> AffinityTable:
    """Babyllama's strongest 60 %: five layers, eight query and four key/value heads."""
    return compute(MODELS / "babyllama-361", selection=Selection(top_percent=60))


@contextmanager
def loaded(database: Graph, folder: Path) -> Iterator[Mapping[str, Case]]:
    """All cases in one database."""
    emptied(database)
    labels = folder / "labels.csv"
    labels.write_text(LABELS, encoding="utf-8")
    gpt2 = AffinityTable.read(table_path("gpt2-small")).select(Selection(top_percent=3))
    cases = {}
    for run, table, given in (
        ("gpt2", gpt2, None),
        ("grouped", grouped(), labels),
        ("planted", planted(), labels),
    ):
        loader.load(table, database, run=run, labels=given)
        rows = labels_for(table.meta, given)
        names = [head_name(*place) for place in zip(rows["layer"], rows["head"], strict=True)]
        scores = ["pk", "pk_normalized", "z", "share", "decoy_q"]
        cases[run] = Case(
            run=run,
            edges=named(table.edges()).astype(dict.fromkeys(scores, float)),
            labels=rows.assign(name=names),
            scores=head_scores(table),
        )
    yield cases
    emptied(database)


def by_place(names: set[str]) -> list[str]:
    """Heads by layer, then head."""
    return sorted(names, key=parse_head)


def ordered(rows: pd.DataFrame, *keys: str) -> pd.DataFrame:
    """Rows by columns: `-x` from the greatest, a column of heads by layer and head."""

    def key(column: pd.Series) -> pd.Series:
        if len(column) and isinstance(column.iloc[0], str) and column.iloc[0][0] == "L":
            return column.map(lambda name: parse_head(name)[0] * 1000 + parse_head(name)[1])
        return column

    return rows.sort_values(
        [name.lstrip("-") for name in keys],
        ascending=[not name.startswith("-") for name in keys],
        key=key,
        kind="stable",
    )

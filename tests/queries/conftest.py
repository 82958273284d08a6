"""GPT-2's graph as the demo loads it, once for all tests of a module that only read."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest

from headgraph import loader
from headgraph.base.names import head_name
from headgraph.graphdb import Graph
from headgraph.pk_engine.bundled import table_path
from headgraph.pk_engine.labels import labels_for
from headgraph.pk_engine.table.affinity import AffinityTable
from headgraph.pk_engine.table.selection import Selection

TOP = Selection(top_percent=3)


def named(edges: pd.DataFrame) -> pd.DataFrame:
    """Arrows with `source` and `target` as names."""
    ends = {
        end: [head_name(*p) for p in zip(edges[f"{end}_layer"], edges[f"{end}_head"], strict=True)]
        for end in ("source", "target")
    }
    return edges.assign(**ends)


def emptied(database: Graph) -> Graph:
    database.command("MATCH (n) CALL (n) { DETACH DELETE n } IN TRANSACTIONS OF 10000 ROWS")
    return database


@pytest.fixture(scope="module")
def gpt2(database: Graph) -> Iterator[Graph]:
    """The database with GPT-2's strongest 3 % as run `gpt2`, and nothing else."""
    emptied(database)
    loader.load("gpt2-small", database, run="gpt2", selection=TOP)
    yield database
    emptied(database)


@pytest.fixture(scope="session")
def kept() -> pd.DataFrame:
    """The edges of that run, from the table and without any database."""
    return named(AffinityTable.read(table_path("gpt2-small")).select(TOP).edges())


@pytest.fixture(scope="session")
def labels() -> pd.DataFrame:
    """The known roles of GPT-2's heads, with `name`."""
    frame = labels_for(AffinityTable.read(table_path("gpt2-small")).meta)
    names = [
        head_name(layer, head) for layer, head in zip(frame["layer"], frame["head"], strict=True)
    ]
    return frame.assign(name=names)


@pytest.fixture(scope="session")
def scores() -> pd.DataFrame:
    """Copying and self-overlap of GPT-2's heads, by name."""
    return head_scores(AffinityTable.read(table_path("gpt2-small")))


@pytest.fixture(scope="session")
def roles(labels: pd.DataFrame, scores: pd.DataFrame) -> dict[str, list[str]]:
    """Roles of GPT-2's heads, by name, as an answer shows them."""
    return shown_roles(labels, scores)


def head_scores(table: AffinityTable) -> pd.DataFrame:
    """`copying` and `self_overlap` by name of the head, from the table's metadata."""
    meta = table.meta
    names = [
        head_name(layer, head) for layer in range(meta.n_layers) for head in range(meta.n_heads)
    ]
    columns = {name: np.ravel(meta.heads[name]) for name in ("copying", "self_overlap")}
    return pd.DataFrame(columns, index=names)


def shown_roles(labels: pd.DataFrame, scores: pd.DataFrame) -> dict[str, list[str]]:
    """Roles of heads by name: those of the labels, and the derived ones with their mark."""
    both = scores["self_overlap"] > 0.5
    erasers, copiers = both & (scores["copying"] < -0.9), both & (scores["copying"] > 0.9)
    derived = [(name, "eraser (derived)") for name in scores.index[erasers]]
    derived += [(name, "copier (derived)") for name in scores.index[copiers]]
    every = pd.concat([labels[["name", "role"]], pd.DataFrame(derived, columns=["name", "role"])])
    return every.groupby("name")["role"].agg(lambda r: sorted(set(r))).to_dict()

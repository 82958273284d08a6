"""One stored query: what its file says."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

GRAPH = "graph"
"""Type of a column that is drawn and not listed: nodes, relationships, paths, lists of them."""

EXAMPLE_RUN = "gpt2-small"
"""The run of an example whose header names none."""


@dataclass(frozen=True, kw_only=True)
class Param:
    """A parameter of a query.

    Attributes:
        name: without the dollar sign.
        type: see `queries.values.TYPES`.
        default: as JSON has it; means something only where `required` is false.
        required: there is no default.
        text: what it means, in words.
        line: of the file, for messages.
    """

    name: str
    type: str
    default: Any = None
    required: bool = False
    text: str = ""
    line: int = 0


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of a query's answer; of type `graph` where it is drawn and not listed."""

    name: str
    type: str
    text: str = ""
    line: int = 0


@dataclass(frozen=True, kw_only=True)
class Query:
    """A stored query.

    Attributes:
        name: of the file, without `.cypher`.
        title: one line; Neo4j Browser takes it as the favourite's name.
        description: a paragraph.
        params: parameters by name, in the file's order.
        columns: in the order of RETURN.
        may_be_empty: empty, or when no rows are an answer, in words.
        cypher: the statement without the header.
        source: the whole file.
        path: of the file.
        requires: what the run must have beside heads and edges: `sums`, or nothing.
        example: values as text with which the documentation asks it; `run` may be one.
    """

    name: str
    title: str
    description: str
    params: Mapping[str, Param]
    columns: tuple[Column, ...]
    may_be_empty: str
    cypher: str
    source: str
    path: Path
    requires: frozenset[str] = frozenset()
    example: Mapping[str, str] = field(default_factory=dict)

    @property
    def example_line(self) -> str:
        """The command line of the example."""
        values = {"run": EXAMPLE_RUN, **self.example}
        words = ["headgraph", "query", self.name, "--run", values.pop("run")]
        words += [word for key, value in values.items() for word in ("-p", f"{key}={value}")]
        return shlex.join(words)

    @property
    def table_columns(self) -> list[str]:
        """Names of the columns that are listed."""
        return [column.name for column in self.columns if column.type != GRAPH]

    @property
    def over_series(self) -> bool:
        """Whether it goes through the checkpoints of a series itself."""
        return not {"step", "checkpoint"}.isdisjoint(self.table_columns)

    @property
    def graph_columns(self) -> list[str]:
        """Names of the columns that are drawn; empty where the query has no graph form."""
        return [column.name for column in self.columns if column.type == GRAPH]

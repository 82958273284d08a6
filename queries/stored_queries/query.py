"""One stored query: the contents of its file."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

GRAPH = "graph"
"""Type of a column for drawing, which tables leave out: nodes, relationships, paths or lists."""

EXAMPLE_RUN = "gpt2-small"
"""The run of an example whose header does not name one."""


@dataclass(frozen=True, kw_only=True)
class Param:
    """A parameter of a query.

    Attributes:
        name: name without the dollar sign.
        type: a type, see `queries.stored_queries.values.TYPES`.
        default: the default, a JSON value; valid only where `required` is false.
        required: whether there is no default.
        text: description.
        line: line in the file, for messages.
    """

    name: str
    type: str
    default: Any = None
    required: bool = False
    text: str = ""
    line: int = 0


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of a query's answer; a column of type `graph` is for drawing."""

    name: str
    type: str
    text: str = ""
    line: int = 0


@dataclass(frozen=True, kw_only=True)
class Query:
    """A stored query.

    Attributes:
        name: name of the file, without `.cypher`.
        title: one line; Neo4j Browser shows it as the favourite's name.
        description: a paragraph.
        params: parameters by name, in the file's order.
        columns: columns in the order of RETURN.
        may_be_empty: when no rows are a valid answer, in words; empty where they never are.
        cypher: the statement without the header.
        source: the whole file.
        path: path of the file.
        requires: what the run must have beside heads and edges: some of `sums`, `copying` and
            `even`.
        example: values of the documentation's example, as text; `run` may be one.
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
        """Names of the columns of the table."""
        return [column.name for column in self.columns if column.type != GRAPH]

    @property
    def over_series(self) -> bool:
        """Whether the statement goes through the checkpoints of a series itself."""
        return not {"step", "checkpoint"}.isdisjoint(self.table_columns)

    @property
    def graph_columns(self) -> list[str]:
        """Names of the columns for drawing; empty where the query has no graph form."""
        return [column.name for column in self.columns if column.type == GRAPH]

"""The formats, in one list for the command, its messages and the docs."""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import IO, TYPE_CHECKING

from headgraph.base.spelling import argument
from headgraph.base.text import quoted, short
from headgraph.loader.errors import ExportError

if TYPE_CHECKING:  # the command line offers the formats, and its help imports nothing heavy
    from headgraph.loader.exports.content import RunGraph


@dataclass(frozen=True)
class Format:
    """A way to write a graph.

    Attributes:
        name: the value of `format`.
        ending: ending of its files.
        text: description with the programs that read it, for the docs.
        module: module of `loader.exports`; empty if it has the name of the format.
        names: names of the files in a folder; empty for a single file.
    """

    name: str
    ending: str
    text: str
    module: str = ""
    names: tuple[str, ...] = ()

    def write(self, content: "RunGraph", *streams: IO[bytes]) -> None:
        """Write a graph to an open file, or to one for each of `names`.

        Raises:
            ExportError: a graph that the format cannot hold, or a label that no import reads back.
        """
        from headgraph.loader.exports.content import word

        for label in {label for head in content.heads.values() for label in head.labels}:
            word(label)
        module = import_module(f"headgraph.loader.exports.{self.module or self.name}")
        module.write(content, *streams)


_ALL = (
    Format("graphml", ".graphml", "heads and edges, for networkx, igraph, Gephi, yEd, Cytoscape"),
    Format(
        "json",
        ".json",
        "heads and edges as node-link JSON for networkx and d3, as in graph answers of queries",
        module="node_link",
    ),
    Format(
        "cypher",
        ".cypher",
        "a script that makes the run in another database, with `cypher-shell` or a driver",
    ),
    Format(
        "csv",
        "",
        "the run as `neo4j-admin database import full` reads it; run schema.cypher afterwards",
        module="admin_csv",
        names=("nodes.csv", "relationships.csv", "schema.cypher"),
    ),
)
FORMATS = {format.name: format for format in _ALL}


def format_of(output: Path, format_: str | None) -> Format:
    """The format with this name, or else the one of the output's ending.

    Raises:
        ExportError: no format has this name or ending.
    """
    if format_ is not None:
        if format_ not in FORMATS:
            raise ExportError(f"no format {quoted(format_)}: expected one of {', '.join(FORMATS)}")
        return FORMATS[format_]
    for format in FORMATS.values():
        if output.suffix.lower() == format.ending:
            return format
    endings = ", ".join(format.ending for format in FORMATS.values() if format.ending)
    raise ExportError(
        f"{short(output.name)} ends in {quoted(output.suffix)}: expected a name that ends in one "
        f"of {endings}, a folder name without an ending, or {argument('format')} with one of "
        f"{', '.join(FORMATS)}"
    )

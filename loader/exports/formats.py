"""The formats: one line each, from which the command, its messages and the docs take them."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from headgraph.loader.errors import ExportError


@dataclass(frozen=True)
class Format:
    """A way to write a graph.

    Attributes:
        name: as `--format` takes it.
        ending: of its files.
        text: what it is and who reads it, for the docs.
        module: of `loader.exports`; it is called as the format is where this is left out.
        names: of the files inside a folder, where it is not one file.
    """

    name: str
    ending: str
    text: str
    module: str = ""
    names: tuple[str, ...] = ()

    @property
    def write(self) -> Callable[..., None]:
        """What writes a `RunGraph` into an open file, or one for each of `names`."""
        written: Callable[..., None] = import_module(
            f"headgraph.loader.exports.{self.module or self.name}"
        ).write
        return written


_ALL = (
    Format("graphml", ".graphml", "heads and edges, for networkx, igraph, Gephi, yEd, Cytoscape"),
    Format(
        "json",
        ".json",
        "heads and edges as node-link JSON, as `query --graph` has them: networkx, d3",
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
        "the run as `neo4j-admin database import full` reads it; the statements come after it",
        module="admin_csv",
        names=("nodes.csv", "relationships.csv", "schema.cypher"),
    ),
)
FORMATS = {format.name: format for format in _ALL}


def format_of(output: Path, format_: str | None) -> Format:
    """The format that a name's ending says, unless one is named.

    Raises:
        ExportError: no format has this name or ending.
    """
    if format_ is not None:
        if format_ not in FORMATS:
            raise ExportError(f"no format {format_!r}: expected one of {', '.join(FORMATS)}")
        return FORMATS[format_]
    for format in FORMATS.values():
        if output.suffix.lower() == format.ending:
            return format
    endings = ", ".join(format.ending for format in FORMATS.values() if format.ending)
    raise ExportError(
        f"{output.name} ends in {output.suffix!r}: expected a name that ends in one of {endings}, "
        f"a folder's without an ending, or --format with one of {', '.join(FORMATS)}"
    )

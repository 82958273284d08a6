r"""A Cypher script that makes the run in another database.

    cypher-shell -f gpt2.cypher

Like a load, it makes a whole run or none: heads are `LoadingHead` and the Run has no name until one
statement publishes them. Each statement finds only what is not published yet, so the script can be
run again: it goes on where it stopped, and changes nothing once the run is complete. Only the last
line of a statement ends with a semicolon, so `text.split(";\\n")` gives the statements to a driver.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby, islice
from typing import IO, Any, TypeVar

from headgraph.base.text import json_text
from headgraph.graphdb import schema
from headgraph.loader.exports.content import RunGraph, word
from headgraph.loader.loading.edges import Batch

MARK = "cypher script"  # in `loader` of the Run, in place of the token of a load
_HEADS = 500
_EDGES = 5000  # in a statement
_NUMBERS = {float: "toFloat", int: "toInteger"}

T = TypeVar("T")


def write(content: RunGraph, stream: IO[bytes]) -> None:
    """Write the script: values as literals, names of properties and labels between backticks."""
    for statement in _statements(content):
        stream.write(f"{statement};\n".encode())


def schema_statements(content: RunGraph) -> Iterator[str]:
    """The constraints and indexes that a load makes."""
    yield from (*schema.CONSTRAINTS, *schema.INDEXES)
    if content.n_edges >= schema.MANY_EDGES:
        yield from (schema.rank_index(pairing) for pairing in content.run["pairings"])


def _statements(content: RunGraph) -> Iterator[str]:
    run_id = literal(content.run["id"])
    unpublished = f"(r:{schema.RUN} {{id: {run_id}, loader: {literal(MARK)}}})"
    first, *rest = schema_statements(content)
    yield f"{_opening(content)}\n{first}"
    yield from rest
    own = {name: content.run[name] for name in content.run if name not in ("id", "name", "status")}
    yield (
        f"MERGE (r:{schema.RUN} {{id: {run_id}}}) ON CREATE SET r += {literal(own)}, "
        f"r.status = {literal(schema.LOADING)}, r.loader = {literal(MARK)}, "
        f"r.started_at = datetime(), r.called = {literal(content.run['name'])}"
    )
    for heads in _parts(content.heads.values(), _HEADS):
        rows = ",\n".join(literal(_without(head.properties, "run")) for head in heads)
        yield (
            f"MATCH {unpublished} UNWIND [\n{rows}\n] AS head "
            f"MERGE (h:{schema.LOADING_HEAD} {{id: head.id}}) SET h += head "
            "MERGE (r)-[:HAS_HEAD]->(h)"
        )
    yield from _edges(content)
    yield _publication(content, unpublished)
    yield (
        f"MATCH (r:{schema.RUN} {{id: {run_id}}}) "
        "RETURN r.name AS run, r.status AS status, r.heads AS heads, r.edges AS edges"
    )


def _opening(content: RunGraph) -> str:
    size = f"{len(content.heads):,} heads and {content.n_edges:,} edges"
    return (
        f"// headgraph run {literal(content.run['name'])}: {size}\n"
        "// cypher-shell -f THIS-FILE; again changes nothing, or goes on where it was cut off.\n"
        "// The last statement shows the run: it is there when its status is complete."
    )


def _edges(content: RunGraph) -> Iterator[str]:
    # by number, because a property can have any name
    values = ", ".join(f"{_name(name)}: c{n}[i]" for n, name in enumerate(content.columns))
    lists = ["source", "target", *(f"c{n}" for n in range(len(content.columns)))]
    names = {place: head.name for place, head in content.heads.items()}
    prefix = literal(f"{content.run['id']}:")
    for pairing, batches in groupby(content.batches(), key=lambda batch: batch.pairing):
        for rows in _parts(_rows(batches, names), _EDGES):
            columns = zip(lists, zip(*rows, strict=True), strict=True)
            given = ",\n".join(f"{column(items)} AS {name}" for name, items in columns)
            yield (
                f"WITH {prefix} AS run,\n{given}\nUNWIND range(0, {len(rows) - 1}) AS i\n"
                f"MATCH (a:{schema.LOADING_HEAD} {{id: run + source[i]}}) "
                f"MATCH (b:{schema.LOADING_HEAD} {{id: run + target[i]}}) "
                f"MERGE (a)-[e:{_name(pairing)}]->(b) SET e += {{{values}}}"
            )


def _rows(batches: Iterable[Batch], names: Mapping[int, str]) -> Iterator[tuple[Any, ...]]:
    for batch in batches:
        for source, edges in batch.groups:
            for target, *values in edges:
                yield (names[source], names[target], *values)


def column(values: Sequence[Any]) -> str:
    """A list in Cypher's notation, as one text to split if that gives the same values.

    The parser reads each number of a list as an expression, but a text of a thousand as one.

    >>> print(column([0.5, None, 2.0]))
    [x IN split("0.5,,2.0", ",") | toFloat(x)]
    >>> print(column(["a", "b"]), column(["a,b"]))
    split("a,b", ",") ["a,b"]
    """
    kinds = {type(value) for value in values if value is not None}
    for kind, convert in _NUMBERS.items():
        if kinds == {kind}:
            numbers = ",".join("" if value is None else repr(value) for value in values)
            return f'[x IN split({literal(numbers)}, ",") | {convert}(x)]'
    if all(isinstance(value, str) and "," not in value for value in values):
        return f'split({literal(",".join(values))}, ",")'
    return literal(values)


def _publication(content: RunGraph, unpublished: str) -> str:
    """One statement, hence one transaction, which matches only if all heads and edges exist."""
    lines = [
        f"MATCH {unpublished}-[:HAS_HEAD]->(h:{schema.LOADING_HEAD})",
        f"WITH r, collect(h) AS heads WHERE size(heads) = {len(content.heads)} AND COUNT {{ "
        f"(r)-[:HAS_HEAD]->(:{schema.LOADING_HEAD})-->(:{schema.LOADING_HEAD}) "
        f"}} = {content.n_edges}",
        f"SET r.name = {literal(content.run['name'])}, r.status = {literal(schema.COMPLETE)}, "
        "r.loaded_at = datetime() REMOVE r.loader, r.called",
        f"FOREACH (h IN heads | SET h:{schema.HEAD}, h.run = {literal(content.run['name'])} "
        f"REMOVE h:{schema.LOADING_HEAD})",
    ]
    for label, heads in _labelled(content).items():
        found = f"[h IN heads WHERE h.name IN {literal(heads)}]"
        lines.append(f"FOREACH (h IN {found} | SET h:{_name(label)})")
    if content.roles:
        rows = ",\n".join(literal([head, role, said]) for head, role, said in content.roles)
        lines.append(
            f"FOREACH (row IN [\n{rows}\n] | MERGE (role:{schema.ROLE} {{name: row[1]}}) "
            "FOREACH (h IN [h IN heads WHERE h.name = row[0]] | "
            "CREATE (h)-[has:HAS_ROLE]->(role) SET has = row[2]))"
        )
    return "\n".join(lines)


def _labelled(content: RunGraph) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for head in content.heads.values():
        for label in head.labels[1:]:
            found.setdefault(label, []).append(head.name)
    return found


def literal(value: Any) -> str:
    r"""A value in Cypher's notation.

    Text is written as JSON, whose escapes Cypher shares: quotes, backslashes and line breaks of the
    data are always escaped.

    >>> print(literal({"note": 'a "b" \\ c', "n": [1, 2.5, True, None]}))
    {`note`: "a \"b\" \\ c", `n`: [1, 2.5, true, null]}
    """
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_name(key)}: {literal(it)}" for key, it in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(literal, value)) + "]"
    return json_text(value, allow_nan=False)


def _parts(items: Iterable[T], size: int) -> Iterator[list[T]]:
    rest = iter(items)
    while part := list(islice(rest, size)):
        yield part


def _name(name: str) -> str:
    return f"`{word(name)}`"


def _without(properties: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in properties.items() if key != name}

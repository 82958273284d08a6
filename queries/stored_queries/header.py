"""The format of a query file: a header, read strictly, and a statement.

    // Title
    // description: A sentence or more. Goes on in lines
    //   that are indented like this one.
    // params:
    //   run (run): the run
    //   limit (count) = 20: rows at most
    // returns: graph; may be empty where no edge was kept
    //   head (head): name of a head
    //   path (graph): its edges
    MATCH ...

Line 1 is the title, because Neo4j Browser shows it as a favourite's name. Three sections follow, in
this order. A parameter or a column is `name (type)`, one per line. ` = ` and a JSON value give a
parameter a default. Words after a colon describe it, and continue on lines indented further.

`returns:` is `rows`, or `graph` where a column has the type `graph`. Such a column holds nodes,
relationships or paths; Neo4j Browser and `--graph` draw it, and tables leave it out. `may be empty`
says that no rows are a valid answer, and when.

Two more sections may follow, in this order. `// requires: sums` says that the statement reads sums,
which a run lacks if an older headgraph loaded it, and `copying` that it reads this score of heads,
which a run lacks if its table does. `even` says that it counts possible pairs by layer, so layers
with heads must have equally many and read one residual stream. `// example: head=L4H7 limit=5`
gives the values of the documentation's example.

JavaScript clients such as Browser send every number as a float, so a statement that needs a whole
number (LIMIT, ranges) uses `toInteger($limit)`.
"""

import re
from collections.abc import Mapping
from itertools import dropwhile, takewhile
from pathlib import Path

from headgraph.base.text import quoted
from headgraph.queries.errors import CatalogueError
from headgraph.queries.statements.tokens import parameters
from headgraph.queries.stored_queries.entries import HeaderProblem, Line, read_columns, read_params
from headgraph.queries.stored_queries.query import GRAPH, Column, Param, Query

SECTIONS = ("description", "params", "returns")
_OPTIONAL = ("requires", "example")
_REQUIRABLE = ("sums", "copying", "even")
_SECTION = re.compile(rf"// ({'|'.join((*SECTIONS, *_OPTIONAL))}):\s*(.*)")
_RETURNS = re.compile(r"(rows|graph)(; may be empty(?: (.+))?)?")
_FILE_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


def read_query(path: Path) -> Query:
    """The query in a file.

    Raises:
        CatalogueError: the file violates the format; the message names file and line.
    """
    source = path.read_text(encoding="utf-8")
    try:
        return _read(path, source)
    except HeaderProblem as problem:
        raise CatalogueError(f"{path.name}, line {problem.line}: {problem}") from None


def _read(path: Path, source: str) -> Query:
    if not _FILE_NAME.fullmatch(path.stem):
        raise HeaderProblem(1, "expected a file name of lower-case words joined by _")
    lines = list(enumerate(source.splitlines(), start=1))
    header = list(takewhile(lambda line: line[1].startswith("//"), lines))
    body = list(dropwhile(lambda line: not line[1].strip(), lines[len(header) :]))
    if not body:
        raise HeaderProblem(len(lines) or 1, "there is no statement below the header")
    title = _title(header[0][1] if header else "")
    sections = _sections(header)
    (returns, *columns), params = sections["returns"], read_params(sections["params"][1:])
    may_be_empty, drawn = _returns(*returns), read_columns(columns)
    _check_columns(returns, drawn)
    _check_parameters(body, params, sections["params"][0][0])
    return Query(
        name=path.stem,
        title=title,
        description=" ".join(text for _, text in sections["description"]).strip(),
        params=params,
        columns=drawn,
        may_be_empty=may_be_empty,
        requires=_requires(sections.get("requires", [])),
        example=_example(sections.get("example", []), params),
        cypher="\n".join(text for _, text in body).rstrip().removesuffix(";") + "\n",
        source=source.rstrip() + "\n",
        path=path,
    )


def _title(line: str) -> str:
    if not re.fullmatch(r"// \S.*", line) or _SECTION.fullmatch(line):
        raise HeaderProblem(1, f"{line!r} is not a title: expected // and a few words")
    return line.removeprefix("// ").strip()


def _sections(header: list[Line]) -> dict[str, list[Line]]:
    """Lines by section; the first line of each is the text after the colon."""
    found: dict[str, list[Line]] = {}
    for number, text in header[1:]:
        if match := _SECTION.fullmatch(text):
            expected = (*SECTIONS, "the statement")[min(len(found), len(SECTIONS))]
            if match[1] != expected and not _may_follow(match[1], list(found)):
                raise HeaderProblem(number, f"expected {expected}, got {match[1]}")
            found[match[1]] = [(number, match[2])]
        elif found and text.startswith("//   "):
            found[list(found)[-1]].append((number, text.removeprefix("//   ").rstrip()))
        else:
            raise HeaderProblem(
                number,
                f"{quoted(text)} neither begins a section ({', '.join(SECTIONS)}) nor continues "
                "one: a line that continues one begins with // and three spaces",
            )
    for name in SECTIONS:
        if name not in found:
            raise HeaderProblem(len(header), f"the header has no // {name}:")
    if not found["description"][0][1]:
        raise HeaderProblem(found["description"][0][0], "the description is empty")
    return found


def _may_follow(name: str, found: list[str]) -> bool:
    """Whether an optional section may follow those found."""
    return (
        name in _OPTIONAL
        and found[: len(SECTIONS)] == list(SECTIONS)
        and set(found[len(SECTIONS) :]) <= set(_OPTIONAL[: _OPTIONAL.index(name)])
    )


def _requires(lines: list[Line]) -> frozenset[str]:
    """The data that the run must have; a section that is there must name some."""
    if not lines:
        return frozenset()
    names = [name for _, text in lines for name in text.split()]
    line, text = lines[0]
    if not names or not set(names) <= set(_REQUIRABLE):
        raise HeaderProblem(line, f"requires {quoted(text)}: expected {' or '.join(_REQUIRABLE)}")
    return frozenset(names)


def _example(lines: list[Line], params: Mapping[str, Param]) -> dict[str, str]:
    values = {}
    for line, text in lines:
        for word in text.split():
            name, equals, value = word.partition("=")
            if not equals or name not in params:
                raise HeaderProblem(
                    line, f"{quoted(word)} in the example: expected a parameter, = and a value"
                )
            values[name] = value
    return values


def _returns(line: int, text: str) -> str:
    match = _RETURNS.fullmatch(text)
    if match is None:
        raise HeaderProblem(
            line,
            f"returns {quoted(text)}: expected rows or graph, then perhaps ; may be empty and when",
        )
    return (match[3] or "where there is none") if match[2] else ""


def _check_columns(returns: Line, columns: tuple[Column, ...]) -> None:
    line, text = returns
    if not columns:
        raise HeaderProblem(line, "there are no columns: expected one line for each")
    drawn = any(column.type == GRAPH for column in columns)
    if drawn != text.startswith(GRAPH):
        raise HeaderProblem(
            line, f"returns {text.split(';')[0]} with {'a' if drawn else 'no'} column of type graph"
        )
    if all(column.type == GRAPH for column in columns):
        raise HeaderProblem(line, "every column is of type graph: expected at least one for tables")


def _check_parameters(body: list[Line], params: Mapping[str, Param], section: int) -> None:
    if "run" not in params or params["run"].type != "run":
        raise HeaderProblem(section, "there is no parameter run (run): every query must have it")
    statement, used = "\n".join(text for _, text in body), set()
    for token in parameters(statement):
        used.add(token.text)
        if token.text not in params:
            line = body[0][0] + statement.count("\n", 0, token.start)
            raise HeaderProblem(line, f"${token.text} is used and not declared in the header")
    for param in params.values():
        if param.name not in used:
            raise HeaderProblem(param.line, f"parameter {param.name} is declared and not used")

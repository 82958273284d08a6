"""Values from the database; none if it does not answer at once."""

import re
import socket
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

import click
from click.shell_completion import CompletionItem

from headgraph.base.names import PAIRINGS
from headgraph.shell_completion._known import Items, among, listed

_KNOCK = 0.3  # seconds for a connection to begin
_ANSWER = 3.0  # seconds to wait for each answer

_RUNS = """
MATCH (r:Run) RETURN coalesce(r.name, left(r.id, 12)) AS name, r.name IS NULL AS unfinished
ORDER BY unfinished, name
"""
_MODELS = "MATCH (r:Run) RETURN DISTINCT r.model AS name ORDER BY name"
_SERIES = "MATCH (r:Run) WHERE r.series IS NOT NULL RETURN DISTINCT r.series AS name ORDER BY name"


def runs(ctx: click.Context, incomplete: str) -> Items:
    """Runs by name, unfinished ones by id for the commands that take these."""
    rows = _rows(ctx, _RUNS)
    unfinished = ctx.info_name in ("drop", "runs")
    return among((r["name"] for r in rows if unfinished or not r["unfinished"]), incomplete)


def models(ctx: click.Context, incomplete: str) -> Items:
    """What the runs were computed from."""
    return among((row["name"] for row in _rows(ctx, _MODELS)), incomplete)


def series(ctx: click.Context, incomplete: str) -> Items:
    """Training runs that checkpoints belong to."""
    return among((row["name"] for row in _rows(ctx, _SERIES)), incomplete)


def statement_params(ctx: click.Context, incomplete: str) -> Items:
    """`NAME=` of the parameters in the statement of `headgraph cypher`."""
    from headgraph.queries.statements.tokens import parameters

    text = " ".join(filter(None, [ctx.params.get("text"), *ctx.args]))
    names = dict.fromkeys(token.text for token in parameters(text))
    return [
        CompletionItem(f"{name}=")
        for name in names
        if name.startswith(incomplete) and name != "run"
    ]


def params(ctx: click.Context, incomplete: str) -> Items:
    """`NAME=` of a stored query's parameters, and behind it the values that are known."""
    from headgraph.queries.stored_queries.library import get

    positional = [ctx.params.get("name"), *ctx.args]
    query = get(next(word for word in positional if word))
    name, equals, value = incomplete.partition("=")
    if not equals:
        given = {text.partition("=")[0] for text in ctx.params.get("params") or ()}
        own = [param for key, param in query.params.items() if key not in {"run", *given}]
        return [
            CompletionItem(f"{param.name}=", help=param.text)
            for param in own
            if param.name.startswith(name)
        ]
    if name not in query.params:
        return []
    kind = query.params[name].type
    among_or_listed = listed if kind.startswith("list of ") else among
    items = among_or_listed(_values(ctx, kind.removeprefix("list of ")), value)
    return [CompletionItem(f"{name}={item.value}", help=item.help) for item in items]


def _values(ctx: click.Context, kind: str) -> Iterable[str]:
    """What a parameter of a type can be; nothing for numbers and text."""
    from headgraph.queries.answers.names import NAMED

    if kind == "run":
        return [item.value for item in runs(ctx, "")]
    if kind in NAMED:
        return [row["name"] for row in _rows(ctx, NAMED[kind], run=_run(ctx))]
    if bounds := re.fullmatch(r"(\d+) to (\d+)", kind):
        return [str(n) for n in range(int(bounds[1]), int(bounds[2]) + 1)]
    words = {"pairing": PAIRINGS, "boolean": ("true", "false")}
    return kind.split(" or ") if " or " in kind else words.get(kind, ())


def _run(ctx: click.Context) -> str | None:
    """The run that is asked about: the one given, or the only one."""
    if given := ctx.params.get("run"):
        return str(given)
    names = [item.value for item in runs(ctx, "")]
    return names[0] if len(names) == 1 else None


def _rows(ctx: click.Context, cypher: str, **params: Any) -> list[Any]:
    """Rows of a statement; none where no database answers, or it refuses us.

    Completion prints no errors; the command itself reports them when it runs.
    """
    from headgraph.graphdb.connection.reachability import BOLT_PORT
    from headgraph.graphdb.connection.settings import resolve
    from headgraph.graphdb.errors import GraphError

    where = {name: ctx.params.get(name) for name in ("uri", "user", "database", "env_file")}
    try:
        settings = resolve(**where)
        address = urlsplit(settings.uri)
        # the driver would wait for long, and takes a while to import
        knock = (address.hostname or "", address.port or BOLT_PORT)
        socket.create_connection(knock, timeout=_KNOCK).close()

        from headgraph.graphdb.connection.graph import connect

        with connect(settings=settings, timeout=_ANSWER) as graph:
            return list(graph.read(cypher, params, timeout=_ANSWER))
    except (GraphError, OSError):
        return []

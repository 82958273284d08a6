"""Cypher of one's own: looked at first, then run within limits."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from headgraph.base.units import span
from headgraph.graphdb.errors import LimitExceeded, NotReachable, OutOfMemory, TookTooLong
from headgraph.graphdb.limits import Deadline
from headgraph.graphdb.result import Result
from headgraph.graphdb.runner import Runner
from headgraph.queries._hints import hints
from headgraph.queries._tokens import one_statement, parameters, tokens
from headgraph.queries.errors import MissingParameter, ParameterError, Refused
from headgraph.queries.guard import check_statement, refuse_words

if TYPE_CHECKING:
    import pandas as pd

LIMIT = 1000
TIMEOUT_S = 30.0
MAX_MB = 16.0
LONGEST = 1_000_000
"""Characters of a statement."""

DEEPEST = 100
"""Brackets around one place in a statement."""

_MOST = 1e9  # seconds, or megabytes; the driver's clock knows no more
_LESS = "ask for less, for example with LIMIT or {run: ...} on every node"
_BUSY = "the server may be busy with it for minutes; only its restart ends that"
_LIMIT = re.compile(r"limit ([\d.]+ [KMG]iB)")


def cypher(
    text: str,
    graph: Runner,
    /,
    *,
    limit: int = LIMIT,
    timeout: float | Deadline = TIMEOUT_S,
    max_mb: float = MAX_MB,
    params: Mapping[str, Any] | None = None,
) -> "pd.DataFrame":
    """Rows of a statement that only reads the graph.

    Args:
        text: one Cypher statement.
        graph: an open database.
        limit: rows at most; `frame.attrs["truncated"]` says whether there were more.
            `frame.attrs["hints"]` names labels, types, properties and runs that the database lacks.
        timeout: seconds that all of it may take: planning, running, fetching, looking for hints.
        max_mb: megabytes that may be sent, however few the rows.
        params: values of the statement's parameters.

    Raises:
        ParameterError: a timeout or size that cannot be one.
        MissingParameter: it has a parameter without a value.
        Refused: it is no plain read, takes too long, or sends too much.
        NotReachable: nobody answers, or the server ended while it ran the statement.
        GraphError: the database cannot be asked.
    """
    deadline = timeout if isinstance(timeout, Deadline) else Deadline(timeout)
    params = params or {}
    check(text, params, timeout=deadline.seconds, max_mb=max_mb)
    with _within(deadline, "planning the statement", "write it shorter"):
        plan = check_statement(text, graph, params, timeout=deadline.left())
    with _within(deadline, "the statement and its rows"):
        result = _rows(text, graph, params, deadline=deadline, limit=limit, max_mb=max_mb)
    from headgraph.queries._answer import Answer

    frame = Answer(result.frame())
    with _within(deadline, "looking for names that the database lacks"):
        unknown = list(hints(text, params, plan, graph, deadline))
    frame.attrs |= {"truncated": result.truncated, "hints": unknown}
    return frame


def check(text: str, params: Mapping[str, Any], *, timeout: float, max_mb: float) -> None:
    """Raise what `cypher` raises for values that no database is needed to refuse."""
    _check_limits(timeout=timeout, max_mb=max_mb)
    _check_size(text)
    refuse_words(text)
    _check_parameters(text, params)


def _rows(
    text: str,
    graph: Runner,
    params: Mapping[str, Any],
    *,
    deadline: Deadline,
    limit: int,
    max_mb: float,
) -> Result:
    try:
        return graph.read(
            one_statement(text),
            params,
            timeout=deadline.left(),
            limit=limit,
            max_bytes=max(1, int(max_mb * 1_000_000)),
        )
    except TookTooLong:
        raise
    except LimitExceeded as error:
        raise Refused(f"{error.message.both}: {_narrower('--timeout or --max-mb')}") from error
    except NotReachable as error:
        # it answered a moment ago: limits on memory do not count what one expression makes
        raise NotReachable(
            "the server ended while it ran the statement, perhaps out of memory: see headgraph "
            f"server status, start it again, and {_LESS}"
        ) from error
    except OutOfMemory as error:
        size = _LIMIT.search(str(error))
        given = f" ({size[1]})" if size else ""
        needs = f"the statement needs more memory than the server gives it{given}"
        raise Refused(f"{needs}: {_LESS}") from error


@contextmanager
def _within(deadline: Deadline, what: str, helps: str = _LESS) -> Iterator[None]:
    """Say what was under way when the time was over, or Ctrl-C came, and what the server does."""
    try:
        yield
    except TookTooLong as error:
        # without a code the server did not end it, and there are parts of planning and of running
        # in which it looks neither at its clock nor at whether its client is still there
        busy = "" if error.code else f" ({_BUSY})"
        took = f"{what} took longer than {span(deadline.seconds)}"
        raise Refused(f"{took}: {helps}, or raise --timeout{busy}") from error
    except KeyboardInterrupt as stopped:
        stopped.add_note(_BUSY)
        raise


def _check_size(text: str) -> None:
    """Refuse what Neo4j plans for minutes, or never answers since its own stack is too small."""
    if len(text) > LONGEST:
        raise Refused(
            f"the statement has more than {LONGEST:,} characters: give long lists as a parameter, "
            "on a first line :params"
        )
    depth = 0
    for token in tokens(text):
        if token.kind == "sign" and token.text in "([{":
            depth += 1
        elif token.kind == "sign" and token.text in ")]}":
            depth -= 1
        if depth > DEEPEST:
            raise Refused(
                f"the statement has brackets within more than {DEEPEST} others: expected fewer; "
                "take it apart with WITH"
            )


def _check_limits(**limits: float) -> None:
    for name, value in limits.items():
        if not 0 < value <= _MOST:  # nan is neither
            option = f"--{name.replace('_', '-')}"
            raise ParameterError(
                f"{option} {value:g}: expected a number above 0 and at most a thousand million"
            )


def _check_parameters(text: str, params: Mapping[str, Any]) -> None:
    for token in parameters(text):
        if token.text not in params:
            raise MissingParameter(
                f"${token.text} has no value: write it in the text, such as "
                '{run: "gpt2-small"}, or give a first line :params {"run": "gpt2-small"}; '
                "queries.cypher takes params={...}"
            )


def _narrower(option: str) -> str:
    return f"{_LESS}, or raise {option}"

"""`cypher`: a statement that a user wrote, checked first, then run within limits."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from headgraph.base.spelling import argument, either
from headgraph.base.units import span
from headgraph.graphdb.errors import LimitExceeded, NotReachable, OutOfMemory, TookTooLong
from headgraph.graphdb.limits import Deadline
from headgraph.graphdb.result import Result
from headgraph.graphdb.runner import Runner
from headgraph.queries.errors import MissingParameter, ParameterError, Refused
from headgraph.queries.statements.guard import check_statement, refuse_words
from headgraph.queries.statements.hints import hints
from headgraph.queries.statements.tokens import one_statement, parameters, tokens

if TYPE_CHECKING:
    import pandas as pd

LIMIT = 1000
TIMEOUT_S: float = 30
MAX_MB: float = 16
LONGEST = 1_000_000
"""Characters of a statement at most."""

DEEPEST = 100
"""Levels of nested brackets at most."""

_MOST = 1e9  # seconds or megabytes; the driver's clock holds no larger number
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
        limit: rows at most.
        timeout: time limit in seconds for planning, running, fetching and looking for hints.
        max_mb: largest answer in megabytes.
        params: values of the statement's parameters.

    Returns:
        Rows. `frame.attrs["truncated"]` says whether there were more than `limit`, and
        `frame.attrs["hints"]` names labels, types, properties and runs that the database lacks.

    Raises:
        ParameterError: `limit` is below 1, or `timeout` or `max_mb` is not above 0 or too large.
        MissingParameter: a parameter of the statement has no value.
        Refused: the statement does more than read the graph, takes too long or sends too much.
        NotReachable: no server answers, or the server ended while it ran the statement.
        GraphError: the database cannot be read.
    """
    deadline = timeout if isinstance(timeout, Deadline) else Deadline(timeout)
    params = params or {}
    check(text, params, limit=limit, timeout=deadline.seconds, max_mb=max_mb)
    with _within(deadline, "planning the statement", "write it shorter"):
        plan = check_statement(text, graph, params, timeout=deadline.left())
    with _within(deadline, "the statement and its rows"):
        result = _rows(text, graph, params, deadline=deadline, limit=limit, max_mb=max_mb)
    from headgraph.queries.answer import Answer

    frame = Answer(result.frame())
    with _within(deadline, "looking for names that the database lacks"):
        unknown = list(hints(text, params, plan, graph, deadline))
    frame.attrs |= {"truncated": result.truncated, "hints": unknown}
    return frame


def check(
    text: str, params: Mapping[str, Any], *, limit: int, timeout: float, max_mb: float
) -> None:
    """Raise the errors of `cypher` that need no database."""
    if limit < 1 or limit % 1:
        raise ParameterError(f"{argument('limit', limit)}: expected a whole number of at least 1")
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
        limits = f"{argument('timeout')} or {argument('max_mb')}"
        raise Refused(f"{error.message.both}: {_LESS}, or raise {limits}") from error
    except NotReachable as error:
        # the server's limits on memory do not count what one expression builds
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
    """Name the step that reached the time limit or was interrupted, and the server's state."""
    try:
        yield
    except TookTooLong as error:
        # without a code the server did not end the statement: in parts of planning and of running
        # it checks neither its time limit nor its connection
        busy = "" if error.code else f" ({_BUSY})"
        took = f"{what} took longer than {span(deadline.seconds)}"
        raise Refused(f"{took}: {helps}, or raise {argument('timeout')}{busy}") from error
    except KeyboardInterrupt as stopped:
        stopped.add_note(_BUSY)
        raise


def _check_size(text: str) -> None:
    """Refuse statements that Neo4j plans for minutes, or that overflow its stack."""
    if len(text) > LONGEST:
        raise Refused(
            f"the statement has more than {LONGEST:,} characters: give long lists as a parameter, "
            f"{either('in params', 'on a first line :params')}"
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
                "split it with WITH"
            )


def _check_limits(**limits: float) -> None:
    for name, value in limits.items():
        if not 0 < value <= _MOST:  # nan is neither
            raise ParameterError(
                f"{argument(name, value)}: expected a number above 0 and at most {_MOST:,.0f}"
            )


def _check_parameters(text: str, params: Mapping[str, Any]) -> None:
    for token in parameters(text):
        if token.text not in params:
            values = either(
                'pass params={"run": "gpt2-small"}',
                'give a first line :params {"run": "gpt2-small"}',
            )
            raise MissingParameter(
                f"${token.text} has no value: write it in the text, such as "
                f'{{run: "gpt2-small"}}, or {values}'
            )

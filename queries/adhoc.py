"""Cypher of one's own: looked at first, then run within limits."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from graphdb.amounts import span
from graphdb.errors import LimitExceeded, NotReachable, OutOfMemory, StatementError
from graphdb.runner import Runner
from queries._hints import hints
from queries._tokens import one_statement, parameters
from queries.errors import MissingParameter, ParameterError, Refused
from queries.guard import check_statement

if TYPE_CHECKING:
    import pandas as pd

LIMIT = 1000
TIMEOUT_S = 30.0
MAX_MB = 16.0
_MOST = 1e9  # seconds, or megabytes; the driver's clock knows no more
_LESS = "ask for less, for example with LIMIT or {run: ...} on every node"
_TIMED_OUT = "Neo.ClientError.Transaction.TransactionTimedOut"
_LIMIT = re.compile(r"limit ([\d.]+ [KMG]iB)")


def cypher(
    text: str,
    graph: Runner,
    /,
    *,
    limit: int = LIMIT,
    timeout: float = TIMEOUT_S,
    max_mb: float = MAX_MB,
    params: Mapping[str, Any] | None = None,
) -> "pd.DataFrame":
    """Rows of a statement that only reads the graph.

    Args:
        text: one Cypher statement.
        graph: an open database.
        limit: rows at most; `frame.attrs["truncated"]` says whether there were more.
            `frame.attrs["hints"]` names labels, types, properties and runs that the database lacks.
        timeout: seconds it may take.
        max_mb: megabytes that may be sent, however few the rows.
        params: values of the statement's parameters.

    Raises:
        ParameterError: a timeout or size that cannot be one.
        MissingParameter: it has a parameter without a value.
        Refused: it is no plain read, takes too long, or sends too much.
        NotReachable: nobody answers, or the server ended while it ran the statement.
        GraphError: the database cannot be asked.
    """
    _check_limits(timeout=timeout, max_mb=max_mb)
    _check_parameters(text, params or {})
    plan = check_statement(text, graph, params)
    try:
        result = graph.read(
            one_statement(text),
            params,
            timeout=timeout,
            limit=limit,
            max_bytes=max(1, int(max_mb * 1_000_000)),
        )
    except LimitExceeded as error:
        raise Refused(f"{error}: {_narrower('--timeout or --max-mb')}") from error
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
    except StatementError as error:
        if error.code.startswith(_TIMED_OUT):
            took = f"the statement and its rows took longer than {span(timeout)}"
            raise Refused(f"{took}: {_narrower('--timeout')}") from error
        raise
    frame = result.frame()
    frame.attrs |= {
        "truncated": result.truncated,
        "hints": list(hints(text, params or {}, plan, graph)),
    }
    return frame


def _check_limits(**limits: float) -> None:
    for name, value in limits.items():
        if not 0 < value <= _MOST:  # nan is neither
            option = f"--{name.replace('_', '-')}"
            raise ParameterError(
                f"{option} {value:g}: wanted a number above 0 and at most a thousand million"
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

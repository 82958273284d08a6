"""`cypher`: a statement that a user wrote, checked first, then run within limits."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from headgraph.base.spelling import argument, either
from headgraph.base.text import span
from headgraph.graphdb.connection.limits import Deadline
from headgraph.graphdb.connection.runner import Runner
from headgraph.graphdb.errors import (
    LimitExceeded,
    MemoryTaken,
    NotReachable,
    OutOfMemory,
    TookTooLong,
)
from headgraph.graphdb.runs import chosen_run
from headgraph.queries.answers.cut import cut_note
from headgraph.queries.errors import MissingParameter, ParameterError, Refused
from headgraph.queries.statements.guard import check_statement, refuse_words
from headgraph.queries.statements.hints import RUNS, hints
from headgraph.queries.statements.plans import plan_table
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
    run: str | None = None,
    explain: bool = False,
    profile: bool = False,
) -> "pd.DataFrame":
    """Rows of a statement that only reads the graph, or its plan.

    Args:
        text: one Cypher statement; `CYPHER 5` or `CYPHER 25` may stand in front.
        graph: an open database.
        limit: rows at most.
        timeout: time limit in seconds for planning, running, fetching and looking for hints.
        max_mb: largest answer in megabytes.
        params: values of the statement's parameters.
        run: name of the run, the value of `$run`.
        explain: return the plan, and do not run the statement.
        profile: run the statement, and return its plan with the rows and reads of each step.

    Returns:
        Rows. `frame.attrs["truncated"]` says whether there were more than `limit`,
        `frame.attrs["hints"]` names labels, types, properties and runs that the database lacks, and
        `frame.attrs["cut"]` the runs that do not hold all scored pairs, and where they are cut.
        A plan has a row for each `operator`, the last to run first, with `details` and
        `estimated_rows`; `profile` adds `rows` and `db_hits`. A bar marks a side branch.

    Raises:
        ParameterError: `limit` is below 1, `timeout` or `max_mb` is not above 0 or too large, `run`
            is given and the statement has no `$run`, or `explain` and `profile` are both true.
        UnknownRun: the database has no such run.
        MissingParameter: a parameter of the statement has no value.
        Refused: the statement does more than read the graph, takes too long or sends too much.
        NotReachable: no server answers, or the server ended while it ran the statement.
        GraphError: the database cannot be read.
    """
    deadline = timeout if isinstance(timeout, Deadline) else Deadline(timeout)
    params = dict(params or {}) | ({} if run is None else {"run": run})
    check(
        text, params, limit=limit, timeout=deadline.seconds, max_mb=max_mb, run=run,
        explain=explain, profile=profile,
    )  # fmt: skip
    if run is not None:
        with _within(deadline, "looking for the run"):
            _check_run(run, graph, deadline)
    with _within(deadline, "planning the statement", "write it shorter"):
        plan = check_statement(text, graph, params, timeout=deadline.left())
    from headgraph.queries.answer import Answer

    if explain or profile:
        if profile:
            with _within(deadline, "the statement and its rows"), _stated():
                plan = graph.profile(
                    one_statement(text), params, timeout=deadline.left(), max_bytes=_bytes(max_mb)
                )
        frame, truncated = Answer(plan_table(plan)), False
    else:
        with _within(deadline, "the statement and its rows"), _stated():
            result = graph.read(
                one_statement(text),
                params,
                timeout=deadline.left(),
                limit=limit,
                max_bytes=_bytes(max_mb),
            )
        frame, truncated = Answer(result.frame()), result.truncated
    with _within(deadline, "looking for names that the database lacks"):
        unknown = list(hints(text, params, plan, graph, deadline))
        cut = "" if explain else cut_note(graph, timeout=deadline.left())
    frame.attrs |= {"truncated": truncated, "hints": unknown, "cut": cut}
    return frame


def check(
    text: str,
    params: Mapping[str, Any],
    *,
    limit: int,
    timeout: float,
    max_mb: float,
    run: str | None = None,
    explain: bool = False,
    profile: bool = False,
) -> None:
    """Raise the errors of `cypher` that need no database."""
    if explain and profile:
        raise ParameterError(
            f"{argument('explain', True)} and {argument('profile', True)} exclude each other: give "
            "one of them"
        )
    params = dict(params) | ({} if run is None else {"run": run})
    if limit < 1 or limit % 1:
        raise ParameterError(f"{argument('limit', limit)}: expected a whole number of at least 1")
    _check_limits(timeout=timeout, max_mb=max_mb)
    _check_size(text)
    refuse_words(text)
    if run is not None and "run" not in {it.text for it in parameters(text)}:
        raise ParameterError(
            f"{argument('run', run)}: the statement has no $run; write it where the run's name "
            "belongs, such as MATCH (h:Head {run: $run})"
        )
    _check_parameters(text, params)


def _check_run(run: str, graph: Runner, deadline: Deadline) -> None:
    """Raise UnknownRun for a run that the database does not have."""
    known = [row["name"] for row in graph.read(RUNS, timeout=deadline.left())]
    chosen_run(run, known)


def _bytes(max_mb: float) -> int:
    return max(1, int(max_mb * 1_000_000))


@contextmanager
def _stated() -> Iterator[None]:
    """Name the limit that a running statement reached, and what helps."""
    try:
        yield
    except (TookTooLong, MemoryTaken):
        raise
    except LimitExceeded as error:
        limits = f"{argument('timeout')} or {argument('max_mb')}"
        raise Refused(f"{error.message.marked}: {_LESS}, or raise {limits}") from error
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
        name = token.text
        if name in params:
            continue
        give = either(f'pass params={{"{name}": ...}}', f"give -p {name}=VALUE")
        if name == "run":
            give = either(f"pass {argument('run', 'NAME')}", f"give {argument('run', 'NAME')}")
        raise MissingParameter(f"${name} has no value: {give}, or write the value in the text")

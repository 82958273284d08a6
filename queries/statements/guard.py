"""Refuses every statement that is not a plain read of the graph, before it runs.

A read transaction refuses writes and nothing more: a statement in it can show settings and users,
end connections and load files. So a statement is checked twice. EXPLAIN gives its kind and its
operators; only those in `statements.operators` pass. Its words are checked because EXPLAIN does not
show what happens inside an expression: in 5.26 the plan of
`RETURN [x IN [1] | COUNT { LOAD CSV ... }]` is a projection.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from headgraph.graphdb.connection.runner import Runner
from headgraph.graphdb.errors import StatementError, TookTooLong
from headgraph.graphdb.results.result import Plan
from headgraph.queries.errors import Refused
from headgraph.queries.statements.operators import PROCEDURES, READING
from headgraph.queries.statements.tokens import one_statement
from headgraph.queries.statements.words import (
    LOAD_CSV,
    SERVER,
    TRANSACTIONS,
    reason_for_procedure,
    reasons_in_words,
)

_KINDS = {
    "w": "it writes to the graph",
    "rw": "it writes to the graph",
    "s": "it changes the schema or administers the server",
}
_OPERATORS = {
    "LoadCSV": LOAD_CSV,
    "TransactionApply": TRANSACTIONS,
    "TransactionForeach": TRANSACTIONS,
}


def check_statement(
    cypher: str,
    graph: Runner,
    params: Mapping[str, Any] | None = None,
    *,
    timeout: float | None = None,
) -> Plan:
    """Refuse a statement that is not a plain read of the graph.

    Args:
        cypher: one statement; the caller runs `statements.tokens.one_statement` of it.
        graph: the database, which plans the statement.
        params: values of the statement's parameters.
        timeout: time limit for planning, in seconds.

    Returns:
        The plan that EXPLAIN gives.

    Raises:
        Refused: the statement does something else, or Neo4j does not accept it.
        TookTooLong: planning takes longer than `timeout`.
    """
    # words first: EXPLAIN goes in front of the statement, whose first word could change its meaning
    refuse_words(cypher)
    try:
        plan = graph.plan(one_statement(cypher), params, timeout=timeout)
    except TookTooLong:
        raise
    except StatementError as error:
        message = _without_prefix(error.message.marked)
        raise Refused(f"Neo4j does not accept this statement: {message}") from error
    _refuse(_reasons_in_plan(plan))
    return plan


def refuse_words(cypher: str) -> None:
    """Raise Refused for what the words show; this needs no database."""
    _refuse(reasons_in_words(cypher))


def _refuse(reasons: Iterator[str]) -> None:
    for reason in reasons:
        raise Refused(
            f"refused, because {reason}: only plain reads of the graph run here, such as "
            "MATCH (h:Head) RETURN h.name LIMIT 5"
        )


def _reasons_in_plan(plan: Plan) -> Iterator[str]:
    yield from _reasons_in_operators(plan)
    if plan.kind != "r":
        yield _KINDS.get(plan.kind, f"Neo4j calls it a statement of kind {plan.kind!r}")


def _reasons_in_operators(plan: Plan) -> Iterator[str]:
    details = plan.details or ("",) * len(plan.operators)
    for operator, detail in zip(plan.operators, details, strict=True):
        base = operator.partition("(")[0]
        if base == "ProcedureCall":
            name = detail.partition("(")[0].strip().replace("`", "")
            if name not in PROCEDURES:
                yield reason_for_procedure(name)
        elif base in _OPERATORS:
            yield _OPERATORS[base]
        elif base.startswith(("Show", "Terminate")):
            yield SERVER
        elif base not in READING and plan.kind == "r":
            yield f"its plan has the step {operator}, which is not known to be a plain read"


def _without_prefix(message: str) -> str:
    """The server's message without the EXPLAIN that stood before the statement."""
    message = re.sub(r'\s*"EXPLAIN .*$', "", message)
    return re.sub(
        r"\(line 1, column (\d+) \(offset: \d+\)\)",
        lambda match: f"(column {max(1, int(match[1]) - len('EXPLAIN '))})",
        message,
    )

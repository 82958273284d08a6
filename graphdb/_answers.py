"""What the driver brings back, as `Result` and `Plan`: rows, counters, the server's remarks."""

from collections.abc import Iterator, Mapping
from typing import Any

from headgraph.graphdb.result import Plan, Result


def fetch(result: Any, limit: int | None) -> Result:
    """Rows of a running statement, at most so many."""
    columns = tuple(result.keys())
    records = list(result) if limit is None else result.fetch(limit + 1)
    truncated = limit is not None and len(records) > limit
    summary = result.consume()
    counters = {k: v for k, v in vars(summary.counters).items() if isinstance(v, int) and v}
    return Result(
        columns=columns,
        rows=tuple(tuple(record.values()) for record in records[:limit]),
        counters=counters,
        truncated=truncated,
        notifications=_remarks(summary),
    )


def plan_of(summary: Any) -> Plan:
    """What EXPLAIN said; its operators from the root, each before those that feed it."""
    steps = list(_walk(summary.plan or {}))
    return Plan(
        kind=summary.query_type,
        operators=tuple(step["operatorType"].partition("@")[0] for step in steps),
        details=tuple(str(step.get("args", {}).get("Details", "")) for step in steps),
        notifications=_remarks(summary),
        unknown=_remarks(summary, "UNRECOGNIZED"),
    )


def one_line(message: str | None) -> str:
    """The server's words without its line breaks."""
    return " ".join((message or "the server gave no reason").split())


def _walk(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    if plan:
        yield plan
        for child in plan.get("children", []):
            yield from _walk(child)


def _remarks(summary: Any, kind: str | None = None) -> tuple[str, ...]:
    return tuple(
        status.status_description
        for status in summary.gql_status_objects
        if status.is_notification and kind in (None, status.raw_classification)
    )

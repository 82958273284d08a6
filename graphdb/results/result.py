"""Results and plans of statements, and how they are read from the driver's own objects."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from headgraph.graphdb.results import entities

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Result:
    """Rows of a statement.

    Attributes:
        columns: names, in the statement's order.
        rows: one tuple per row; nodes, relationships and paths as the driver's objects.
        counters: what a write changed, such as `nodes_created`.
        truncated: whether there were more rows than the limit.
        notifications: the server's remarks on the statement.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    counters: Mapping[str, int] = field(default_factory=dict)
    truncated: bool = False
    notifications: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return (dict(zip(self.columns, row, strict=True)) for row in self.rows)

    def single(self) -> Any:
        """The one value of a statement that returns one column and one row."""
        ((value,),) = self.rows
        return value

    def frame(self) -> "pd.DataFrame":
        """The rows as a DataFrame; nodes and relationships become dictionaries of properties.

        Whole numbers stay whole where some are missing: pandas would make them floats.
        """
        import pandas as pd

        rows = [tuple(plain(value) for value in row) for row in self.rows]
        frame = pd.DataFrame(rows, columns=list(self.columns))
        for place, name in enumerate(self.columns):
            if _is_whole_with_gaps([row[place] for row in rows]):
                frame[name] = pd.array([row[place] for row in rows], dtype="Int64")
        return frame


def _is_whole_with_gaps(values: list[Any]) -> bool:
    """Whether the values are whole numbers, of which some are missing."""
    return {type(value) for value in values} == {int, type(None)}


class Step(NamedTuple):
    """One operator of a plan, with what the server expects of it and what it did.

    Attributes:
        depth: branches to the side between it and the root; 0 for the main branch.
        operator: such as `NodeIndexSeek`.
        details: the server's description.
        estimated_rows: rows that the server expects.
        rows: rows that it gave; None if the statement did not run.
        db_hits: reads of the store; None if the statement did not run.
    """

    depth: int
    operator: str
    details: str
    estimated_rows: float | None
    rows: int | None
    db_hits: int | None


@dataclass(frozen=True)
class Plan:
    """The plan of a statement, from EXPLAIN or PROFILE.

    Attributes:
        kind: `r` reads, `rw` reads and writes, `w` writes, `s` changes the schema or administers.
        operators: every operator of the plan, such as `NodeIndexSeek`.
        details: the server's description of each operator, in the same order.
        notifications: the server's remarks.
        unknown: the remarks on labels, types and properties that the database does not have.
        steps: the operators in the order in which a plan is drawn, the root first.
    """

    kind: str
    operators: tuple[str, ...]
    details: tuple[str, ...] = ()
    notifications: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()


def plain(value: Any) -> Any:
    """A value as lists, dictionaries, numbers and text.

    A node becomes its properties with `_labels`, a relationship its properties with `_type`, a path
    the list of both; dates, durations and points become text. The first three also have a one-line
    form, see `graphdb.results.entities`.
    """
    if isinstance(value, str | int | float | bool) or value is None:
        return value
    if hasattr(value, "iso_format"):  # a duration is also a tuple
        return str(value.iso_format())
    if isinstance(value, list | tuple) and not hasattr(value, "srid"):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if hasattr(value, "labels"):
        return entities.node(sorted(value.labels), plain(dict(value)))
    if hasattr(value, "nodes") and hasattr(value, "relationships"):
        starts = zip(value.relationships, value.nodes, strict=False)
        steps = [(plain(step), step.start_node == node) for step, node in starts]
        return entities.path([plain(node) for node in value.nodes], steps)
    if hasattr(value, "type") and hasattr(value, "items"):
        return entities.relationship(value.type, plain(dict(value)))
    return str(value)


def fetch(result: Any, limit: int | None) -> Result:
    """Rows of a running statement, at most `limit`."""
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
    """The plan of EXPLAIN or PROFILE: operators from the root, each before those that feed it."""
    root = summary.profile or summary.plan or {}
    steps = list(_walk(root))
    return Plan(
        kind=summary.query_type,
        operators=tuple(step["operatorType"].partition("@")[0] for step in steps),
        details=tuple(str(step.get("args", {}).get("Details", "")) for step in steps),
        notifications=_remarks(summary),
        unknown=_remarks(summary, "UNRECOGNIZED"),
        steps=tuple(_drawn(root)),
    )


def one_line(message: str | None) -> str:
    """A message of the server without its line breaks."""
    return " ".join((message or "the server gave no reason").split())


def _walk(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    if plan:
        yield plan
        for child in plan.get("children", []):
            yield from _walk(child)


def _drawn(plan: Mapping[str, Any], depth: int = 0) -> Iterator[Step]:
    """The steps of a plan as it is drawn: side branches above the main branch that they meet."""
    if not plan:
        return
    args, (main, *others) = plan.get("args", {}), plan.get("children") or [{}]
    yield Step(
        depth=depth,
        operator=plan["operatorType"].partition("@")[0],
        details=one_line(str(args.get("Details") or " ")),
        estimated_rows=args.get("EstimatedRows"),
        rows=plan.get("rows"),
        db_hits=plan.get("dbHits"),
    )
    for other in reversed(others):
        yield from _drawn(other, depth + 1)
    yield from _drawn(main, depth)


def _remarks(summary: Any, kind: str | None = None) -> tuple[str, ...]:
    return tuple(
        status.status_description
        for status in summary.gql_status_objects
        if status.is_notification and kind in (None, status.raw_classification)
    )

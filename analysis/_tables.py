"""Tables with the pairs and metrics that a study needs: read from a file, or scored."""

from collections.abc import Sequence

from headgraph.analysis.errors import AnalysisError
from headgraph.base.names import GRAPH_PAIRINGS, parse_pairings
from headgraph.base.progress import Progress
from headgraph.base.spelling import either
from headgraph.pk_engine.models.interface import Model
from headgraph.pk_engine.table.affinity import AffinityTable
from headgraph.pk_engine.table.selection import Selection
from headgraph.pk_engine.table.sources import is_table, read_table


def full_table(
    model: Model | AffinityTable,
    pairings: Sequence[str] | str = GRAPH_PAIRINGS,
    metrics: Sequence[str] = ("pk",),
    *,
    layer_order: str = "forward",
    revision: str | None = None,
    progress: Progress | None = None,
) -> AffinityTable:
    """Scores of all pairs, none left out by a selection.

    Args:
        model: a table, the path of one, a bundled table's name (`table.sources.is_table`), or a
            model as for `pk_engine.compute`.
        pairings: those that the study needs; a table may have more.
        metrics: those that the study needs; a table may have more.
        layer_order: `forward`, `all` or `within`.
        revision: branch, tag or commit of a hub id.
        progress: as for `pk_engine.compute`.

    Raises:
        AnalysisError: a table that lacks a pairing, a metric or some of the pairs.
        TableError, EngineError: as `AffinityTable.read` and `compute`.
    """
    wanted = parse_pairings(pairings)
    if isinstance(model, AffinityTable) or is_table(model):
        return _checked(read_table(model), wanted, metrics, layer_order)
    from headgraph.pk_engine.scoring._compute import compute

    return compute(
        model,
        pairings=wanted,
        metrics=metrics,
        selection=Selection(),
        layer_order=layer_order,
        revision=revision,
        progress=progress,
    )


def any_table(
    model: Model | AffinityTable,
    pairings: Sequence[str] | str = GRAPH_PAIRINGS,
    metrics: Sequence[str] = ("pk",),
) -> AffinityTable:
    """A given table, cut or whole; for a model, a table of all its pairs.

    Args:
        model: as for `full_table`.
        pairings: those to score of a model.
        metrics: those to score of a model.
    """
    given = given_table(model)
    return full_table(model, pairings, metrics) if given is None else given


def ranked_table(model: Model | AffinityTable, metric: str) -> AffinityTable:
    """`any_table` with OQ, OK and OV, PK and the metric that ranks the pairs."""
    return any_table(model, GRAPH_PAIRINGS, tuple(dict.fromkeys(("pk", metric))))


def given_table(model: Model | AffinityTable) -> AffinityTable | None:
    """A given table, read if it is a file; None for a model."""
    return read_table(model) if is_table(model) else None


def _checked(
    table: AffinityTable, pairings: Sequence[str], metrics: Sequence[str], layer_order: str
) -> AffinityTable:
    meta = table.meta
    scored = sum(meta.scored.values())
    cut = "was cut and " if len(table) < scored else ""
    lacks = [f"{scored - len(table):,} of its {scored:,} pairs"] if cut else []
    lacks += [name for name in pairings if name not in meta.pairings]
    lacks += [name for name in metrics if name not in meta.metrics]
    if meta.layer_order != layer_order:
        lacks.append(f"layer order {layer_order}")
    if lacks:
        names = ",".join(pairings)
        compute = either(
            f"compute(MODEL, pairings={names!r}, metrics={list(metrics)}, "
            f"layer_order={layer_order!r}, selection=Selection())",
            f"headgraph compute MODEL --all --pairings {names} --metrics {','.join(metrics)} "
            f"--layer-order {layer_order} -o FILE",
        )
        raise AnalysisError(
            f"the table of {meta.model} {cut}lacks {', '.join(lacks)}: give the model itself, or a "
            f"table of {compute}"
        )
    return table

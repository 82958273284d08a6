"""Studies that draw heads at random need layers that are all alike."""

from headgraph.analysis.errors import AnalysisError
from headgraph.base.text import short
from headgraph.pk_engine.table.meta import TableMeta


def refuse_unequal(meta: TableMeta, study: str) -> None:
    """Refuse a table of a model whose layers or roles are not all alike.

    Raises:
        AnalysisError: it is one.
    """
    if meta.layers:
        raise AnalysisError(
            f"{study} draws heads at random from layers that are all alike, and those of "
            f"{short(meta.model, 60)} are not: expected the table of another model"
        )

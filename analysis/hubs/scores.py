"""Hub scores of heads from a table, as `queries/catalogue/hubs.cypher` has them of a run."""

from collections.abc import Sequence

import pandas as pd

from headgraph.analysis._tables import any_table
from headgraph.analysis.errors import AnalysisError
from headgraph.base.names import GRAPH_PAIRINGS, parse_pairings
from headgraph.base.spelling import argument
from headgraph.pk_engine.models.interface import Model
from headgraph.pk_engine.table.affinity import AffinityTable
from headgraph.pk_engine.table.edges import hub_terms
from headgraph.pk_engine.table.selection import Selection

COLUMNS = ("name", "layer", "head", "inlet", "outlet", "both", "edges_in", "edges_out")


def hub_scores(
    table: Model | AffinityTable,
    pairings: Sequence[str] | str = GRAPH_PAIRINGS,
    *,
    selection: Selection | None = None,
) -> pd.DataFrame:
    """Inlet, outlet and both for each head with an edge; the greatest hub first.

        inlet(h)  = sum of z over the edges that enter h
        outlet(h) = sum of z * share over the edges that leave h
        both(h)   = sqrt(inlet * outlet), 0 where either is not positive

    Edges are those of `AffinityTable.edges()`: between query heads, with `share` = 1 / (arrows
    drawn for that scored pair), so that an outlet counts each scored pair once. These scores are
    this project's own, since the paper's formula is not available.

    Where users go wrong: the sums grow with the number of kept pairs. A table of all pairs ranks
    heads differently from its strongest pairs, so choose with `selection`. Compare heads within
    one table, never between two.

    Args:
        table: scores, a table file, a bundled table's name, or a model, which is then scored.
        pairings: the pairings whose edges count; a table may have more.
        selection: which pairs count, such as `Selection(top_percent=3)`; by default all pairs of
            the table.

    Returns:
        `name` (`L4H7`), `layer`, `head`, `inlet`, `outlet`, `both` (float64, in units of z),
        `edges_in`, `edges_out`; sorted by `both`, then `inlet + outlet`, both descending, then by
        layer and head. A head without an edge has no row.

    Raises:
        AnalysisError: the table was not scored in one of the pairings.
        TableError, EngineError: a table or a model that cannot be used.
    """
    scored = any_table(table, pairings)
    if selection is not None:
        scored = scored.select(selection)
    edges = _edges(scored, pairings)
    terms, counts = hub_terms(edges), {"inlet": "edges_in", "outlet": "edges_out"}
    ends = [_sums(edges, *terms[total], total, counts[total]) for total in counts]
    scores = ends[0].join(ends[1], how="outer")
    scores = scores.fillna(0.0).astype({"edges_in": int, "edges_out": int}).reset_index()
    flows = (scores["inlet"] > 0) & (scores["outlet"] > 0)
    scores["both"] = (scores["inlet"] * scores["outlet"]).where(flows, 0.0).pow(0.5)
    heads = zip(scores["layer"], scores["head"], strict=True)
    scores["name"] = [scored.meta.head_name(int(layer), int(head)) for layer, head in heads]
    order = {"both": False, "sum": False, "layer": True, "head": True}
    scores = scores.assign(sum=scores["inlet"] + scores["outlet"]).sort_values(
        list(order), ascending=list(order.values()), ignore_index=True
    )
    return scores[list(COLUMNS)]


def _edges(table: AffinityTable, pairings: Sequence[str] | str) -> pd.DataFrame:
    """The edges that count."""
    wanted = parse_pairings(pairings)
    if lacks := [name for name in wanted if name not in table.meta.pairings]:
        raise AnalysisError(
            f"the table of {table.meta.model} has the pairings {', '.join(table.meta.pairings)}, "
            f"not {', '.join(lacks)}: choose others with {argument('pairings')}, or compute them"
        )
    edges = table.edges()
    return edges[edges["pairing"].isin(wanted)]


def _sums(
    edges: pd.DataFrame, end: str, values: "pd.Series[float]", total: str, count: str
) -> pd.DataFrame:
    """Sum of the values and number of edges, by the head at one end."""
    keys = [edges[f"{end}_layer"].rename("layer"), edges[f"{end}_head"].rename("head")]
    grouped = values.groupby(keys)
    return pd.DataFrame({total: grouped.sum(), count: grouped.size()})

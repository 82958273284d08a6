"""Whether heads of one kind are hubs: their places among all heads, also within their layer."""

import os

import numpy as np
import pandas as pd

from headgraph.analysis._tables import full_table
from headgraph.analysis.errors import AnalysisError
from headgraph.analysis.hubs.scores import hub_scores
from headgraph.base.files.rows import check_numbers, read_csv
from headgraph.base.spelling import argument, either
from headgraph.base.text import listed, short
from headgraph.pk_engine.labels import labels_for
from headgraph.pk_engine.models.interface import Model
from headgraph.pk_engine.table.affinity import AffinityTable
from headgraph.pk_engine.table.meta import TableMeta
from headgraph.pk_engine.table.selection import Selection

TOP = Selection(top_percent=3)


def hubs_of_kind(
    model: Model | AffinityTable,
    *,
    kind: str = "identity",
    labels: str | os.PathLike[str] | None = None,
    behaviour: str | os.PathLike[str] | pd.DataFrame | None = None,
    threshold: float = 0.5,
    selection: Selection = TOP,
) -> pd.DataFrame:
    """Hub scores of all heads, with the heads of one kind marked.

    `both` is that of `headgraph.hub_scores`. It grows with the number of heads that a head can read
    or be read by, and some layers are tied more strongly than others. `ratio` compares a head with
    its own layer instead, as the stored query `hubs_by_layer` does:

        ratio(h) = sqrt((i + I) / (mean i + I) * (o + O) / (mean o + O))

    i and o are inlet and outlet per possible partner, the means are those of h's layer, and I and O
    are means over all heads: they keep one edge in an empty layer from counting as much as many. A
    head that only reads or only writes is no hub: its ratio is 0, as its `both` is.

    Args:
        model: a model as for `compute`, or a table of all pairs of OQ, OK and OV.
        kind: a role of the labels, or a column of the behaviour scores.
        labels: None for the bundled labels, or a label file.
        behaviour: rows of `headgraph.behaviour`, or a CSV file of them; None for labels only.
        threshold: lowest behaviour score that counts.
        selection: the pairs that become edges.

    Returns:
        A row per head: `head` (L4H7), `layer`, `inlet`, `outlet`, `both`, `ratio`, `place` and
        `place_by_layer` (1 is the greatest hub; ties share a place), `of_kind`; sorted by `place`.

    Raises:
        AnalysisError: no head is of this kind, or the behaviour file does not have it.
    """
    table = full_table(model)
    meta = table.meta
    names = [meta.head_name(*place) for place in meta.places()]
    scores = hub_scores(table, selection=selection).set_index("name")
    rows = scores.reindex(names)[["inlet", "outlet", "both"]].fillna(0.0)
    rows["layer"] = [layer for layer, _ in meta.places()]
    rows["ratio"] = _to_layer(rows, meta).where(rows["both"] > 0, 0.0)
    for score, place in (("both", "place"), ("ratio", "place_by_layer")):
        rows[place] = rows[score].rank(ascending=False, method="min").astype(int)
    rows["of_kind"] = rows.index.isin(_of_kind(meta, kind, labels, behaviour, threshold))
    columns = ["layer", "inlet", "outlet", "both", "ratio", "place", "place_by_layer", "of_kind"]
    return rows.rename_axis("head").sort_values("place", kind="stable")[columns].reset_index()


def _to_layer(rows: pd.DataFrame, meta: TableMeta) -> "pd.Series[float]":
    """The square root of both ratios to the layer; 0 where the layer lacks one side."""
    reach = {layer: meta.reach[layer] for layer in rows["layer"].unique()}
    sides = []
    for end, side in enumerate(("inlet", "outlet")):
        # in other layer orders every head has as many partners
        others = rows["layer"].map({layer: ends[end] for layer, ends in reach.items()})
        possible = others if meta.layer_order == "forward" else 0 * others + meta.head_count
        each = (rows[side] / possible.clip(lower=1)).where(possible > 0, 0.0)
        mean, every = each.groupby(rows["layer"]).transform("mean"), max(float(each.mean()), 0.0)
        sides.append(((each + every) / (mean + every)).where(mean > 0, 0.0).clip(lower=0.0))
    ratio: pd.Series[float] = np.sqrt(sides[0] * sides[1])
    return ratio


def _of_kind(
    meta: TableMeta,
    kind: str,
    labels: str | os.PathLike[str] | None,
    behaviour: str | os.PathLike[str] | pd.DataFrame | None,
    threshold: float,
) -> set[str]:
    known = labels_for(meta, labels)
    parts = [known.loc[known["role"] == kind, ["layer", "head"]]]
    if behaviour is not None:
        measured = (
            behaviour
            if isinstance(behaviour, pd.DataFrame)
            else read_csv(behaviour, problem=AnalysisError)
        )
        if not {"layer", "head", kind} <= set(measured):
            raise AnalysisError(
                f"the behaviour scores have the columns {listed(measured.columns)}: expected "
                f"layer, head and {kind}, as "
                f"{either('headgraph.behaviour returns', 'headgraph behaviour -o writes')} them"
            )
        for columns, whole in ((("layer", "head"), True), ((kind,), False)):
            measured = check_numbers(
                measured, columns, source="the behaviour file", problem=AnalysisError, whole=whole
            )
        parts.append(measured.loc[measured[kind] >= threshold, ["layer", "head"]])
    names = {place: meta.head_name(*place) for place in meta.places()}
    places = [(int(layer), int(head)) for part in parts for layer, head in part.to_numpy()]
    found = {names[place] for place in places if place in names}
    if not found:
        raise AnalysisError(
            f"no head of {short(meta.model)} is known as {short(kind)}: give "
            f"{argument('labels', 'FILE')}, or {argument('behaviour', 'FILE')} of "
            f"{either('headgraph.behaviour', 'headgraph behaviour')}"
        )
    return found

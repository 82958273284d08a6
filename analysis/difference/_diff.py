"""The difference of two tables of one shape."""

import math
import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from headgraph.analysis.difference.comparable import names_of, rounding, two_tables
from headgraph.analysis.difference.compared import Compared
from headgraph.analysis.difference.graph import node_link_form
from headgraph.analysis.difference.heads import changed_heads
from headgraph.analysis.difference.pairs import cutoffs, side_by_side
from headgraph.analysis.difference.words import no_head_changed, nothing_changed, summary
from headgraph.analysis.errors import AnalysisError
from headgraph.base.names import CHANGES
from headgraph.base.notebook import paragraph
from headgraph.base.spelling import Message, argument
from headgraph.pk_engine.metrics.layer_order import count_unequal
from headgraph.pk_engine.table.affinity import KEYS, AffinityTable
from headgraph.pk_engine.table.columns import columns_of
from headgraph.pk_engine.table.heads import head_names
from headgraph.pk_engine.table.meta import TableMeta
from headgraph.pk_engine.table.sources import AnyTable

if TYPE_CHECKING:
    from headgraph.analysis.view import Page

ORDERS = {"pk": "difference", "z": "z_difference", "rank": "rank_difference"}
"""Orders of changed pairs, and the column whose size decides."""
ROW = (
    "change", "pairing", "source", "target", "pk_before", "pk_after", "difference", "cutoff",
    "z_before", "z_after", "rank_before", "rank_after",
)  # fmt: skip
"""Columns that a list of changed pairs shows."""
STRONG = 0.03
"""Share of the scored pairs that count as strong when two tables are compared as a whole."""
_SHOWN = 10
_SIX_DIGITS = 1e-6


@dataclass(frozen=True, repr=False)
class Difference(Compared):
    """What changed from one table (A, before) to another (B, after).

    Attributes:
        names: names of the two tables.
        metas: metadata of the two tables.
        by: the order of the pairs: `pk`, `z` or `rank`.
        noise: the largest difference of PK that rounding can explain; smaller ones count as equal.
        pairs: a row for each changed pair, the largest change first. Without a value in `pk_before`
            or `pk_after`, that table lacks the pair: its PK there is at most `cutoff`, and
            `difference` is the least that it can be.
        heads: the heads whose copying changed, if both tables have it.
        counts: per pairing, how many pairs were compared, how many changed, and how many only one
            table, or neither, has; `cutoff_before` and `cutoff_after` where a table is cut;
            `strong`, how many pairs count as strong, and `strong_in_both`, how many of them are
            strong in both tables.
    """

    def rows(self, limit: int | None = None) -> pd.DataFrame:
        """The first changed pairs, with the columns of a list."""
        return self.pairs.loc[: len(self.pairs) if limit is None else limit - 1, list(ROW)]

    def graph(self) -> dict[str, Any]:
        """Node-link form: the changed pairs as links between query heads; networkx reads it."""
        return node_link_form(self)

    def page(self, *, labels: str | os.PathLike[str] | None = None, most: int = 3000) -> "Page":
        """A page to explore the changed pairs, as `headgraph.view` writes it.

        Args:
            labels: None for the bundled labels of this model, `none`, or a label file.
            most: most edges on the page.
        """
        from headgraph.analysis.difference.page import difference_page

        return difference_page(self, labels=labels, most=most)

    def sentences(self) -> list[str]:
        """What was compared and what changed, and what cut tables leave open."""
        return list(summary(self))

    def nothing(self) -> Message:
        """Why `pairs` is empty."""
        return Message(nothing_changed(self))

    def no_heads(self) -> Message:
        """Why `heads` is empty."""
        return Message(no_head_changed(self))

    def __str__(self) -> str:
        """The sentences of the summary."""
        return " ".join(self.sentences())

    def __repr__(self) -> str:
        return f"Difference({self})"

    def _repr_html_(self) -> str:
        parts = [paragraph(str(self)), self.rows(_SHOWN).to_html(index=False, na_rep="")]
        if len(self.pairs) > _SHOWN:
            parts.append(paragraph(f"the first {_SHOWN} of {len(self.pairs):,} rows of .pairs"))
        if len(self.heads):
            parts.append(paragraph("heads whose copying or self-overlap changed:"))
            parts.append(self.heads.head(_SHOWN).to_html(index=False, na_rep=""))
        return "".join(parts)


def diff(before: AnyTable, after: AnyTable, *, by: str = "pk") -> Difference:
    """What changed from one table to another: pairs, and the copying of heads.

    Two pairs correspond if their heads have the same layer and index. A pair counts as changed if
    its PK differs by more than rounding explains: (eps of A + eps of B) sqrt(d_model) d_head, plus
    the rounding of the table itself. It is `stronger` or `weaker` in B. If only B has it, it is
    `gained`; if only A has it, `lost`. A pair of a key/value head is one row.

    Where users go wrong: a cut table lacks pairs. Their PK is at most the cutoff, and not 0. So a
    pair that only one table has counts as gained or lost only where its PK exceeds the cutoff of
    the other. The other pairs of this kind are counted, and left undecided. Also, heads with the
    same index correspond only in two versions of one model, such as two checkpoints, or a model
    before and after fine-tuning. In models trained separately they do not.

    >>> import headgraph
    >>> len(headgraph.diff("gpt2-small", "gpt2-small").pairs)
    0

    Args:
        before: table A: in memory, a file, or a bundled table's name.
        after: table B, of the same shape and scored with the same options.
        by: what orders the pairs: the size of the difference of `pk`, `z` or `rank`.

    Raises:
        AnalysisError: no table, tables that cannot be compared, or an unknown order.
        TableError: a file that cannot be read.
    """
    if by not in [*ORDERS]:  # a value that cannot be hashed is refused too
        raise AnalysisError(f"{argument('by', by)}: expected one of {', '.join(ORDERS)}")
    one, other = two_tables(before, after)
    noise = rounding(one.meta, other.meta)
    found = side_by_side(one, other, noise)
    return Difference(
        names=names_of(one.meta, other.meta),
        metas=(one.meta, other.meta),
        by=by,
        noise=noise,
        pairs=_named(_ordered(found[found["change"].isin(CHANGES)], by), one.meta),
        heads=changed_heads(one.meta, other.meta, noise / one.meta.d_head + _SIX_DIGITS),
        counts=_counts(found, one, other),
    )


def _ordered(changed: pd.DataFrame, by: str) -> pd.DataFrame:
    sizes = changed[[ORDERS[by], "difference"]].abs()
    sizes.columns = ["first", "second"]
    keys = changed[["pairing", *KEYS]]
    order = pd.concat([-sizes, keys], axis=1).sort_values(["first", "second", *keys.columns]).index
    return changed.loc[order].reset_index(drop=True)


def _named(pairs: pd.DataFrame, meta: TableMeta) -> pd.DataFrame:
    native = replace(meta, kv="native")  # rows of an expanded table are joined by now
    columns = columns_of(pairs[["pairing", *KEYS]])
    names = {end: head_names(columns, native, end) for end in ("source", "target")}
    # whole numbers or none: pandas would make them floating-point numbers
    ranks = {
        name: pd.Series([None if pd.isna(rank) else int(rank) for rank in pairs[name]],
                        index=pairs.index, dtype=object)
        for name in ("rank_before", "rank_after")
    }  # fmt: skip
    return pairs.assign(**names, **ranks)


def _counts(found: pd.DataFrame, before: AffinityTable, after: AffinityTable) -> pd.DataFrame:
    rows = []
    limits = cutoffs(before), cutoffs(after)
    for pairing in before.meta.pairings:
        here = found[found["pairing"] == pairing]
        changes = here["change"].value_counts()
        only_a, only_b = here["pk_after"].isna(), here["pk_before"].isna()
        scored = max(_scored(table, pairing) for table in (before, after))
        rows.append({
            "pairing": pairing,
            "compared": int((~only_a & ~only_b).sum()),
            "equal": int(changes.get("equal", 0)),
            **{kind: int(changes.get(kind, 0)) for kind in ("stronger", "weaker")},
            "only_before": int(only_a.sum()),
            "lost": int(changes.get("lost", 0)),
            "only_after": int(only_b.sum()),
            "gained": int(changes.get("gained", 0)),
            "neither": max(scored - len(here), 0),
            **_strong(here, scored),
            **{f"cutoff_{when}": limit[pairing].pk if limit[pairing].cut else None
               for when, limit in zip(("before", "after"), limits, strict=True)},
        })  # fmt: skip
    return pd.DataFrame(rows)


def _strong(here: pd.DataFrame, scored: int) -> dict[str, int]:
    """How many pairs are among the strongest of A, and how many of these among those of B too."""
    first = min(
        math.ceil(STRONG * scored),
        *(int(here[f"pk_{when}"].notna().sum()) for when in ("before", "after")),
    )
    one, other = (
        here[f"rank_{when}"].rank(method="first") <= first for when in ("before", "after")
    )
    return {"strong": int(one.sum()), "strong_in_both": int((one & other).sum())}


def _scored(table: AffinityTable, pairing: str) -> int:
    """Scored pairs, with the rows of an expanded table that share a key/value head as one."""
    meta = table.meta
    if meta.layers and meta.kv == "expand":  # groups can differ from layer to layer
        return count_unequal(meta.shape.layers, pairing, meta.layer_order, "native")
    shared = sum(role in "KV" for role in pairing) if meta.kv == "expand" else 0
    return int(meta.scored[pairing] // meta.group_size**shared)

"""Pairs that a selection includes but the file lacks, because other rules made the file."""

from typing import Any

import numpy as np
import pandas as pd

from headgraph.base.spelling import Message, argument, either
from headgraph.graphdb import schema
from headgraph.pk_engine.table.affinity import AffinityTable
from headgraph.pk_engine.table.meta import TableMeta
from headgraph.pk_engine.table.selection import Selection

_LIMITS = ("top", "top_percent")
_MORE_IS_WIDER = (*_LIMITS, "top_per_target", "max_decoy")


def shortfalls(table: AffinityTable, selection: Selection | None) -> tuple[Message, ...]:
    """One sentence for each rule that includes pairs which the file lacks, or may lack.

    Args:
        table: all rows of the file.
        selection: the rules of the load; `Selection()` means every pair, None the pairs there are.
    """
    if selection is None:
        return ()
    if not selection:
        lacking = _incomplete(table)
        return (_note(table, {}, "lacks", lacking),) if lacking else ()
    rules = {rule: value for rule, value in selection.to_json().items() if rule != "null"}
    notes = (
        _fdr_shortfall(table, selection) if rule == "fdr" else _shortfall(table, rule, value)
        for rule, value in rules.items()
    )
    return tuple(note for note in notes if note is not None)


def _incomplete(table: AffinityTable) -> list[str]:
    """Pairings of which the file does not have every scored pair."""
    have = table.frame["pairing"].value_counts()
    return [pairing for pairing, n in table.meta.scored.items() if have.get(pairing, 0) < n]


def _fdr_shortfall(table: AffinityTable, selection: Selection) -> Message | None:
    """Q counts all scored pairs, so only rows that the file does not have can be missed."""
    if all(
        set(rules) == {"fdr", "null"}
        and rules["null"] == selection.null
        and rules["fdr"] >= selection.fdr
        for rules in table.meta.selection
    ):
        return None
    lacking = _incomplete(table)
    rules = {"fdr": selection.fdr, "null": selection.null}
    return _note(table, rules, "may lack", lacking) if lacking else None


def _shortfall(table: AffinityTable, rule: str, value: float) -> Message | None:
    if _same_rule_made_it(table.meta, rule, value):
        return None
    lacking = [
        pairing
        for pairing, scored in table.meta.scored.items()
        if not _covers(table, pairing, scored, rule, value)
    ]
    certain = "lacks" if rule in _LIMITS else "may lack"
    return _note(table, {rule: value}, certain, lacking) if lacking else None


def _note(table: AffinityTable, rules: dict[str, Any], certain: str, lacking: list[str]) -> Message:
    made = "; ".join(Selection(**earlier).describe() for earlier in table.meta.selection)
    every = either("compute() with selection=Selection()", "headgraph compute with --all")
    return Message(
        f"{_spelt(rules)} is wider than the selection that made the file ({made}): the file "
        f"{certain} pairs of {', '.join(lacking)}, and the graph has what there is; {every} makes "
        "a file that has every pair"
    )


def _spelt(rules: dict[str, Any]) -> str:
    """`selection=Selection(top=25)` and `--top 25`."""
    arguments = [argument(name, _short_number(value)) for name, value in rules.items()]
    options = " ".join(arguments)
    return either(f"selection=Selection({', '.join(arguments)})", options or "--all")


def _short_number(value: Any) -> Any:
    """A float with six digits, and as an integer if it is whole."""
    if not isinstance(value, float):
        return value
    value = float(f"{value:g}")
    return int(value) if value.is_integer() else value


def _same_rule_made_it(meta: TableMeta, rule: str, value: float) -> bool:
    """Whether this rule, at least as wide as now, is the only one that made the file."""
    if any(set(rules) != {rule} for rules in meta.selection):
        return False
    wider = np.greater_equal if rule in _MORE_IS_WIDER else np.less_equal
    return all(bool(wider(rules[rule], value)) for rules in meta.selection)


def _covers(table: AffinityTable, pairing: str, scored: int, rule: str, value: float) -> bool:
    """Whether the rows of a pairing are certain to hold all that the rule alone would keep."""
    rows = table.frame[table.frame["pairing"] == pairing]
    have = _unbroken(rows)
    if have == scored:
        return True
    if rule in _LIMITS:
        return Selection(**{rule: value}).limit(scored) <= have  # type: ignore[arg-type]
    if rule == "max_decoy":  # it never falls as PK falls
        q = rows[schema.DECOY_Q].to_numpy()
        return have > 0 and bool(q[have - 1] > np.float32(value))
    # z falls as PK falls only if all heads have the same rank
    if rule == "min_pk" or (rule == "min_z" and not table.meta.deficient):
        scores = rows[rule.removeprefix("min_")].to_numpy()
        return have > 0 and bool(scores[have - 1] < np.float32(value))
    return False


def _unbroken(rows: pd.DataFrame) -> int:
    """The rank down to which every row is there: 3 for ranks 1, 2, 3, 7."""
    ranks = rows["pk_rank"].to_numpy()
    there = ranks == np.arange(1, len(ranks) + 1)
    return len(ranks) if there.all() else int(np.argmin(there))

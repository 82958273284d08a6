"""What a selection asks for and the file cannot give, because it was made with stricter rules."""

import numpy as np
import pandas as pd

from headgraph.pk_engine.scoring.selection import Selection
from headgraph.pk_engine.table.affinity import AffinityTable
from headgraph.pk_engine.table.meta import TableMeta

_LIMITS = ("top", "top_percent")
_MORE_IS_WIDER = (*_LIMITS, "top_per_target")


def shortfalls(table: AffinityTable, selection: Selection | None) -> tuple[str, ...]:
    """One sentence for each rule that asks for pairs which the file lacks, or may lack.

    Args:
        table: all rows of the file.
        selection: the rules asked for at load; without any rule, every pair; None, what there is.
    """
    if selection is None:
        return ()
    if not selection:
        have = table.frame["pairing"].value_counts()
        lacking = [pairing for pairing, n in table.meta.scored.items() if have.get(pairing, 0) < n]
        return (_note(table, "--all", "lacks", lacking),) if lacking else ()
    rules = {rule: value for rule, value in selection.to_json().items() if rule != "null"}
    notes = (
        _fdr_shortfall(table, selection) if rule == "fdr" else _shortfall(table, rule, value)
        for rule, value in rules.items()
    )
    return tuple(note for note in notes if note is not None)


def _fdr_shortfall(table: AffinityTable, selection: Selection) -> str | None:
    """Q counts all pairs that were scored, so only rows that are not here can be missed."""
    if all(
        set(rules) == {"fdr", "null"}
        and rules["null"] == selection.null
        and rules["fdr"] >= selection.fdr
        for rules in table.meta.selection
    ):
        return None
    have = table.frame["pairing"].value_counts()
    lacking = [name for name, scored in table.meta.scored.items() if have.get(name, 0) < scored]
    option = f"--fdr {selection.fdr:g} --null {selection.null}"
    return _note(table, option, "may lack", lacking) if lacking else None


def _shortfall(table: AffinityTable, rule: str, value: float) -> str | None:
    if _same_rule_made_it(table.meta, rule, value):
        return None
    lacking = [
        pairing
        for pairing, scored in table.meta.scored.items()
        if not _covers(table, pairing, scored, rule, value)
    ]
    if not lacking:
        return None
    certain = "lacks" if rule in _LIMITS else "may lack"
    return _note(table, f"--{rule.replace('_', '-')} {value:g}", certain, lacking)


def _note(table: AffinityTable, option: str, certain: str, lacking: list[str]) -> str:
    made = "; ".join(Selection(**rules).describe() for rules in table.meta.selection)
    return (
        f"{option} asks for more than the file was made with ({made}): "
        f"it {certain} pairs of {', '.join(lacking)}, and the graph has what there is; "
        "headgraph compute with --all makes a file that has every pair"
    )


def _same_rule_made_it(meta: TableMeta, rule: str, value: float) -> bool:
    """Whether this rule, at least as wide as asked for now, was the only one applied so far."""
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
    # z falls as PK falls only where all heads have the same rank
    if rule == "min_pk" or (rule == "min_z" and not table.meta.deficient):
        scores = rows[rule.removeprefix("min_")].to_numpy()
        return have > 0 and bool(scores[have - 1] < np.float32(value))
    return False


def _unbroken(rows: pd.DataFrame) -> int:
    """Down to which rank all rows are there: 1, 2, 3, 7 gives 3."""
    ranks = rows["pk_rank"].to_numpy()
    there = ranks == np.arange(1, len(ranks) + 1)
    return len(ranks) if there.all() else int(np.argmin(there))

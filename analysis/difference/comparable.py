"""What two tables must share to be compared, and how much of a difference is rounding."""

import math
from collections.abc import Iterator

import numpy as np

from headgraph.analysis.errors import AnalysisError
from headgraph.base.spelling import either
from headgraph.base.text import quoted, short
from headgraph.pk_engine.table.affinity import AffinityTable
from headgraph.pk_engine.table.meta import TableMeta
from headgraph.pk_engine.table.sources import AnyTable, is_table, read_table

_SHARED = {
    "n_layers": "layers",
    "n_heads": "heads",
    "n_kv_heads": "key/value heads",
    "d_model": "d_model",
    "d_head": "d_head",
    "kv": "kv",
    "layer_order": "layer order",
    "fold_ln": "folding of norms",
    "center_writing": "centring of outputs",
}
_EPS = {name: float(np.finfo(name).eps) for name in ("float32", "float64")}
_STORED = _EPS["float32"]


def two_tables(before: AnyTable, after: AnyTable) -> tuple[AffinityTable, AffinityTable]:
    """Both tables, if they can be compared.

    Raises:
        AnalysisError: an argument is no table, or the tables disagree in shape or options.
        TableError: a file that cannot be read.
    """
    one, other = _table(before), _table(after)
    if wrong := list(_disagreements(one.meta, other.meta)):
        raise AnalysisError(
            f"A and B differ in {', '.join(wrong)}: expected two tables of one shape, scored with "
            "the same options"
        )
    return one, other


def rounding(before: TableMeta, after: TableMeta) -> float:
    """The largest difference of PK that rounding can explain.

        (eps_before + eps_after) sqrt(d_model) d_head + eps_32 d_head

    eps is that of the arithmetic (`dtype`). PK is at most d_head. A sum of d_model products has a
    rounding error that grows with sqrt(d_model). The last term is the rounding of the table, which
    stores float32.
    """
    arithmetic = sum(_EPS.get(meta.dtype, _STORED) for meta in (before, after))
    return (arithmetic * math.sqrt(before.d_model) + _STORED) * before.d_head


def names_of(before: TableMeta, after: TableMeta) -> tuple[str, str]:
    """A name for each table: the model with its step or revision."""
    return _name(before), _name(after)


def _table(what: AnyTable) -> AffinityTable:
    if is_table(what):
        return read_table(what)
    if not isinstance(what, str):
        return read_table(what)  # states what the value is
    raise AnalysisError(
        f"{quoted(what)} is no table: expected a file that {_compute('MODEL')} makes, or a bundled "
        f"table; score a model first with {_compute(short(what))}"
    )


def _compute(model: str) -> str:
    return either(
        f"compute({model if model == 'MODEL' else repr(model)}, selection=Selection())",
        f"headgraph compute {model} --all -o FILE",
    )


def _disagreements(before: TableMeta, after: TableMeta) -> Iterator[str]:
    for name, words in _SHARED.items():
        one, other = getattr(before, name), getattr(after, name)
        if one != other:
            yield f"{words} ({one} and {other})"
    if before.layers != after.layers:
        yield "which layers have heads, and of which width"
    if set(before.pairings) != set(after.pairings):
        yield f"pairings ({'+'.join(before.pairings)} and {'+'.join(after.pairings)})"


def _name(meta: TableMeta) -> str:
    if meta.step is not None:
        return f"{short(meta.model)}, step {meta.step:g}"
    return f"{short(meta.model)}@{short(meta.revision)}" if meta.revision else short(meta.model)

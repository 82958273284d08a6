"""The tables of docs/reference/families.md, which cog writes from the family files."""

from collections.abc import Iterable, Mapping, Sequence

from headgraph.pk_engine.models.config import Refusals
from headgraph.pk_engine.models.families.catalogue import common_refusals, families
from headgraph.pk_engine.models.families.class_defaults import FOLDER
from headgraph.pk_engine.models.families.family import Family

HEAD = ["family", "`model_type`", "Q, K, V", "O", "norm before attention"]


def table() -> str:
    """Markdown: a row per family, then the notes of the families."""
    notes = [f"- `{family.name}`: {family.note}." for family in _known() if family.note]
    return "\n".join([*_lines(HEAD, map(_row, _known())), "", *notes])


def refusals() -> str:
    """Markdown: the configuration keys that are refused, by all families or by one."""
    by_family = {family.name: _reasons(family) for family in _known()}
    common = _reasons(common_refusals())
    rows = []
    for key in sorted(common):
        others = [name for name, reasons in by_family.items() if key not in reasons]
        which = f"all but {', '.join(f'`{name}`' for name in others)}" if others else "all"
        rows.append((f"`{key}`", which, common[key]))
    rows += [
        (f"`{key}`", f"`{name}`", reason)
        for name, reasons in by_family.items()
        for key, reason in reasons.items()
        if key not in common
    ]
    return "\n".join(_lines(["key", "families", "why"], rows))


def _known() -> list[Family]:
    named = {family.name: family for family in families(FOLDER).values()}
    return [named[name] for name in sorted(named)]


def _row(family: Family) -> tuple[str, ...]:
    *readers, writer = family.tensors
    norm = family.norm
    scale = " of 1 + its weight" if norm.offset else ""
    return (
        f"`{family.name}`",
        ", ".join(f"`{model_type}`" for model_type in family.model_types),
        ", ".join(dict.fromkeys(f"`{spec.layout}`" for spec in readers)),
        f"`{writer.layout}`",
        "as the configuration says" if norm.kind == "none" else
        "none: it follows" if norm.follows else f"{norm.kind}{scale}",
    )  # fmt: skip


def _reasons(family: Family | Refusals) -> Mapping[str, str]:
    rules = family if isinstance(family, Refusals) else family.refusals
    return dict(rules.refuse) | {
        key: f"{rule['reason']}; allowed: {', '.join(map(str, rule['among']))}"
        for key, rule in rules.require.items()
    }


def _lines(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    cells = [head, ["---"] * len(head), *rows]
    return [f"| {' | '.join(row)} |" for row in cells]

"""Sets of heads to ablate, and random sets to compare them with."""

import math
import os
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from headgraph.analysis.errors import PatchingError
from headgraph.analysis.hubs.scores import hub_scores
from headgraph.base.names import check_head, head_name, parse_head
from headgraph.base.spelling import argument, either
from headgraph.pk_engine.labels import labels_for
from headgraph.pk_engine.table.affinity import AffinityTable
from headgraph.pk_engine.table.selection import Selection

Heads = tuple[tuple[int, int], ...]
Shape = tuple[int, int]


def named_heads(names: str | Sequence[str], shape: Shape, model: str) -> Heads:
    """Heads from `L0H1,L1H5`, each once.

    Raises:
        BadName: a part is not the name of a head.
        UnknownHead: the model has no such head.
    """
    parts = names.split(",") if isinstance(names, str) else names
    heads = tuple(dict.fromkeys(parse_head(part) for part in parts if part.strip()))
    for layer, head in heads:
        check_head(layer, head, shape, model)
    return heads


def listed(heads: Heads) -> list[str]:
    """Names of the heads, layer by layer."""
    return [head_name(*head) for head in sorted(heads)]


def draw(heads: Heads, shape: Shape, match_layers: bool, rng: np.random.Generator) -> Heads:
    """As many distinct heads at random; with `match_layers`, as many in each layer."""
    layers, width = shape
    if not match_layers:
        chosen = rng.choice(layers * width, size=len(heads), replace=False)
        return tuple((int(number) // width, int(number) % width) for number in chosen)
    return tuple(
        (layer, int(head))
        for layer, n in sorted(_per_layer(heads).items())
        for head in rng.choice(width, size=n, replace=False)
    )


def possible(heads: Heads, shape: Shape, match_layers: bool) -> int:
    """Number of sets that `draw` can return."""
    layers, width = shape
    if not match_layers:
        return math.comb(layers * width, len(heads))
    return math.prod(math.comb(width, n) for n in _per_layer(heads).values())


def _per_layer(heads: Heads) -> Counter[int]:
    return Counter(layer for layer, _ in heads)


def chosen_sets(
    table: AffinityTable,
    role: str | Sequence[str] | None,
    hubs: int | None,
    heads: str | Sequence[str] | None,
    labels: str | os.PathLike[str] | None,
    top_percent: float,
) -> dict[str, Heads]:
    """Sets of heads to ablate, by the name of their row; arguments as for `ablate`.

    Raises:
        PatchingError: nothing to ablate, a role or head that the model does not have, or more hubs
            than heads with an edge.
    """
    sets: dict[str, Heads] = {}
    if role is not None:
        sets |= _roles(table, role, labels)
    if hubs is not None:
        sets[f"{hubs} hubs"] = _hubs(table, hubs, top_percent)
    if heads is not None:
        chosen = named_heads(heads, (table.meta.n_layers, table.meta.n_heads), table.meta.model)
        sets[",".join(listed(chosen)) or "no heads"] = chosen
    if not sets:
        raise PatchingError(
            f"nothing to ablate: give {argument('role')}, {argument('hubs')} or {argument('heads')}"
        )
    return sets


def _roles(
    table: AffinityTable, role: str | Sequence[str], labels: str | os.PathLike[str] | None
) -> dict[str, Heads]:
    known = labels_for(table.meta, labels)
    by_role = {str(name): tuple(_places(part)) for name, part in known.groupby("role", sort=True)}
    wanted = [role] if isinstance(role, str) else list(role)
    if not by_role:
        such = either(
            "a CSV file of the rows of analysis.behaviour.labels_of",
            "headgraph behaviour MODEL --labels-out FILE writes",
        )
        raise PatchingError(
            f"{table.meta.model} has no labels, so no head has the role {', '.join(wanted)}: give "
            f"{argument('labels', 'FILE')}, such as {such}"
        )
    wanted = list(by_role) if wanted == ["all"] else wanted
    if missing := [name for name in wanted if name not in by_role]:
        raise PatchingError(
            f"no head of {table.meta.model} has the role {', '.join(missing)}: its labels have "
            f"{', '.join(by_role)}"
        )
    return {name: by_role[name] for name in wanted}


def _hubs(table: AffinityTable, hubs: int, top_percent: float) -> Heads:
    scores = hub_scores(table, selection=Selection(top_percent=top_percent))
    if not 1 <= hubs <= len(scores):
        raise PatchingError(
            f"{argument('hubs', hubs)}: {len(scores)} heads have an edge among the strongest "
            f"{top_percent:g} %, expected 1 to {len(scores)}, or more pairs with "
            f"{argument('top_percent')}"
        )
    return tuple(_places(scores.head(hubs)))


def _places(frame: pd.DataFrame) -> Iterator[tuple[int, int]]:
    heads = frame[["layer", "head"]].drop_duplicates()
    for layer, head in zip(heads["layer"], heads["head"], strict=True):
        yield int(layer), int(head)

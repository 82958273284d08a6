"""Which heads to ablate: those of a role, the greatest hubs, or heads by name."""

import os
from collections.abc import Iterator, Sequence

import pandas as pd

from headgraph.analysis.ablation.head_sets import Heads, listed, named_heads
from headgraph.analysis.errors import PatchingError
from headgraph.analysis.hubs.scores import hub_scores
from headgraph.pk_engine.labels import labels_for
from headgraph.pk_engine.scoring.selection import Selection
from headgraph.pk_engine.table.affinity import AffinityTable


def chosen_sets(
    table: AffinityTable,
    role: str | Sequence[str] | None,
    hubs: int | None,
    heads: str | Sequence[str] | None,
    labels: str | os.PathLike[str] | None,
    top_percent: float,
) -> dict[str, Heads]:
    """What to ablate, by the name that its row carries; the arguments are those of `ablate`.

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
        raise PatchingError("nothing to ablate: expected --role, --hubs or --heads")
    return sets


def _roles(
    table: AffinityTable, role: str | Sequence[str], labels: str | os.PathLike[str] | None
) -> dict[str, Heads]:
    known = labels_for(table.meta, labels)
    by_role = {str(name): tuple(_places(part)) for name, part in known.groupby("role", sort=True)}
    if not by_role:
        raise PatchingError(
            f"{table.meta.model} has no labels, so no head has the role {role}: give --labels FILE,"
            " such as headgraph behaviour MODEL --labels-out FILE writes"
        )
    wanted = [role] if isinstance(role, str) else list(role)
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
            f"--hubs {hubs}: {len(scores)} heads have an edge among the strongest {top_percent:g} "
            f"%, expected 1 to {len(scores)}, or more pairs with --top-percent"
        )
    return tuple(_places(scores.head(hubs)))


def _places(frame: pd.DataFrame) -> Iterator[tuple[int, int]]:
    heads = frame[["layer", "head"]].drop_duplicates()
    for layer, head in zip(heads["layer"], heads["head"], strict=True):
        yield int(layer), int(head)

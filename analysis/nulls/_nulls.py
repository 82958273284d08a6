"""How many pairs stand out from each null model.

`pk_engine.nulls` computes the nulls; this module sums up their columns of a table.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from headgraph.analysis._tables import given_table
from headgraph.analysis.errors import AnalysisError
from headgraph.base.names import GRAPH_PAIRINGS, NULLS, parse_pairings
from headgraph.base.progress import Progress
from headgraph.base.spelling import either
from headgraph.pk_engine.models.interface import Model
from headgraph.pk_engine.table.affinity import AffinityTable
from headgraph.pk_engine.table.meta import TableMeta
from headgraph.pk_engine.table.selection import Selection


def nulls(
    model: Model | AffinityTable,
    *,
    pairings: Sequence[str] | str = GRAPH_PAIRINGS,
    null: Sequence[str] | str = NULLS,
    fdr: float = 0.05,
    seed: int = 0,
    samples: int | None = None,
    revision: str | None = None,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """How many pairs stand out from each null, in each pairing.

    Args:
        model: a model as for `compute`, or a table of all pairs made with `fdr=1`, whose pairings
            and nulls are used.
        pairings: as for `compute`; `backward` is not for two heads in the same role.
        null: which nulls, out of `isotropic`, `covariance`, `rotations`, `backward`, `within`.
        fdr: false discovery rate, the largest expected share of false pairs among the significant.
        seed: random seed for the samples.
        samples: number of samples, in each null's own unit; see `compute`.
        revision: branch, tag or commit of a hub id.
        progress: as for `compute`.

    Returns:
        A row per pairing and null: `pairing`, `null`, `pairs`, `significant` (pairs with q at most
        `fdr`), `share` of them, `cutoff` (the smallest PK among them, none without any), `mean` and
        `sd` of the null, `values` (how many a pair was compared with; 0 for a formula),
        `fdr`, `seed` and `samples` (none where nothing is drawn).

    Raises:
        AnalysisError: a table without nulls or without some of its pairs.
        EngineError, SelectionError: as `compute` and `Selection`.
    """
    names = null if isinstance(null, str) else ",".join(null)
    rule = Selection(fdr=fdr, null=names)
    table = null_table(model, pairings, rule.nulls, seed, samples, revision, progress)
    wanted = [name for name in NULLS if name in table.meta.nulls and name in rule.nulls]
    rows = [
        _row(str(pairing), frame, name, table.meta, fdr)
        for pairing, frame in table.frame.groupby("pairing", sort=False)
        for name in wanted
    ]
    # whole numbers or none: pandas would make them floating-point numbers
    whole = {name: pd.Series([row[name] for row in rows], dtype=object)
             for name in ("seed", "samples")}  # fmt: skip
    return pd.DataFrame(rows).assign(**whole)


def null_table(
    model: Model | AffinityTable,
    pairings: Sequence[str] | str = GRAPH_PAIRINGS,
    names: Sequence[str] = NULLS,
    seed: int = 0,
    samples: int | None = None,
    revision: str | None = None,
    progress: Progress | None = None,
) -> AffinityTable:
    """All pairs with their columns against these nulls; arguments as for `nulls`.

    Raises:
        AnalysisError: a table without any of these nulls, or without some of its pairs.
    """
    given = given_table(model)
    if given is None:
        from headgraph.pk_engine.scoring._compute import compute

        return compute(
            model,  # type: ignore[arg-type]
            pairings=parse_pairings(pairings),
            selection=Selection(fdr=1, null=",".join(names)),
            seed=seed,
            samples=samples,
            revision=revision,
            progress=progress,
        )
    missing = sum(given.meta.scored.values()) - len(given)
    if missing or not set(names) & set(given.meta.nulls):
        lacks = f"{missing:,} of its pairs" if missing else f"its pairs against {', '.join(names)}"
        null = ",".join(names)
        compute_line = either(
            f"compute(MODEL, selection=Selection(fdr=1, null={null!r}))",
            f"headgraph compute MODEL --fdr 1 --null {null}",
        )
        raise AnalysisError(
            f"the table of {given.meta.model} lacks {lacks}: give the model itself, or a table of "
            f"{compute_line}"
        )
    return given


def _row(
    pairing: str, frame: pd.DataFrame, name: str, meta: TableMeta, fdr: float
) -> dict[str, object]:
    entry = meta.nulls[name]
    kept = frame[f"q_{name}"] <= np.float32(fdr)
    moments = entry["moments"][pairing]
    return {
        "pairing": pairing,
        "null": name,
        "pairs": len(frame),
        "significant": int(kept.sum()),
        "share": float(kept.mean()),
        "cutoff": float(frame.loc[kept, "pk"].min()) if kept.any() else None,
        "mean": moments["mean"],
        "sd": moments["sd"],
        "values": entry["values"][pairing],
        "fdr": fdr,
        "seed": entry["seed"],
        "samples": entry["samples"],
    }

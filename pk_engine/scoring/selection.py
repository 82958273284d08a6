"""Which scored pairs become rows of a table and edges of a graph.

Rules intersect: a pair is kept when every rule given keeps it. Ranks are by PK within a pairing
(`pk_rank`, 1 = strongest, ties by source then target), so each rule is exact and deterministic.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from numbers import Integral
from typing import TYPE_CHECKING, Any

from headgraph.base.names import NULLS
from headgraph.base.text import quoted
from headgraph.pk_engine.errors import SelectionError

if TYPE_CHECKING:  # the command line's options are made of this, and its help imports nothing heavy
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Rules for what to keep; `Selection()` keeps everything.

    Attributes:
        top: the N strongest pairs of each pairing.
        top_percent: the strongest P percent of the pairs scored in each pairing, rounded up (3 % of
            9,504 is 286).
        min_pk: PK at least this (0 to the smaller rank).
        min_z: z at least this (standard deviations above the random reference).
        top_per_target: the N strongest pairs that end in each target head, within a pairing.
        fdr: share of false pairs expected at most among those kept, within a pairing
            (Benjamini-Hochberg over all pairs scored); more than 0, and 1 keeps all.
        null: what they are held against, out of `base.names.NULLS`; of several, separated by
            commas, each has to be passed. Goes with `fdr`.

    Raises:
        SelectionError: a value outside its range.
    """

    top: int | None = None
    top_percent: float | None = None
    min_pk: float | None = None
    min_z: float | None = None
    top_per_target: int | None = None
    fdr: float | None = None
    null: str | None = None

    def __post_init__(self) -> None:
        for name in ("top", "top_per_target"):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, Integral) or value < 1):
                raise SelectionError(
                    f"{_flag(name)} {quoted(value)}: expected a whole number of at least 1"
                )
        if self.top_percent is not None and not 0 < self.top_percent <= 100:
            raise SelectionError(
                f"--top-percent {self.top_percent:g}: expected more than 0 and at most 100"
            )
        for name in ("min_pk", "min_z"):
            value = getattr(self, name)
            if value is not None and not math.isfinite(value):
                raise SelectionError(f"{_flag(name)} {value}: expected a finite number")

        self._check_fdr()

    def _check_fdr(self) -> None:
        if lacking := one_without_other(self.fdr, self.null):
            raise SelectionError(lacking)
        if self.fdr is not None and not 0 < self.fdr <= 1:
            raise SelectionError(f"--fdr {self.fdr:g}: expected more than 0 and at most 1")
        unknown = [name for name in self.nulls if name not in NULLS]
        if unknown:
            raise SelectionError(
                f"--null {', '.join(map(repr, unknown))}: expected some of {', '.join(NULLS)}"
            )

    @property
    def nulls(self) -> tuple[str, ...]:
        """The nulls that pairs are held against, each once."""
        if self.null is None:
            return ()
        return tuple(dict.fromkeys(name.strip() for name in self.null.split(",")))

    def __bool__(self) -> bool:
        """True when at least one rule is set."""
        return bool(self.to_json())

    def to_json(self) -> dict[str, Any]:
        """The rules that are set, by name; 3 % is one rule whether it was given as 3 or as 3.0."""
        rules = {name: value for name, value in asdict(self).items() if value is not None}
        real = ("top_percent", "min_pk", "min_z", "fdr")
        return {name: float(v) if name in real else v for name, v in rules.items()}

    def describe(self) -> str:
        """The rules in words: `top 3 % per pairing, z >= 4`; `all pairs` without rules."""
        words = {
            "top": "top {:g} per pairing",
            "top_percent": "top {:g} % per pairing",
            "min_pk": "PK >= {:g}",
            "min_z": "z >= {:g}",
            "top_per_target": "top {:g} per target head",
            "fdr": "FDR {:g}",
            "null": "against {}",
        }
        parts = [words[name].format(value) for name, value in self.to_json().items()]
        if self.null:
            parts[-2:] = [" ".join(parts[-2:])]
        return ", ".join(parts) or "all pairs"

    def limit(self, scored: int) -> int:
        """How many pairs of a pairing with `scored` pairs the two `top` rules let through."""
        limits = [scored]
        if self.top is not None:
            limits.append(self.top)
        if self.top_percent is not None:
            # decimal fractions are not exact in binary: 3 % of 100 pairs must be 3, not 4
            limits.append(math.ceil(round(scored * self.top_percent / 100, 9)))
        return min(limits)

    def keep(
        self, rows: "pd.DataFrame | Mapping[str, NDArray[Any]]", scored: Mapping[str, int]
    ) -> "NDArray[np.bool_]":
        """Mask over the rows of a table.

        Args:
            rows: its frame or its columns, with `pairing`, `pk`, `z`, `pk_rank`, `target_layer`,
                `target_head`, and `q_NULL` of the nulls asked for.
            scored: pairs scored per pairing, which `top_percent` refers to.
        """
        import numpy as np

        from headgraph.pk_engine.table.columns import by_pairing, columns_of, first_of_each

        columns = columns_of(rows)
        limits = {pairing: self.limit(n) for pairing, n in scored.items()}
        mask: NDArray[np.bool_] = columns["pk_rank"] <= by_pairing(columns["pairing"], limits)
        if self.min_pk is not None:
            mask &= columns["pk"] >= np.float32(self.min_pk)
        if self.min_z is not None:
            mask &= columns["z"] >= np.float32(self.min_z)
        if self.top_per_target is not None:
            target = [columns[name] for name in ("target_head", "target_layer", "pairing")]
            order = np.lexsort((columns["pk_rank"], *target))
            mask &= first_of_each(order, target, self.top_per_target)
        for name in self.nulls:
            if f"q_{name}" not in columns:
                raise SelectionError(
                    f"the table does not hold its pairs against {name}: make it again with "
                    f"headgraph compute MODEL --fdr {self.fdr:g} --null {self.null}"
                )
            mask &= columns[f"q_{name}"] <= np.float32(self.fdr)
        return mask


def one_without_other(fdr: float | None, null: str | None) -> str | None:
    """What is wrong where only one of a rate and its null is given; None where nothing is."""
    if (fdr is None) == (null is None):
        return None
    given, lacks = ("--fdr", "--null") if null is None else ("--null", "--fdr")
    return f"{given} without {lacks}: expected both, such as --fdr 0.05 --null covariance"


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")

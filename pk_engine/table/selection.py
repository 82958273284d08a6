"""Rules for which scored pairs become rows of a table and edges of a graph.

Rules intersect: a pair is kept if every given rule keeps it. Ranks are by PK within a pairing
(`pk_rank`, 1 is the strongest, ties by source, then target), so the rules are exact and
deterministic.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

from headgraph.base.names import NULLS
from headgraph.base.spelling import argument, either
from headgraph.base.text import quoted, together
from headgraph.pk_engine.errors import SelectionError

if TYPE_CHECKING:  # the command line's options use this module, and --help imports nothing heavy
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray


MOST_DECOY = 1000
"""The largest `max_decoy`: there may be more backward pairs than forward ones, but not so many."""


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Rules for what to keep; `Selection()` keeps everything.

    Attributes:
        top: the N strongest pairs of each pairing.
        top_percent: the strongest P percent of the scored pairs of each pairing, rounded up (3 % of
            9,504 is 286).
        min_pk: the least PK (0 to the smaller rank).
        min_z: the least z (standard deviations above the random reference).
        top_per_target: the N strongest pairs into each target head, within a pairing.
        fdr: false discovery rate within a pairing, above 0 and at most 1
            (Benjamini-Hochberg over all scored pairs); 1 keeps all. Requires `null`.
        null: null models from `base.names.NULLS`, separated by commas; a pair is kept if it
            differs from each of them. Requires `fdr`.
        max_decoy: the most decoy_q, the share of decoys at the best threshold that keeps the pair
            (`pk_engine.metrics.decoys`); above 0. Requires a table with decoys.

    Raises:
        SelectionError: a value is outside its range or not of its type.
    """

    top: int | None = None
    top_percent: float | None = None
    min_pk: float | None = None
    min_z: float | None = None
    top_per_target: int | None = None
    fdr: float | None = None
    null: str | None = None
    max_decoy: float | None = None

    def __post_init__(self) -> None:
        for name in ("top", "top_per_target"):
            value = getattr(self, name)
            if value is not None and (not is_number(value, Integral) or value < 1):
                raise SelectionError(
                    f"{shown_argument(name, value)}: expected a whole number of at least 1"
                )
        for name, most in (("top_percent", 100), ("fdr", 1)):
            value = getattr(self, name)
            if value is not None and not (is_number(value) and 0 < value <= most):
                raise SelectionError(
                    f"{shown_argument(name, value)}: expected more than 0 and at most {most}"
                )
        for name in ("min_pk", "min_z"):
            value = getattr(self, name)
            if value is not None and not (is_number(value) and math.isfinite(value)):
                raise SelectionError(f"{shown_argument(name, value)}: expected a finite number")
        if self.max_decoy is not None and not (
            is_number(self.max_decoy) and 0 < self.max_decoy <= MOST_DECOY
        ):
            given = shown_argument("max_decoy", self.max_decoy)
            raise SelectionError(
                f"{given}: expected a share above 0 and at most {MOST_DECOY:,}, such as 0.1"
            )
        self._check_null()

    def _check_null(self) -> None:
        if lacking := one_without_other(self.fdr, self.null):
            raise SelectionError(lacking)
        expected = f"expected some of {', '.join(NULLS)}"
        if self.null is not None and not isinstance(self.null, str):
            raise SelectionError(f"{shown_argument('null', self.null)}: {expected}")
        if unknown := [name for name in self.nulls if name not in NULLS]:
            raise SelectionError(f"{shown_argument('null', ','.join(unknown))}: {expected}")

    @property
    def nulls(self) -> tuple[str, ...]:
        """The null models, each once."""
        if self.null is None:
            return ()
        return tuple(dict.fromkeys(name.strip() for name in self.null.split(",")))

    def __bool__(self) -> bool:
        """True if at least one rule is set."""
        return bool(self.to_json())

    def to_json(self) -> dict[str, Any]:
        """The rules that are set, by name. Real numbers are floats: 3 % and 3.0 % are one rule."""
        rules = {name: value for name, value in asdict(self).items() if value is not None}
        real = ("top_percent", "min_pk", "min_z", "fdr", "max_decoy")
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
            "max_decoy": "decoy_q <= {:g}",
        }
        rules = self.to_json()
        null = rules.pop("null", None)
        parts = [words[name].format(value) for name, value in rules.items()]
        if null:
            at = list(rules).index("fdr")
            parts[at] += f" against {null}"
        return ", ".join(parts) or "all pairs"

    def limit(self, scored: int) -> int:
        """The most pairs that `top` and `top_percent` keep of a pairing with `scored` pairs."""
        limits = [scored]
        if self.top is not None:
            limits.append(self.top)
        if self.top_percent is not None:
            # decimal fractions are not exact in binary: 3 % of 100 pairs is 3, not 4
            limits.append(math.ceil(round(scored * self.top_percent / 100, 9)))
        return min(limits)

    def keep(
        self, rows: "pd.DataFrame | Mapping[str, NDArray[Any]]", scored: Mapping[str, int]
    ) -> "NDArray[np.bool_]":
        """Mask over the rows of a table.

        Args:
            rows: its frame or its columns, with `pairing`, `pk`, `z`, `pk_rank`, `target_layer`,
                `target_head`, `q_NULL` for each null model of this selection, and `decoy_q` for
                `max_decoy`.
            scored: pairs scored per pairing, of which `top_percent` is a share.

        Raises:
            SelectionError: the table has no `q_NULL` for one of the null models, or no decoys.
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
                again = either(
                    f"compute(MODEL, selection=Selection(fdr={self.fdr:g}, null={self.null!r}))",
                    f"headgraph compute MODEL --fdr {self.fdr:g} --null {self.null}",
                )
                raise SelectionError(
                    f"the table does not compare its pairs with {name}: make it again with {again}"
                )
            mask &= columns[f"q_{name}"] <= np.float32(self.fdr)
        if self.max_decoy is not None:
            mask &= self._decoy_q(columns) <= np.float32(self.max_decoy)
        return mask

    def _decoy_q(self, columns: "Mapping[str, NDArray[Any]]") -> "NDArray[Any]":
        import numpy as np

        again = either("compute(MODEL, decoys=True)", "headgraph compute MODEL --decoys")
        if "decoy_q" not in columns:
            raise SelectionError(
                f"{argument('max_decoy', self.max_decoy)}: the table has no decoys; make it again "
                f"with {again}, in forward layer order"
            )
        q = columns["decoy_q"]
        if len(without := np.unique(columns["pairing"][np.isnan(q)])):
            raise SelectionError(
                f"{argument('max_decoy', self.max_decoy)}: there are no decoys of "
                f"{together(without.tolist())}, because decoys need a source that writes: expected "
                "pairings out of OQ, OK, OV"
            )
        return q


def one_without_other(fdr: float | None, null: str | None) -> str | None:
    """The message if only one of `fdr` and `null` is given, otherwise None."""
    if (fdr is None) == (null is None):
        return None
    given, lacks = ("fdr", "null") if null is None else ("null", "fdr")
    example = either("fdr=0.05, null='covariance'", "--fdr 0.05 --null covariance")
    return f"{argument(given)} without {argument(lacks)}: expected both, such as {example}"


def is_number(value: object, kind: type = Real) -> bool:
    """Whether a value is a number of this kind that a float can hold; True and False are none."""
    if not isinstance(value, kind) or isinstance(value, bool):
        return False
    try:
        float(value)  # type: ignore[arg-type]
    except OverflowError:  # a whole number of 309 digits or more
        return False
    return True


def shown_argument(name: str, value: Any) -> str:
    """An argument and its value, 101.0 as 101, for a message."""
    option = f"--{name.replace('_', '-')}"
    shown = f"{value:g}" if is_number(value) else quoted(value)
    return either(f"{name}={shown}", f"{option} {shown}")

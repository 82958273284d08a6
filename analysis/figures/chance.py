"""The marks that scores are read against: chance, the largest possible score, and decoys.

Without them the strongest pairs of a random model look like those of a trained one, since each
picture would scale its own strongest pair to its widest line.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from headgraph.base.text import together
from headgraph.pk_engine.metrics.decoys import decoy_share, shares_apart, unmatched

if TYPE_CHECKING:
    import pandas as pd

    from headgraph.pk_engine.table.meta import TableMeta

_PART, _DEVIATIONS = 0.1, 15.0
_ENDS = ["pairing", "pk_rank"]
MOSTLY = 0.5
"""Share of decoys among all pairs shown above which an order of heads may be chance."""
_LEAST_SPREAD = 0.01  # of z, below which float32 scores do not give their standard deviation
_ALIKE = 0.9  # of the pairs: heads of lower rank have another chance level


class Chance(NamedTuple):
    """What PK is compared with: two random subspaces, and two equal ones.

    Attributes:
        mean, sd: PK of two random subspaces of these dimensions.
        most: PK of two subspaces of which one contains the other, the largest possible.
    """

    mean: float
    sd: float
    most: float

    @property
    def full(self) -> float:
        """The least PK that is drawn in full strength.

        It is a tenth of the way from chance to the maximum, or 15 standard deviations if that is
        more. The strongest of ten thousand random pairs is about 4 above chance.
        """
        away = max(_PART * (self.most - self.mean), _DEVIATIONS * self.sd)
        return min(self.mean + away, self.most)

    def strength(self, pk: "pd.Series[float]") -> "pd.Series[float]":
        """From 0 at chance or below to 1 for the greatest PK, if it reaches `full`."""
        span = max(float(pk.max()), self.full) - self.mean if len(pk) else 1.0
        return ((pk - self.mean) / (span or 1.0)).clip(0.0, 1.0)


def chance(meta: "TableMeta", pairing: str) -> Chance:
    """Chance and maximum of one pairing in a model, at full rank."""
    moments = meta.moments[pairing]
    return Chance(moments["mean"], moments["sd"], float(meta.d_head))


def chance_lines(meta: "TableMeta", pairings: Iterable[str]) -> tuple[str, str]:
    r"""What PK is read against, in two lines: random subspaces, and what they are not.

    Random subspaces use all directions alike, and trained heads do not, so a PK above theirs is
    no finding.

    >>> from headgraph import read_table
    >>> print("\n".join(chance_lines(read_table("gpt2-small").meta, ["OQ", "OV"])))
    PK of random subspaces: 5.333 (sd 0.11); maximum 64
    trained heads can exceed the random value without any function
    """
    names: dict[Chance, list[str]] = {}
    for pairing in pairings:
        names.setdefault(chance(meta, pairing), []).append(pairing)
    alone = len(names) == 1
    marks = (
        f"{'' if alone else f'{together(own)} '}{mark.mean:.4g} (sd {mark.sd:.2g})"
        for mark, own in names.items()
    )
    roles = {role for own in names.values() for pairing in own for role in pairing}
    widths = [{layer.rank_of(role) for layer in meta.shape.layers} for role in sorted(roles)]
    full = " of full rank" if meta.deficient else ""
    which = " of the widest heads" if any(len(found) > 1 for found in widths) else full
    if meta.shape.widths_differ:
        which += " in the widest stream, more in narrower ones"
    most = max(mark.most for mark in names)
    return (
        f"PK of random subspaces{which}: {', '.join(marks)}; maximum {most:.4g}",
        "trained heads can exceed the random value without any function",
    )


def chance_in(rows: "pd.DataFrame") -> Chance | None:
    """Chance and maximum as the scores themselves state them; None where they do not.

    PK = mean + sd z, and PK / pk_normalized is the maximum for subspaces of equal rank. Heads or
    streams of several widths have a mean and sd each, and so none together.

    Args:
        rows: edges or pairs of one pairing, with `pk`, `z` and `pk_normalized`.
    """
    known = rows[["pk", "z", "pk_normalized"]].astype(float).dropna()
    pk, z, normalized = known[known["pk_normalized"] > 0].to_numpy().T
    if len(pk) < 2:
        return None
    low, high = z.argmin(), z.argmax()
    if z[high] - z[low] < _LEAST_SPREAD:
        return None
    sd = float((pk[high] - pk[low]) / (z[high] - z[low]))
    mean = float(pk[high]) - sd * float(z[high])
    if np.mean(np.abs(pk - mean - sd * z) < sd / 100) < _ALIKE:
        return None
    return Chance(mean, sd, float(f"{np.median(pk / normalized):.5g}"))


def decoy_shares(pairs: "pd.DataFrame") -> dict[str, float]:
    """The share of decoys among these pairs, by pairing; empty for a table without decoys.

    Args:
        pairs: rows or edges of a table. The edges of one scored pair count once.
    """
    shares = {
        pairing: decoy_share(rows["pk"].to_numpy(), rows["decoys"].to_numpy())
        for pairing, rows in _counted(pairs)
    }
    return {pairing: share for pairing, share in shares.items() if share is not None}


def near_decoy_shares(pairs: "pd.DataFrame", meta: "TableMeta") -> dict[str, float]:
    """The same for the pairs between neighbouring layers.

    Only where there are other pairs too, and the table has the counts.
    """
    found = {}
    for pairing, rows in _counted(pairs):
        if "steps" not in meta.decoys.get(pairing, {}):
            continue
        source, target = (
            meta.layer_places[rows[f"{end}_layer"].to_numpy(int)] for end in ("source", "target")
        )
        near = int(np.count_nonzero(target - source == 1))
        most = int(rows["decoys"].max())
        steps = meta.decoys[pairing]["steps"]
        share, further = shares_apart(near, len(rows) - near, most, steps)
        if share is not None and further is not None:
            found[pairing] = share
    return found


def without_decoys(pairs: "pd.DataFrame") -> frozenset[str]:
    """The pairings whose share is an upper bound, because no backward pair is as strong."""
    return unmatched(decoy_shares(pairs), pairs.drop_duplicates(_ENDS)["pairing"].to_numpy())


def _counted(pairs: "pd.DataFrame") -> "Iterator[tuple[str, pd.DataFrame]]":
    """The pairs of each pairing whose decoys were counted, each once."""
    if "decoys" not in pairs:
        return
    once = pairs.drop_duplicates(_ENDS)
    for pairing, rows in once[once["decoys"] >= 0].groupby("pairing", sort=False):
        yield str(pairing), rows


def may_be_chance(pairs: "pd.DataFrame") -> str:
    """A sentence for hubs of pairs of which more than half may mean nothing; else empty.

    The share is that of all pairings together: 30 % for the default graph of GPT-2 small, and
    about 100 % for independent random weights.
    """
    none = without_decoys(pairs)
    shares = {name: 0.0 if name in none else it for name, it in decoy_shares(pairs).items()}
    once = pairs.drop_duplicates(_ENDS)["pairing"].value_counts()
    total = sum(int(once[pairing]) for pairing in shares)
    share = sum(value * int(once[pairing]) for pairing, value in shares.items()) / max(total, 1)
    if share <= MOSTLY:
        return ""
    return f"Decoys are {100 * share:.0f} %: the hubs may be chance."


def decoys_in_words(
    shares: Mapping[str, float],
    order: Iterable[str],
    near: Mapping[str, float] | None = None,
    none: Collection[str] = (),
) -> str:
    """Shares as text, such as `OQ 18 %, OK 26 %, OV 48 %`.

    Args:
        shares: pairing -> share.
        order: pairings to name.
        near: pairing -> the share between neighbouring layers, in brackets.
        none: pairings whose share is an upper bound (`without_decoys`).

    >>> decoys_in_words({"OQ": 0.18, "OV": 0.48}, ["OQ", "OV"], {"OQ": 0.22, "OV": 0.58})
    'OQ 18 % (neighbouring layers 22 %), OV 48 % (58 %)'
    >>> decoys_in_words({"OK": 0.33, "OV": 0.67}, ["OK", "OV"], none={"OK"})
    'OK at most 33 %, OV 67 %'
    """
    named, what, near = [], "neighbouring layers ", near or {}
    for name in order:
        if name in shares:
            bound = "at most " if name in none else ""
            named.append(f"{name} {bound}{100 * shares[name]:.0f} %")
            if name in near and not bound:
                named[-1] += f" ({what}{100 * near[name]:.0f} %)"
                what = ""
    return ", ".join(named)


def decoy_line(
    pairs: "pd.DataFrame", meta: "TableMeta", order: Iterable[str], per: str = "drawn"
) -> str:
    """The shares of decoys with what they count; decoys themselves are in no picture.

    Empty for a table without decoys.
    """
    near, none = near_decoy_shares(pairs, meta), without_decoys(pairs)
    found = decoys_in_words(decoy_shares(pairs), order, near, none)
    return f"backward pairs as strong (decoys, not drawn), per pair {per}: {found}" if found else ""

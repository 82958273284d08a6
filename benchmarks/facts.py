"""Sentences of README and docs/ that rest on the bundled GPT-2 table; cog writes them.

They hold for the default graph: the strongest 3 % of OQ, OK and OV.
"""

import re
from collections.abc import Iterator
from functools import cache
from textwrap import fill, indent
from typing import NamedTuple

import pandas as pd

from benchmarks.common import DOCS
from headgraph.analysis.hubs.scores import hub_scores
from headgraph.base.names import GRAPH_PAIRINGS, head_name
from headgraph.base.text import together
from headgraph.pk_engine.bundled import table_path
from headgraph.pk_engine.labels import labels_for
from headgraph.pk_engine.metrics.copying import derived_role
from headgraph.pk_engine.metrics.random_reference import reference_mean
from headgraph.pk_engine.table.affinity import AffinityTable
from headgraph.pk_engine.table.selection import Selection

DEFAULT = Selection(top_percent=3)
FEW_DECOYS = Selection(top_percent=3, max_decoy=0.1)
FAR = 3  # standard deviations of random subspaces


class HeadFacts(NamedTuple):
    """What W_OV of a head does, from its weights alone."""

    name: str
    copying: float
    self_overlap: float
    role: str | None


@cache
def gpt2() -> AffinityTable:
    """The bundled table of all pairs."""
    return AffinityTable.read(table_path("gpt2-small"))


def heads() -> dict[str, HeadFacts]:
    """Every head by name."""
    found = {}
    scores = gpt2().meta.heads
    rows = zip(scores["copying"], scores["self_overlap"], strict=True)
    for layer, (copying, overlap) in enumerate(rows):
        for head, (sign, share) in enumerate(zip(copying, overlap, strict=True)):
            name = head_name(layer, head)
            found[name] = HeadFacts(name, sign, share, derived_role(sign, share))
    return found


def erasers() -> list[HeadFacts]:
    """The derived erasers; the largest self-overlap first."""
    found = [one for one in heads().values() if one.role == "eraser"]
    return sorted(found, key=lambda one: -one.self_overlap)


def hub() -> str:
    """What the greatest hub does with what it reads."""
    best = _hubs(DEFAULT).iloc[0]
    one, d_head = heads()[best["name"]], gpt2().meta.d_head
    chance = reference_mean(d_head, d_head, gpt2().meta.d_model)
    return (
        f"The greatest hub of GPT-2 small, {one.name}, has {best['edges_in']} edges in and "
        f"{best['edges_out']} out among the strongest 3 % of each pairing. It writes the negative "
        f"of what it reads: its `copying` score is {one.copying:.4f}. The subspace that it writes "
        "is nearly the one that it reads as its value: the PK of the two is "
        f"{one.self_overlap * d_head:.2f} of at most {d_head}, and chance is {chance:.2f}. Where "
        f"{one.name} attends to its own token, its output counteracts what it read there. Where it "
        "attends to another token, it passes on the negative of what it read."
    )


def fewer_decoys(what: str = f"`--max-decoy {FEW_DECOYS.max_decoy}` keeps") -> str:
    """What is left of the greatest hub where only edges with few decoys are kept."""
    name = _hubs(DEFAULT).iloc[0]["name"]
    kept, rows = gpt2().select(FEW_DECOYS), _hubs(FEW_DECOYS)
    left = rows[rows["name"] == name].iloc[0]
    pairings = together(sorted(set(kept.frame["pairing"])))
    both = rows[(rows["edges_in"] > 0) & (rows["edges_out"] > 0)]
    leads = f"and {rows.iloc[0]['name']} is the greatest hub"
    if len(both) == 1:
        one = both.iloc[0]
        leads = (
            f"and only {one['name']} has edges on both sides, {one['edges_in']} in and "
            f"{one['edges_out']} out"
        )
    return (
        f"In GPT-2's top 3 %, {what} {len(kept)} of the {len(gpt2().select(DEFAULT)):,} edges, all "
        f"in {pairings}. {name} then has {left['edges_in']} edges in and {left['edges_out']} out, "
        f"{leads}. Fewer than {round(1 / FEW_DECOYS.max_decoy)} edges never pass, even if none of "
        "them has a decoy."
    )


def eraser() -> str:
    """What the derived role does not say, by a negative head of a known circuit."""
    labels = labels_for(gpt2().meta)
    inhibit = {
        head_name(int(r.layer), int(r.head))
        for r in labels[labels["role"] == "s_inhibition"].itertuples()
    }
    least = min((heads()[name] for name in inhibit), key=lambda one: one.copying)
    return (
        "The role `eraser` describes this sign and overlap, not an effect on the model. A head "
        "with a negative `copying` score can take part in a circuit. An example is "
        f"{least.name}, an S-inhibition head of the circuit for indirect object identification "
        f"(IOI). Its score is {least.copying:.2f}, but its overlap of {least.self_overlap:.2f} is "
        "too small for an eraser."
    )


def decoys() -> str:
    """How many backward pairs are as strong as the edges of the default graph."""
    shares = gpt2().select(DEFAULT).meta.decoys
    counts = [f"{100 * shares[name]['share']:.0f} in {name}" for name in GRAPH_PAIRINGS]
    return (
        "A strong edge can mean nothing. In a **backward pair**, the head that writes is in a "
        "later layer than the head that reads, so nothing can pass from one to the other. Yet "
        "some backward pairs are at least as strong as the weakest edge that GPT-2's top 3 % keeps "
        f"in their pairing. For every 100 edges kept, there are {together(counts)}. These are the "
        "**decoy shares** of the pairings, a rough estimate of how many edges mean nothing. In "
        "each pairing, `--max-decoy 0.1` keeps as many of the strongest edges as it can while the "
        f"decoy share of the whole list is at most 10 %. {fewer_decoys('this leaves')}"
    )


def opening() -> str:
    """README's paragraph below its picture."""
    best = _hubs(DEFAULT).iloc[0]
    one = heads()[best["name"]]
    return wrapped(
        "A **hub** is a head with many strong edges in and out. Among the strongest 3 % of each "
        "pairing, the greatest hub by [hub score](docs/reference/scores.md#hub-scores) is "
        f"{one.name}: {best['edges_in']} edges in and {best['edges_out']} out. It does not "
        "copy what it reads as value; it writes the negative "
        "([more about it](docs/studies/identity-heads.md)). A strong edge can mean nothing. In "
        "the figure, this holds for an [estimated](#first-steps) "
        f"{_shares(Selection(top=20))}."
    )


def interpretation() -> str:
    """README's items on patching and on z."""
    z = (
        "**z** says how many standard deviations PK lies above the mean PK of random subspaces "
        f"with the same dimensions. {far_from_chance()} Use z to order pairs, not to test "
        "significance. To test for significance, `--fdr 0.05 --null backward` compares pairs with "
        "the backward pairs described above. Its false discovery rate is at most 5 % if "
        "unconnected heads share as much backward as forward; see "
        "[null models](docs/studies/nulls.md)."
    )
    return "\n".join(bullet(text) for text in (f"**Causality.** {causality()}", z))


def far_from_chance() -> str:
    """How many pairs lie far above and far below random subspaces."""
    frame = gpt2().frame
    zs = {name: frame.loc[frame["pairing"] == name, "z"] for name in GRAPH_PAIRINGS}
    above, below = (
        [f"{100 * part(z).mean():.0f} % in {name}" for name, z in zs.items()]
        for part in (lambda z: z > FAR, lambda z: z < -FAR)
    )
    above[0] = above[0].replace(" in ", " of the pairs in ")
    return (
        f"In GPT-2 small, z is above {FAR} for {together(above)}. It is below -{FAR} for "
        f"{together(below)}."
    )


def causality() -> str:
    """How well PK orders the effects of patching."""
    rows = pd.read_csv(DOCS / "data" / "causality-correlation.csv")
    rows = rows[(rows["score"] == "pk") & (rows["measure"] == "effect")].sort_values("spearman")
    low, high = rows.iloc[0], rows.iloc[-1]
    below = int((rows["high"] < 0).sum())
    unclear = int(((rows["low"] <= 0) & (rows["high"] >= 0)).sum())
    return (
        "PK does not predict effects in general. [Causality](docs/studies/causality.md) compares "
        "it with the effect of patching edges, by pairing in "
        f"{rows['model'].nunique()} small models other than GPT-2 ({len(rows)} comparisons). The "
        f"rank correlation ranges from {low['spearman']:.2f} ({low['pairing']} in {low['model']}) "
        f"to {high['spearman']:.2f} ({high['pairing']} in {high['model']}). In {unclear}, the 95 % "
        f"interval contains 0; in {below}, it lies below."
    )


def planted() -> str:
    """The share of decoys beside the share of false pairs, where pairs are planted."""
    rows = pd.read_csv(DOCS / "data" / "null-simulations.csv").drop_duplicates("kind")
    rows = rows[rows["kind"].str.startswith("planted")]
    parts = [
        f"{r.decoy_share:.2f} \u00b1 {r.decoy_share_se:.2f} against {r.top_false:.2f} ({r.kind})"
        for r in rows.itertuples()
    ]
    above = int((rows["decoy_share"] > rows["top_false"]).sum())
    where = "each kind" if above == len(rows) else f"{above} of {len(rows)} kinds"
    return (
        f"In {where} of weights with planted pairs, the estimate is above the true share of false "
        f"pairs: {' and '.join(parts)}."
    )


def _hubs(selection: Selection) -> pd.DataFrame:
    return hub_scores(gpt2(), selection=selection)


def _shares(selection: Selection) -> str:
    """The decoy share of each pairing, in words."""
    shares = gpt2().select(selection).meta.decoys
    parts = [f"{100 * shares[name]['share']:.0f} % in {name}" for name in GRAPH_PAIRINGS]
    parts[0] = parts[0].replace(" in ", " of the edges in ")
    return together(parts)


def identity_heads() -> Iterator[tuple[str, HeadFacts]]:
    """Heads that the literature calls identity heads."""
    labels = labels_for(gpt2().meta)
    rows = labels[labels["role"] == "identity"]
    for layer, head in sorted({(int(r.layer), int(r.head)) for r in rows.itertuples()}):
        name = head_name(layer, head)
        yield name, heads()[name]


def wrapped(text: str) -> str:
    """A paragraph in lines as long as those of the docs; code and per cents in one line."""
    held = re.sub(r"`[^`]*`|\d %", lambda whole: whole.group().replace(" ", "\0"), text)
    return fill(held, 118, break_long_words=False, break_on_hyphens=False).replace("\0", " ")


def bullet(text: str) -> str:
    """An item of a list, in such lines."""
    return indent(wrapped(text), "  ").replace("  ", "- ", 1)

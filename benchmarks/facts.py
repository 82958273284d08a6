"""Sentences of README and docs/ that rest on the bundled GPT-2 table; cog writes them.

They hold for the default graph: the strongest 3 % of OQ, OK and OV.
"""

import re
from collections.abc import Iterator
from functools import cache
from textwrap import fill
from typing import NamedTuple

from headgraph.analysis.hubs.scores import hub_scores
from headgraph.base.names import head_name
from headgraph.pk_engine.bundled import table_path
from headgraph.pk_engine.labels import labels_for
from headgraph.pk_engine.metrics.copying import derived_role
from headgraph.pk_engine.metrics.random_reference import reference_mean
from headgraph.pk_engine.scoring.selection import Selection
from headgraph.pk_engine.table.affinity import AffinityTable

DEFAULT = Selection(top_percent=3)


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
    best = hub_scores(gpt2(), selection=DEFAULT).iloc[0]
    one, d_head = heads()[best["name"]], gpt2().meta.d_head
    chance = reference_mean(d_head, d_head, gpt2().meta.d_model)
    return (
        f"A **hub** has many strong edges in and out. The greatest hub, {one.name}, has "
        f"{best['edges_in']} edges in and {best['edges_out']} out in the default graph (the "
        "strongest 3 % of each pairing). Yet it writes minus what it reads. Its `copying` score "
        f"is {one.copying:.4f}, where 1 is copying and -1 is erasing. The directions that it reads "
        "as its value are nearly those that it writes: their PK is "
        f"{one.self_overlap * d_head:.2f}, where {d_head} means the same subspace and {chance:.2f} "
        "is chance. Its weights therefore remove what they read rather than pass it on. An edge "
        f"into {one.name} and an edge out of it do not show that information passes through it."
    )


def decoys() -> str:
    """How many backward pairs are as strong as the edges of the default graph."""
    shares = gpt2().select(DEFAULT).meta.decoys
    parts = [f"{100 * shares[name]['share']:.0f} in {name}" for name in ("OQ", "OK", "OV")]
    return (
        "A strong edge can mean nothing. In a **backward pair**, the source comes after the "
        "target, so nothing can pass from one to the other. Yet many backward pairs are as strong "
        "as the edges of GPT-2's default graph: for every 100 edges, "
        f"{parts[0]}, {parts[1]} and {parts[2]}. `compute` records these numbers as the **decoy "
        "share** of each pairing. `--max-decoy 0.1` keeps edges down to the lowest PK at which "
        "the share is at most 10 %."
    )


def identity_heads() -> Iterator[tuple[str, HeadFacts]]:
    """Heads that the literature calls identity heads."""
    labels = labels_for(gpt2().meta)
    rows = labels[labels["role"] == "identity"]
    for layer, head in sorted({(int(r.layer), int(r.head)) for r in rows.itertuples()}):
        name = head_name(layer, head)
        yield name, heads()[name]


def wrapped(text: str) -> str:
    """A paragraph in lines as long as those of the docs, with code in one line."""
    held = re.sub("`[^`]*`", lambda code: code.group().replace(" ", "\0"), text)
    return fill(held, 118, break_long_words=False, break_on_hyphens=False).replace("\0", " ")

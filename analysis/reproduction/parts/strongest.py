"""The strongest pairs: Figs. 1, 4 and 5, and the scores in the paper's text."""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from headgraph.analysis.figures import strongest_pairs
from headgraph.analysis.reproduction.claims import Claim, Part, claim, picture
from headgraph.analysis.reproduction.sources import Source
from headgraph.analysis.scatter.figure import cut_both, scatter
from headgraph.analysis.wiring.diagram import wiring
from headgraph.base.names import GRAPH_PAIRINGS, head_name
from headgraph.pk_engine.table.affinity import AffinityTable
from headgraph.pk_engine.table.selection import Selection

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NAMES = {"pk": "PK", "cs": "CS"}
DRAWN = 20
"""Pairs of each pairing that Fig. 1 draws."""


def wiring_diagrams(source: Source, paper: Mapping[str, Any]) -> Part:
    """Fig. 1: the 20 strongest pairs of each pairing, by PK and by CS."""
    known = {head for heads in paper["known"].values() for head in heads}
    claims: list[Claim] = []
    for metric, printed in paper["diagram"].items():
        touched = _touched(source, metric)
        counts = {
            "heads": ("heads touched", len(touched)),
            "known": ("of them in a class that Fig. 1 draws", len(touched & known)),
            "other": ("of them in no such class", len(touched - known)),
        }
        claims += [
            claim(f"{NAMES[metric]}: {words}", printed[name], number)
            for name, (words, number) in counts.items()
        ]
    drawn = tuple(
        picture(
            f"The {DRAWN} strongest pairs of each pairing by {NAMES[metric]}",
            partial(_wiring, source.graph, metric, DRAWN),
        )
        for metric in paper["diagram"]
    )
    says = (
        "The classes are those that the figure draws, as listed in published.toml. Our label file "
        "has more roles than these.",
        "Our diagram places heads by layer and index; the paper places them freely.",
    )
    return Part("The wiring diagram", "Fig. 1", claims, says, drawn)


def pairs(source: Source, paper: Mapping[str, Any]) -> Part:
    """The strongest pairs, with their scores."""
    table = source.graph
    claims = []
    for one in paper["strongest"]:
        rows = table.frame[table.frame["pairing"] == one["pairing"]]
        named = {
            (head_name(r.source_layer, r.source_head), head_name(r.target_layer, r.target_head)): r
            for r in rows.head(DRAWN).itertuples()
        }
        row = named[one["source"], one["target"]]
        text = f"{one['pairing']} {one['source']} to {one['target']} (ours: rank {row.pk_rank})"
        claims.append(claim(text, one["pk"], float(row.pk)))
    moments = table.meta.moments["OQ"]
    words = {"mean": "mean of the random reference", "sd": "its standard deviation"}
    claims += [claim(words[k], printed, moments[k]) for k, printed in paper["reference"].items()]
    return Part("The strongest pairs and the random reference", "Sections 3 and 5", claims)


def cutoffs(source: Source, paper: Mapping[str, Any]) -> Part:
    """Fig. 5: PK against CS with the cutoffs of the top 3 %."""
    claims = [
        claim(f"{NAMES[metric]} of the last pair in the top 3 %, {pairing}", printed[pairing],
              cut_both(source.graph, pairing, "cs", 3.0).cutoffs[at])
        for at, (metric, printed) in enumerate(paper["cutoffs"].items())
        for pairing in GRAPH_PAIRINGS
    ]  # fmt: skip
    return Part(
        "PK against the composition score",
        "Fig. 5",
        claims,
        figures=(
            picture("Each point is a pair; the lines are the cutoffs",
                    lambda dark: scatter(source.graph, dark=dark)),
        ),
    )  # fmt: skip


def two_layer_model(source: Source, paper: Mapping[str, Any]) -> Part:
    """Fig. 4: where K-composition from previous-token to induction heads stands out.

    The paper's model is not published. Ours is the bundled `induction-2l`, so nothing is judged.
    """
    from headgraph.pk_engine.scoring._compute import compute

    table = compute("induction-2l", metrics=("pk", "cs"), selection=Selection())
    strongest = table.frame[table.frame["pk_rank"] == 1].set_index("pairing")
    says = [
        f"Strongest {pairing} pair: L{row.source_layer:.0f}H{row.source_head:.0f} to "
        f"L{row.target_layer:.0f}H{row.target_head:.0f}, PK {row.pk:.2f}, z {row.z:.0f}."
        for pairing, row in strongest.iterrows()
    ]
    return Part(
        "A two-layer model",
        "Fig. 4",
        [],
        (
            "The paper's model is not published. Ours is the bundled induction-2l, trained by "
            "examples/train_induction.py, so the pictures can only be compared by eye. In the "
            "paper, only OK has strong lines by PK, from the previous-token heads to the induction "
            "head.",
            *says,
        ),
        tuple(
            picture(f"induction-2l by {name}", partial(_wiring, table, metric, None))
            for metric, name in NAMES.items()
        ),
    )


def _wiring(table: AffinityTable, metric: str, per_pairing: int | None, dark: bool) -> "Figure":
    drawn: Figure = wiring(table, per_pairing=per_pairing, metric=metric, dark=dark)
    return drawn


def _touched(source: Source, metric: str) -> set[str]:
    """Names of the heads at either end of the strongest pairs."""
    edges = strongest_pairs(source.graph, DRAWN, metric)
    ends = [edges[[f"{end}_layer", f"{end}_head"]].to_numpy() for end in ("source", "target")]
    return {head_name(int(layer), int(head)) for end in ends for layer, head in end}

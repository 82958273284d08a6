"""What the paper says of the strongest pairs: Fig. 1, Fig. 5 and the scores in its text."""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from headgraph.analysis.figures import strongest_pairs
from headgraph.analysis.reproduction.claims import Claim, Part, claim
from headgraph.analysis.reproduction.drawing import picture
from headgraph.analysis.reproduction.sources import Source
from headgraph.analysis.scatter.figure import cut_both, scatter
from headgraph.analysis.wiring.diagram import wiring
from headgraph.base.names import GRAPH_PAIRINGS, head_name

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NAMES = {"pk": "PK", "cs": "CS"}
DRAWN = 20


def wiring_diagrams(source: Source, paper: Mapping[str, Any]) -> Part:
    """Fig. 1: the 20 strongest pairs of each pairing, by PK and by CS."""
    known = {head for heads in paper["known"].values() for head in heads}
    claims: list[Claim] = []
    for metric, printed in paper["diagram"].items():
        touched = _touched(source, metric)
        found = {
            "heads": len(touched),
            "known": len(touched & known),
            "other": len(touched - known),
        }
        words = {
            "heads": "heads touched",
            "known": "of them in a class that Fig. 1 draws",
            "other": "in none",
        }
        claims += [
            claim(f"{NAMES[metric]}: {words[name]}", printed[name], found[name])
            for name in ("heads", "known", "other")
        ]
    drawn = tuple(
        picture(
            f"The {DRAWN} strongest pairs of each pairing by {NAMES[metric]}",
            partial(_wiring, source, metric),
        )
        for metric in paper["diagram"]
    )
    says = (
        "The classes are those that the figure draws, as listed in published.toml; our label file "
        "has more roles than these.",
        "Ours is laid out by layer and head, the paper's freely.",
    )
    return Part("The wiring diagram", "Fig. 1", claims, says, drawn)


def _wiring(source: Source, metric: str, dark: bool) -> "Figure":
    drawn: Figure = wiring(source.graph, per_pairing=DRAWN, metric=metric, dark=dark)
    return drawn


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
        text = f"{one['pairing']} {one['source']} to {one['target']} (ours: place {row.pk_rank})"
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


def _touched(source: Source, metric: str) -> set[str]:
    """Names of the heads at either end of the strongest pairs."""
    edges = strongest_pairs(source.graph, DRAWN, metric)
    ends = [edges[[f"{end}_layer", f"{end}_head"]].to_numpy() for end in ("source", "target")]
    return {head_name(int(layer), int(head)) for end in ends for layer, head in end}

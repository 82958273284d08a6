"""A small model with induction heads: Fig. 4, on a model of our own."""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from headgraph.analysis.reproduction.claims import Part
from headgraph.analysis.reproduction.drawing import picture
from headgraph.analysis.reproduction.sources import Source
from headgraph.analysis.wiring.diagram import wiring
from headgraph.pk_engine.scoring.selection import Selection
from headgraph.pk_engine.table.affinity import AffinityTable

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def two_layer_model(source: Source, paper: Mapping[str, Any]) -> Part:
    """Fig. 4: where K-composition from previous-token to induction heads stands out.

    The paper's model is not published; ours is the bundled `induction-2l`, so nothing is judged.
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
            "The paper's model is not published. This is the bundled induction-2l, trained by "
            "examples/train_induction.py, so the picture is compared by eye: in the paper only OK "
            "has strong lines by PK, from the previous-token heads to the induction head.",
            *says,
        ),
        tuple(
            picture(f"induction-2l by {name}", partial(_wiring, table, metric))
            for metric, name in (("pk", "PK"), ("cs", "CS"))
        ),
    )


def _wiring(table: AffinityTable, metric: str, dark: bool) -> "Figure":
    drawn: Figure = wiring(table, metric=metric, dark=dark)
    return drawn

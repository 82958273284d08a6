"""The command `headgraph angles`."""

from typing import TYPE_CHECKING

import click

from headgraph.base.terminal import say
from headgraph.pk_engine.options import revision_option, via_option

if TYPE_CHECKING:
    import pandas as pd


@click.command()
@click.argument("model")
@click.argument("source")
@click.argument("target")
@click.option("--pairing", required=True, help="Source role, then target role, such as OK.")
@via_option
@revision_option
def angles(
    model: str, source: str, target: str, pairing: str, via: str, revision: str | None
) -> "pd.DataFrame":
    """List the principal angles between two heads' subspaces, smallest first.

    PK is the sum of the squared cosines; pk_share is the share of PK up to and including this
    angle. SOURCE and TARGET are query heads. With grouped-query attention their key/value heads are
    printed.

    Example: headgraph angles induction-2l L0H7 L1H2 --pairing OK
    """
    from headgraph.base.names import GRAPH_PAIRINGS, canonical_head
    from headgraph.pk_engine.metrics.angles import principal_angles

    frame = principal_angles(model, source, target, pairing, via=via, revision=revision)
    roles = frame.attrs["pairing"]
    heads = [
        f"{role} of {canonical_head(name)}" + ("" if kv is None else f" (key/value head {kv})")
        for role, name, kv in zip(roles, (source, target), frame.attrs["kv_heads"], strict=True)
    ]
    pk = f"PK {frame.attrs['pk']:.3f} of at most {len(frame)}"
    say(f"{' and '.join(heads)}: {pk}")
    if roles in GRAPH_PAIRINGS and (order := _against_the_flow(source, target)):
        say(f"note: {order}")
    return frame


def _against_the_flow(source: str, target: str) -> str | None:
    """A note for a source that is not before the target, with the order to try; else None."""
    from headgraph.base.names import head_key, head_name, not_before, parse_head

    if head_key(source)[0] or head_key(target)[0]:  # parts of an encoder-decoder
        return None
    order = not_before(source, target)
    if order is None:
        return None
    (layer, head), (other, its) = parse_head(source), parse_head(target)
    swapped = f"; try {head_name(other, its)} {head_name(layer, head)}" if layer > other else ""
    flow = "only later layers read what a head writes, so graphs have no such edge"
    return f"{order}: {flow}{swapped}"

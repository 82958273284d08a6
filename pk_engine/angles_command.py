"""The command `headgraph angles`."""

from typing import TYPE_CHECKING

import click

from pk_engine.options import revision_option, via_option

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

    PK is the sum of the squared cosines; pk_share is the part of it that this angle and the smaller
    ones make up. Heads are query heads; with grouped-query attention the key/value head is named.

    Example: headgraph angles induction-2l L0H7 L1H2 --pairing OK
    """
    from pk_engine.angles import principal_angles

    frame = principal_angles(model, source, target, pairing, via=via, revision=revision)
    roles = pairing.strip().upper()
    heads = [
        f"{role} of {name.strip().upper()}" + ("" if kv is None else f" (key/value head {kv})")
        for role, name, kv in zip(roles, (source, target), frame.attrs["kv_heads"], strict=True)
    ]
    pk = f"PK {frame.attrs['pk']:.3f} of at most {len(frame)}"
    click.echo(f"{' and '.join(heads)}: {pk}", err=True)
    return frame

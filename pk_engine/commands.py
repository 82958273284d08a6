"""The engine's command: open the model, score it, write the table."""

import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import click

from pk_engine.options import selection_options, via_option

if TYPE_CHECKING:
    from pk_engine.selection import Selection
    from pk_engine.table import AffinityTable


@click.command()
@click.argument("model")
@click.option("-o", "--output", metavar="FILE", required=True, help="Parquet file to write.")
@click.option("--pairings", default="OQ,OK,OV", show_default=True, help="Roles, or all.")
@click.option("--metrics", default="pk", show_default=True, help="Scores, such as pk,cs,cka.")
@selection_options
@click.option(
    "--kv",
    type=click.Choice(["native", "expand"]),
    help="Key/value heads once, or a row per query head.  [default: native, with cs expand]",
)
@click.option(
    "--layer-order",
    type=click.Choice(["forward", "all", "within"]),
    default="forward",
    show_default=True,
    help="Earlier to later layers, any, or within a layer.",
)
@click.option("--fold-ln", is_flag=True, help="Fold the norm before attention into Q, K and V.")
@click.option("--center-writing", is_flag=True, help="Take the mean from what is written.")
@click.option(
    "--backend",
    type=click.Choice(["auto", "numpy", "torch"]),
    default="auto",
    show_default=True,
    help="Array library.",
)
@click.option("--device", metavar="D", help="cpu, cuda, cuda:N or mps.  [default: the best]")
@click.option(
    "--dtype",
    type=click.Choice(["float32", "float64"]),
    default="float32",
    show_default=True,
    help="Precision of the arithmetic.",
)
@click.option(
    "--memory",
    type=click.FloatRange(min=0, min_open=True),
    default=2.0,
    show_default=True,
    metavar="GB",
    help="For factors; less means more passes over the files.",
)
@via_option
@click.option("--revision", metavar="REV", help="Branch, tag or commit of a hub id.")
@click.option("--name", metavar="NAME", help="What the table calls the model.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of what --null draws.")
@click.option("--samples", type=int, metavar="N", help="How much it draws; see docs/nulls.md.")
@click.option("--force", is_flag=True, help="Replace the output file if it exists.")
def compute(
    model: str,
    output: str,
    pairings: str,
    metrics: str,
    selection: "Selection | None",
    kv: str | None,
    layer_order: str,
    fold_ln: bool,
    center_writing: bool,
    via: str,
    backend: str,
    device: str | None,
    dtype: str,
    memory: float,
    revision: str | None,
    name: str | None,
    seed: int,
    samples: int | None,
    force: bool,
) -> str:
    """Score every pair of heads of MODEL and write the table.

    MODEL is a folder with config.json and safetensors, a hub id, or the bundled induction-2l.
    Without a selection the strongest 3 % of each pairing are kept. A model that is taken in
    several groups of layers can be interrupted: the same command goes on where it was.

    Example: headgraph compute induction-2l --all -o tiny.parquet
    """
    from pk_engine._allocator import keep_freed_memory
    from pk_engine.scores import DEFAULT_SELECTION
    from pk_engine.scores import compute as run
    from pk_engine.table import table_file

    table_file(output, force=force)  # before the work, not after it
    keep_freed_memory()
    with _bar() as progress:
        table = run(
            model,
            pairings=pairings,
            metrics=[metric.strip().lower() for metric in metrics.split(",")],
            selection=DEFAULT_SELECTION if selection is None else selection,
            kv=kv,
            layer_order=layer_order,
            fold_ln=fold_ln,
            center_writing=center_writing,
            via=via,
            backend=backend,
            device=device,
            dtype=dtype,
            memory=memory,
            revision=revision,
            name=name,
            seed=seed,
            samples=samples,
            progress=progress,
            partial=f"{output}.partial",
        )
    path = table.write(output, force=force)
    _report(table)
    return str(path)


def _report(table: "AffinityTable") -> None:
    click.echo(repr(table), err=True)
    if not len(table):
        click.echo("note: no pair passes these rules, so the table is empty", err=True)
    full = min(table.meta.d_model, table.meta.d_head)
    for entry in table.meta.deficient:
        left_out = "; its pairs are left out" if entry["rank"] == 0 else ""
        click.echo(
            f"L{entry['layer']}H{entry['head']}: the {entry['role']} matrix has rank "
            f"{entry['rank']} of {full}{left_out}",
            err=True,
        )


def _bar() -> Any:
    """A progress callback with a bar on a terminal, and None elsewhere."""
    if not sys.stderr.isatty():
        return nullcontext()
    from pk_engine._progress import bar

    return bar()

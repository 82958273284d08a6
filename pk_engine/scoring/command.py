"""`headgraph compute`: score a model and write the table."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headgraph.base.progress import bar_on_terminal
from headgraph.base.terminal import say
from headgraph.pk_engine.models.origin import sentences
from headgraph.pk_engine.options import (
    scoring_options,
    selection_options,
    tower_option,
    via_option,
)
from headgraph.pk_engine.scoring.cluster.options import cluster_client, scheduler_options
from headgraph.pk_engine.scoring.progress import noting

if TYPE_CHECKING:
    from headgraph.pk_engine.table.affinity import AffinityTable
    from headgraph.pk_engine.table.selection import Selection


@click.command()
@click.argument("model")
@click.option("-o", "--output", metavar="FILE", required=True, help="Parquet file to write.")
@scoring_options
@selection_options
@click.option("--fold-ln", is_flag=True, help="Fold the norm before attention into Q, K and V.")
@click.option(
    "--center-writing", is_flag=True, help="Subtract the mean over d_model from what heads write."
)
@via_option
@click.option(
    "--adapter", metavar="ADAPTER", help="Merge in this LoRA adapter: a folder or a hub id."
)
@click.option(
    "--variant", metavar="NAME", help="Read this variant of the weights: fp16 in model.fp16.*."
)
@tower_option
@click.option("--name", metavar="NAME", help="Name of the model in the table.")
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    metavar="N",
    help="Random seed for --null.  [default: 0]",
)
@click.option(
    "--samples",
    type=int,
    metavar="N",
    help="Number of samples for --null; see docs/studies/nulls.md.",
)
@scheduler_options
@click.option(
    "--target-layers",
    metavar="FIRST-LAST",
    help="Score only the pairs into these layers, such as 0-5, and write a part, FILE.part, which "
    "merge joins with the others.",
)
@click.option(
    "--force",
    is_flag=True,
    help="Replace an existing output file, and the .partial file of another compute.",
)
def compute(
    model: str,
    output: str,
    scoring: dict[str, Any],
    selection: "Selection | None",
    fold_ln: bool,
    center_writing: bool,
    via: str,
    adapter: str | None,
    variant: str | None,
    tower: str | None,
    name: str | None,
    seed: int | None,
    samples: int | None,
    scheduler: str | None,
    scheduler_file: str | None,
    target_layers: str | None,
    force: bool,
) -> str:
    """Score every pair of heads of MODEL and write the table.

    MODEL is a folder with config.json and safetensors, a GGUF file, a folder with a LoRA adapter, a
    hub id, or the bundled induction-2l.
    Without a selection, the strongest 3 % of each pairing are kept. If a large model is
    interrupted, the same command resumes where it stopped.

    Example: headgraph compute induction-2l --all -o tiny.parquet
    """
    from headgraph.pk_engine.scoring._compute import compute as run
    from headgraph.pk_engine.scoring.parts import compute_part
    from headgraph.pk_engine.table.affinity import table_file

    options = scoring | {
        "selection": selection, "fold_ln": fold_ln, "center_writing": center_writing, "via": via,
        "adapter": adapter, "variant": variant, "tower": tower, "name": name, "seed": seed,
        "samples": samples, "force": force,
    }  # fmt: skip
    cluster = cluster_client(scheduler, scheduler_file)
    if target_layers is None:  # refuse the name before the work
        table_file(output, force=force or Path(f"{output}.partial").is_file())
    with cluster as client, bar_on_terminal() as bar:
        options |= {"progress": noting(bar), "client": client}
        if target_layers is not None:
            part = str(compute_part(model, target_layers, output, **options))
            say("note: this is a part; headgraph merge joins it with the others")
            return part
        table = run(model, output=output, **options)
    _report(table)
    return str(Path(output))


def _report_decoys(table: "AffinityTable") -> None:
    """Print the decoys of each pairing; of its strongest 3 % if all pairs are there."""
    from headgraph.pk_engine.metrics.decoys import APART, sentence, unmatched, warning
    from headgraph.pk_engine.scoring._compute import DEFAULT_SELECTION

    which = "the pairs kept"
    if not table.meta.selection:
        table, which = table.select(DEFAULT_SELECTION), "the strongest 3 % of pairs"
    decoys = table.meta.decoys.items()
    shares = {name: counted["share"] for name, counted in decoys if counted["share"] is not None}
    none = unmatched(shares, table.columns["pairing"])
    if shares:
        apart = {
            name: [counted[end] for end in APART] for name, counted in decoys if "steps" in counted
        }
        say(sentence(shares, which, apart, none))
    if high := warning(shares, none):
        say(f"note: {high.marked}")


def _report(table: "AffinityTable") -> None:
    say(repr(table))
    for remark in sentences(table.meta.origin):
        say(f"note: {remark}")
    if not len(table):
        say("note: no pair passes these rules, so the table is empty")
    if table.meta.decoys:
        _report_decoys(table)
    for entry in table.meta.deficient:
        left_out = "; its pairs are left out" if entry["rank"] == 0 else ""
        layer, role = table.meta.shape.by_index[entry["layer"]], entry["role"]
        say(
            f"{layer.name}H{entry['head']}: the {role} matrix has rank {entry['rank']} of "
            f"{layer.rank_of(role)}{left_out}",
        )

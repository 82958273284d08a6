"""The command `headgraph verify-edge`."""

from typing import TYPE_CHECKING, Any

import click

from headgraph.analysis.running.options import prompt_options
from headgraph.pk_engine.options import pairings_option, refuse_together

if TYPE_CHECKING:
    from pandas import DataFrame


@click.command("verify-edge")
@click.argument("model")
@click.argument("source", required=False)
@click.argument("target", required=False)
@pairings_option("Which inputs of the target are patched: Q, K, V.", "--pairing")
@click.option("--top", metavar="N", type=int, help="The N strongest pairs of each pairing.")
@click.option("--random", metavar="N", type=int, help="N others of each, drawn with the seed.")
@click.option("--all", "every", is_flag=True, help="All pairs.")
@click.option(
    "--correlate",
    is_flag=True,
    help="Print the rank correlation of PK with the effect, not the edges.",
)
@prompt_options
def verify_edge(model: str, source: str | None, target: str | None, **options: Any) -> "DataFrame":
    """Patch edges of MODEL and print what changes beside their PK.

    What SOURCE writes is replaced in the query, key or value input of TARGET alone; without heads,
    edges are chosen by PK (10 strongest and 10 others of each pairing). PK says what could pass
    between two heads, patching what does on these prompts. effect is KL(unpatched || patched) of
    the predictions in nats per token; local is the change of what TARGET writes, as a share of it.
    Without --prompts, --text-file or --sample the model reads random tokens that come twice.

    Example: headgraph verify-edge induction-2l L0H7 L1H2 --pairing OK
    """
    from headgraph.analysis.patching import verify_edge as verify

    refuse_together(prompts=options["prompts"], text_file=options["text_file"])
    if (source is None) != (target is None):
        raise click.UsageError("one head alone is no edge: give SOURCE and TARGET, L0H7 L1H2")
    asked = options["top"] is not None or options["random"] is not None
    if (source is not None) + asked + options["every"] > 1:
        raise click.UsageError(
            "an edge, --top and --random, and --all are three ways to say which edges: wanted one"
        )
    rows: DataFrame = verify(model, source, target, **options)
    return rows

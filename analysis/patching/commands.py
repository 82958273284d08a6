"""The commands `headgraph verify-edge` and `headgraph figure causality`."""

from typing import TYPE_CHECKING, Any

import click

from headgraph.analysis.options import picture_options, prompt_options, write_picture
from headgraph.pk_engine.options import pairings_option, refuse_together

if TYPE_CHECKING:
    from pandas import DataFrame


@click.command("verify-edge")
@click.argument("model")
@click.argument("source", required=False)
@click.argument("target", required=False)
@pairings_option("Pairings, which name the target's input to patch (Q, K or V).", "--pairing")
@click.option("--top", metavar="N", type=int, help="Patch the N strongest pairs of each pairing.")
@click.option(
    "--random",
    metavar="N",
    type=int,
    help="Patch N other pairs of each pairing, drawn with --seed.",
)
@click.option("--all", "every", is_flag=True, help="Patch all pairs.")
@click.option(
    "--correlate",
    is_flag=True,
    help="Print the rank correlation of PK with the effect instead of the edges.",
)
@prompt_options
def verify_edge(model: str, source: str | None, target: str | None, **options: Any) -> "DataFrame":
    """Patch edges of MODEL and compare the effect with their PK.

    Replace what SOURCE writes in the query, key or value input of TARGET alone. Without heads, PK
    chooses the edges: the 10 strongest and 10 others of each pairing. PK measures what could pass
    between two heads; patching measures what does on these prompts. effect is KL(unpatched ||
    patched) of the predictions in nats per token. local is the change of what TARGET writes, as a
    share of it. Without --prompts, --text-file or --sample, the model reads repeated random tokens.

    Example: headgraph verify-edge induction-2l L0H7 L1H2 --pairing OK
    """
    from headgraph.analysis.patching import verify_edge as verify

    refuse_together(prompts=options["prompts"], text_file=options["text_file"])
    if (source is None) != (target is None):
        raise click.UsageError(
            "expected two heads, got one: give SOURCE and TARGET, such as L0H7 L1H2"
        )
    asked = options["top"] is not None or options["random"] is not None
    if (source is not None) + asked + options["every"] > 1:
        raise click.UsageError(
            "an edge, --top or --random, and --all exclude each other: choose edges in one way"
        )
    rows: DataFrame = verify(model, source, target, **options)
    return rows


@click.command("causality")
@click.argument("files", nargs=-1, required=True)
@click.option(
    "--measure",
    metavar="effect|local|gain",
    default="effect",
    show_default=True,
    help="Measure to draw against PK.",
)
@picture_options
def draw_causality(
    files: tuple[str, ...], measure: str, output: str, dark: bool, force: bool
) -> str:
    """Draw PK against the effect of patching, from rows of verify-edge.

    FILES are the output of headgraph verify-edge --format csv. Each model has a row of panels, each
    pairing a column.

    Example: headgraph figure causality edges.csv -o causality.svg
    """
    from headgraph.analysis.patching.figure import causality as draw

    return write_picture(lambda: draw(files, measure=measure, dark=dark), output, force=force)

"""What scores mean, at the command line: `headgraph figure`."""

import click


@click.group()
def figure() -> None:
    """Draw a picture of a table: SVG, PNG or PDF, all in one style.

    Example: headgraph figure wiring gpt2-small -o wiring.svg
    """


@figure.command()
@click.argument("table", default="gpt2-small")
@click.option(
    "-o", "--output", metavar="FILE", required=True, help="Picture to write: .svg, .png or .pdf."
)
@click.option(
    "--per-pairing",
    metavar="N",
    type=int,
    help="Strongest pairs of each of OQ, OK, OV.  [default: 20, or a third of the heads if fewer]",
)
@click.option("--labels", metavar="FILE|none", help="Head roles; default: those known.")
@click.option(
    "--metric", metavar="pk|cs", default="pk", show_default=True, help="What ranks the pairs."
)
@click.option("--dark", is_flag=True, help="For dark pages.")
@click.option("--force", is_flag=True, help="Replace the output file if it exists.")
def wiring(
    table: str,
    output: str,
    per_pairing: int | None,
    labels: str | None,
    metric: str,
    dark: bool,
    force: bool,
) -> str:
    """Draw the strongest pairs of TABLE as lines between its heads.

    TABLE is a file that compute wrote; without one it is the bundled gpt2-small. Layers go up, head
    indices to the right; a line enters a head at the left as query, in the middle as key, at the
    right as value. At most 500 lines are drawn.

    Example: headgraph figure wiring t.parquet -o wiring.svg --per-pairing 10
    """
    from analysis.figures import picture_path, save
    from analysis.figures import wiring as draw
    from pk_engine.bundled import table_path
    from pk_engine.table import AffinityTable

    picture_path(output, force=force)  # before the work, not after it
    scores = AffinityTable.read(table_path(table))
    picture = draw(scores, per_pairing=per_pairing, labels=labels, metric=metric, dark=dark)
    return str(save(picture, output, force=force))

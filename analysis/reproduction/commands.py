"""The command `headgraph reproduce`."""

from typing import TYPE_CHECKING

import click

from headgraph.base.terminal import say
from headgraph.pk_engine.options import revision_option

if TYPE_CHECKING:
    import pandas as pd


@click.command()
@click.argument("model", default="gpt2-small")
@click.option(
    "-o", "--output", metavar="FILE", required=True, help="Page to write, ending in .html."
)
@revision_option
@click.option("--force", is_flag=True, help="Replace an existing output file.")
def reproduce(model: str, output: str, revision: str | None, force: bool) -> "pd.DataFrame":
    """Write a page with the paper's tables and figures for GPT-2 small beside ours.

    MODEL is GPT-2 small's folder or hub id. Without MODEL, the bundled table is used, which has the
    scores of OQ, OK and OV only. The page is self-contained. The compared rows are also printed.

    Example: headgraph reproduce openai-community/gpt2 -o reproduction.html
    """
    from headgraph.analysis._files import page_path
    from headgraph.analysis.reproduction._reproduce import reproduce as run

    page_path(output, force=force)  # before the work, not after it
    report = run(model, revision=revision)
    path = report.write(output, force=force)
    say(path)
    return report.frame()

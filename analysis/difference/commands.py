"""The commands `headgraph diff` and `headgraph figure difference`."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from headgraph.analysis.options import labels_option, picture_options, write_picture
from headgraph.base.terminal import say
from headgraph.base.text import json_text

if TYPE_CHECKING:
    import pandas as pd

    from headgraph.analysis.difference import Difference

Command = TypeVar("Command", bound=Callable[..., object])


def _tables(command: Command) -> Command:
    """Add the arguments A and B, and `--by`."""
    options = (
        click.argument("before", metavar="A"),
        click.argument("after", metavar="B"),
        click.option("--by", metavar="pk|z|rank", default="pk", show_default=True,
                     help="Score whose largest differences come first."),
    )  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


@click.command("diff")
@_tables
@click.option(
    "--limit",
    metavar="N",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    help="Most rows to list.",
)
@click.option("--heads", is_flag=True, help="List the heads whose copying changed instead.")
@click.option(
    "--graph", "as_graph", is_flag=True, help="Print all changed pairs as nodes and links in JSON."
)
@click.option("--view", "page", metavar="FILE", help="Write a page to explore the changed pairs.")
@labels_option(words="With --view, head roles.")
@click.option("--force", is_flag=True, help="With --view, replace an existing file.")
def diff(
    before: str,
    after: str,
    by: str,
    limit: int,
    heads: bool,
    as_graph: bool,
    page: str | None,
    labels: str | None,
    force: bool,
) -> Any:
    """List the pairs whose PK differs between table A and table B, the largest difference first.

    A and B are files that compute wrote, or bundled tables, of one shape and with the same options.
    Heads correspond by layer and index, so compare versions of one model, such as two checkpoints.
    Differences that rounding can explain do not count. A table that kept only its strongest pairs
    lacks those below its cutoff. A pair that only one table has counts as gained or lost if it is
    above the cutoff of the other. Otherwise it is undecided. No database is needed.

    Example: headgraph diff before.parquet after.parquet
    """
    from headgraph.analysis._files import page_path
    from headgraph.analysis.difference import diff as run

    _check_options(heads, as_graph, page, labels, force)
    if page is not None:
        page_path(page, force=force)  # before the work, not after it
    found = run(before, after, by=by)
    drawn = None if page is None else found.page(labels=labels)  # refuse labels before a word
    for sentence in found.sentences():
        say(sentence)
    if page is not None and drawn is not None:
        return str(drawn.write(page, force=force))
    if as_graph:
        return json_text(found.graph(), indent=2)
    return _heads(found, limit) if heads else _pairs(found, limit)


@click.command("difference")
@_tables
@click.option(
    "--most",
    metavar="N",
    type=int,
    default=60,
    show_default=True,
    help="Draw the N pairs that changed most.",
)
@picture_options
def draw_difference(
    before: str, after: str, by: str, most: int, output: str, dark: bool, force: bool
) -> str:
    """Draw the pairs gained, lost, stronger and weaker from table A to table B.

    A and B are as for headgraph diff.

    Example: headgraph figure difference before.parquet after.parquet -o difference.svg
    """
    from headgraph.analysis.difference.figure import difference_figure

    return write_picture(
        lambda: difference_figure(before, after, by=by, most=most, dark=dark), output, force=force
    )


def _check_options(
    heads: bool, as_graph: bool, page: str | None, labels: str | None, force: bool
) -> None:
    if sum((heads, as_graph, page is not None)) > 1:
        raise click.UsageError("--heads, --graph and --view exclude each other: give one of them")
    if page is None and (labels is not None or force):
        raise click.UsageError("--labels and --force require --view FILE")


def _pairs(found: "Difference", limit: int) -> "pd.DataFrame":
    rows = found.rows(limit)
    rows.attrs["no_rows"] = found.nothing()
    _say_cut(len(rows), len(found.pairs), "changed pairs")
    return rows


def _heads(found: "Difference", limit: int) -> "pd.DataFrame":
    rows = found.heads.head(limit)
    rows.attrs["no_rows"] = found.no_heads()
    _say_cut(len(rows), len(found.heads), "changed heads")
    return rows


def _say_cut(listed: int, every: int, what: str) -> None:
    if listed < every:
        say(f"{listed:,} of {every:,} {what} are listed: use --limit for more")

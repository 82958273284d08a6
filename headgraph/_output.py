"""Printing the answers of commands on stdout, in one format for all that list rows.

A table is for reading, so control characters in it are escaped. JSON has its own escapes, which
read back exactly. CSV has none: its cells are exact in a file or a pipe, and escaped on a
terminal.
"""

import csv
import io
import shutil
import sys
from typing import TYPE_CHECKING, Any

import click

from headgraph.base.spelling import Message
from headgraph.base.terminal import say, show
from headgraph.base.text import json_text

if TYPE_CHECKING:
    import pandas as pd

FORMATS = ("table", "json", "jsonl", "csv")


def format_option() -> click.Option:
    """The option `--format` of the commands that list rows."""
    return click.Option(
        ["--format", "format_"],
        type=click.Choice(FORMATS),
        default="table",
        show_default=True,
        expose_value=False,
        callback=_remember,
        help="Output format of the rows.",
    )


def _remember(ctx: click.Context, param: click.Parameter, value: str) -> None:
    ctx.find_root().meta["headgraph.format"] = value


def emit(answer: Any) -> None:
    """Print what a command returned: nothing, text, or rows in the chosen format.

    Notes in `attrs` follow on stderr: on edges that a limit left out, and on cut runs.
    """
    if answer is None:
        return
    if isinstance(answer, str):
        show(answer)
        return
    format_ = click.get_current_context().find_root().meta.get("headgraph.format", "table")
    {"table": _table, "json": _json, "jsonl": _jsonl, "csv": _csv}[format_](answer)
    if answer.empty:
        say(_nothing(answer))
    for name in ("limited", "cut"):
        if note := answer.attrs.get(name):
            say(Message(note).marked)


def _json(rows: "pd.DataFrame") -> None:
    from headgraph._cells import records

    show(json_text(records(rows), indent=2))


def _jsonl(rows: "pd.DataFrame") -> None:
    from headgraph._cells import records

    for record in records(rows):
        show(json_text(record))


def _csv(rows: "pd.DataFrame") -> None:
    from headgraph._cells import records

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(rows.columns)
    for record in records(rows):
        writer.writerow([_cell_for_csv(value) for value in record.values()])
    if sys.stdout.isatty():
        show(text.getvalue(), nl=False)
    else:
        click.echo(text.getvalue(), nl=False)


def _cell_for_csv(value: Any) -> Any:
    return json_text(value) if isinstance(value, list | dict) else value


def _table(rows: "pd.DataFrame") -> None:
    from headgraph._cells import column
    from headgraph._layout import lay_out

    columns = [column(str(name), rows[name].array) for name in rows.columns]
    # a pipe gets all columns in full; a terminal gets what fits
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for line in lay_out(columns, width):
        show(line)


def _nothing(rows: "pd.DataFrame") -> str:
    """A note that there are no rows, with the reason, or when this is a valid answer."""
    if why := rows.attrs.get("no_rows"):
        return f"no rows: {Message(why).marked}"
    when = rows.attrs.get("may_be_empty")
    return f"no rows: that is an answer {when}" if when else "no rows"

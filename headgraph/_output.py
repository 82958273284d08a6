"""How the answers of commands are printed: data on stdout, one format for whatever lists."""

import json
import sys
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    import pandas as pd

FORMATS = ("table", "json", "jsonl", "csv")


def add_format(command: click.Command) -> click.Command:
    """Give a command that lists something the option `--format`, once."""
    if any(param.name == "format_" for param in command.params):
        return command
    option = click.Option(
        ["--format", "format_"],
        type=click.Choice(FORMATS),
        default="table",
        show_default=True,
        expose_value=False,
        callback=_remember,
        help="How rows are printed.",
    )
    command.params.append(option)
    return command


def _remember(ctx: click.Context, param: click.Parameter, value: str) -> None:
    ctx.find_root().meta["headgraph.format"] = value


def emit(answer: Any) -> None:
    """Print what a command returned: nothing, text, or rows in the format asked for."""
    if answer is None:
        return
    if isinstance(answer, str):
        click.echo(answer)
        return
    format_ = click.get_current_context().find_root().meta.get("headgraph.format", "table")
    {"table": _table, "json": _json, "jsonl": _jsonl, "csv": _csv}[format_](answer)
    if answer.empty:
        click.echo(_nothing(answer), err=True)


def _records(rows: "pd.DataFrame") -> list[dict[str, Any]]:
    # through pandas' JSON, which turns NumPy numbers and NaN into what JSON has
    records: list[dict[str, Any]] = json.loads(rows.to_json(orient="records", double_precision=15))
    return records


def _json(rows: "pd.DataFrame") -> None:
    click.echo(json.dumps(_records(rows), ensure_ascii=False, indent=2))


def _jsonl(rows: "pd.DataFrame") -> None:
    for record in _records(rows):
        click.echo(json.dumps(record, ensure_ascii=False))


def _csv(rows: "pd.DataFrame") -> None:
    click.echo(rows.map(_cell_for_csv).to_csv(index=False, lineterminator="\n"), nl=False)


def _cell_for_csv(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value


def _table(rows: "pd.DataFrame") -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    # a pipe gets all columns in full; a terminal gets what fits
    width = None if sys.stdout.isatty() else 10_000
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name in rows.columns:
        number = rows[name].dtype.kind in "if"
        table.add_column(str(name), justify="right" if number else "left", overflow="fold")
    for row in rows.itertuples(index=False):
        table.add_row(*(_cell(value) for value in row))
    Console(width=width, highlight=False, markup=False).print(table)


def _nothing(rows: "pd.DataFrame") -> str:
    """That there are no rows, and when that is an answer, where the question says so."""
    when = rows.attrs.get("may_be_empty")
    return f"no rows: that is an answer {when}" if when else "no rows"


def _cell(value: Any) -> str:
    if value is None or value != value:  # NaN is what pandas makes of nothing
        return ""
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1000 else f"{value:,.1f}"
    if isinstance(value, list):
        return ", ".join(_cell(item) for item in value)
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    return str(value)

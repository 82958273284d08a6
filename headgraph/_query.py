"""`headgraph query`: the command of `queries`, with a page to explore and help on each query.

`--graph --html FILE` needs `queries` and `analysis`. Rooms beside each other do not import each
other, so the command is composed here.
"""

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click
from rich_click import RichCommand

from headgraph._compose import extended
from headgraph.queries.answers.command import query as asked

if TYPE_CHECKING:
    from pathlib import Path

_ASKED = "headgraph.query"


class QueryCommand(RichCommand):
    """The command whose `NAME --help` explains the stored query NAME."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the line twice, because click runs `--help` before it has NAME."""
        given, _, _ = self.make_parser(ctx).parse_args([*args])
        if isinstance(name := given.get("name"), str):
            ctx.meta[_ASKED] = name
        return super().parse_args(ctx, args)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Explain the query of the line, or the command."""
        if (name := ctx.meta.get(_ASKED)) is None:
            super().format_help(ctx, formatter)
            return
        from headgraph.queries.stored_queries.library import get

        write_help(get(name), formatter)


def _query(html: str | None, force: bool, as_graph: bool, **options: Any) -> "str | Path | Any":
    callback: Any = asked.callback
    if html is None:
        if force:
            raise click.UsageError("--force requires --html FILE")
        return callback(as_graph=as_graph, **options)
    if not as_graph or options["name"] is None:
        raise click.UsageError(
            "--html requires a query and --graph: headgraph query NAME --graph --html FILE"
        )
    from headgraph.analysis._files import page_path
    from headgraph.analysis.view import view_answer

    page_path(html, force=force)  # before the work, not after it
    answer = json.loads(callback(as_graph=True, **options))
    return str(view_answer(answer).write(html, force=force))


def _params() -> list[click.Parameter]:
    html = click.Option(
        ["--html"], metavar="FILE", help="With --graph, write a page to explore instead of JSON."
    )
    force = click.Option(["--force"], is_flag=True, help="With --html, replace an existing file.")
    after = [param.name for param in asked.params].index("as_graph") + 1
    return [*asked.params[:after], html, force, *asked.params[after:]]


query = extended(asked, QueryCommand, callback=_query, params=_params())


if TYPE_CHECKING:
    from headgraph.queries.stored_queries.query import Param, Query


def write_help(query: "Query", formatter: Any) -> None:
    """Write the help of a stored query: description, parameters, columns and an example.

    Args:
        query: the query.
        formatter: rich_click's, so that all help looks the same.
    """
    formatter.write_usage(f"headgraph query {query.name}", "[OPTIONS]")
    formatter.write(_text(query))
    params = [(_option(it), it.type, it.text, _default(it)) for it in query.params.values()]
    formatter.write(_panel("Parameters", params, formatter))
    columns = [(column.name, column.type, column.text) for column in query.columns]
    formatter.write(_panel("Columns", columns, formatter))


def _text(query: "Query") -> Any:
    from rich.padding import Padding
    from rich.text import Text

    paragraphs = [f"{query.title}. {query.description}"]
    if query.graph_columns:
        paragraphs.append("Columns of type graph are drawn with --graph, and are not listed.")
    if query.may_be_empty:
        paragraphs.append(f"No rows are a valid answer {query.may_be_empty}.")
    paragraphs.append(
        f"Options: headgraph query --help\nExample: {query.example_line}",
    )
    return Padding(Text("\n\n".join(paragraphs)), (0, 1, 1, 1))


def _panel(title: str, rows: Iterable[tuple[str, ...]], formatter: Any) -> Any:
    from rich.panel import Panel
    from rich.table import Table
    from rich.text import Text

    config = formatter.config
    styles = [config.style_option, config.style_metavar, "", config.style_option_default]
    table = Table(box=None, show_header=False, expand=True, pad_edge=False, padding=(0, 2, 0, 0))
    for row in rows:
        table.add_row(*(Text(cell, style) for cell, style in zip(row, styles, strict=False)))
    return Panel(
        table, title=title, title_align="left", border_style=config.style_options_panel_border
    )


def _option(param: "Param") -> str:
    return "--run" if param.name == "run" else f"-p {param.name}="


def _default(param: "Param") -> str:
    if param.name == "run" and param.required:
        return "[default: the only run]"
    if param.required:
        return "[required]"
    if param.default is None:
        return ""
    return f"[default: {_value(param.default)}]"


def _value(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(_value, value))
    return value if isinstance(value, str) else json.dumps(value)

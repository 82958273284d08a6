"""What `headgraph query NAME --help` prints."""

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headgraph.queries.stored.query import Param, Query


def write_help(query: "Query", formatter: Any) -> None:
    """Write what a stored query answers, its parameters, its columns and an example.

    Args:
        query: the query.
        formatter: of rich_click, so that this help looks like all other.
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
        paragraphs.append(f"No rows are an answer {query.may_be_empty}.")
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

"""`headgraph query`: the command of `queries`, with a page to explore and help on each query.

`--graph --html FILE` needs `queries` and `analysis`; rooms beside each other do not import each
other, so the command is composed here.
"""

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
        """Read the line twice: `--help` runs before click hands over NAME."""
        given, _, _ = self.make_parser(ctx).parse_args([*args])
        if isinstance(name := given.get("name"), str):
            ctx.meta[_ASKED] = name
        return super().parse_args(ctx, args)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Explain the query that the line names, or the command."""
        if (name := ctx.meta.get(_ASKED)) is None:
            super().format_help(ctx, formatter)
            return
        from headgraph._query_help import write_help
        from headgraph.queries.stored.library import get

        write_help(get(name), formatter)


def _query(html: str | None, force: bool, as_graph: bool, **options: Any) -> "str | Path | Any":
    import json

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

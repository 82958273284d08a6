"""`headgraph query --graph --html FILE`: the room that asks and the one that draws, joined here.

Rooms beside each other do not know each other, so `queries` cannot write the page itself.
"""

from typing import TYPE_CHECKING, Any

import click

from headgraph.queries.commands import query

if TYPE_CHECKING:
    from pathlib import Path

FORCE = click.Option(["--force"], is_flag=True, help="With --html: replace the file if it exists.")
HTML = click.Option(
    ["--html"], metavar="FILE", help="With --graph: a page to explore, in place of the JSON."
)


def _asked(html: str | None, force: bool, as_graph: bool, **options: Any) -> "str | Path | Any":
    import json

    if html is None:
        if force:
            raise click.UsageError("--force belongs to --html FILE")
        return _query(as_graph=as_graph, **options)
    if not as_graph or options["name"] is None:
        raise click.UsageError(
            "--html is a page of a query's graph: headgraph query NAME --graph --html FILE"
        )
    from headgraph.analysis._files import page_path
    from headgraph.analysis.view import view_answer

    page_path(html, force=force)  # before the work, not after it
    answer = json.loads(_query(as_graph=True, **options))
    return str(view_answer(answer).write(html, force=force))


_query: Any = query.callback
if HTML not in query.params:
    query.params[-5:-5] = [HTML, FORCE]
    query.callback = _asked

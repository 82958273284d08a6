"""`headgraph browser`: Neo4j Browser with a query typed in, or with favourites and colours."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from headgraph.base.terminal import say
from headgraph.graphdb.options import deferred_connection_options
from headgraph.queries.options import query_options, values_of

if TYPE_CHECKING:
    from headgraph.graphdb.connection.graph import Graph

Connect = Callable[[], "Graph"]

NOT_SERVED = (
    "this server runs without the page that gives Browser its favourites and colours: run "
    "headgraph server stop, then headgraph server start"
)
ELSEWHERE = (
    "favourites and colours come into this Browser as files: headgraph browser --kit DIR writes "
    "them, with a guide"
)
OLDER = (
    "run {run} was loaded by an older headgraph: hubs, overview and other favourites that read "
    "sums find nothing in it until headgraph drop {run} and another load of its table"
)


@click.command()
@click.argument("name", metavar="[QUERY]", required=False)
@query_options
@click.option(
    "--kit",
    metavar="DIR",
    help="Write favourites and styles for any Browser to DIR instead of opening one.",
)
@click.option("--force", is_flag=True, help="With --kit, replace existing files.")
@click.option(
    "--browser-url", metavar="URL", help="Address of Browser, if it is not at the database's host."
)
@click.option("--print", "only_print", is_flag=True, help="Print the link without opening it.")
@deferred_connection_options
def browser(
    name: str | None,
    run: str | None,
    params: tuple[str, ...],
    kit: str | None,
    force: bool,
    browser_url: str | None,
    only_print: bool,
    connect: Connect,
) -> str:
    """Open Neo4j Browser with a stored query typed in, or with all of them as favourites.

    A page of the local server offers to add favourites and colours, and to let Browser draw only
    the edges of an answer. With QUERY, the page appears at the first use for each run. Without
    QUERY, it covers --run RUN or every run. Your own favourites and styles stay. --kit DIR writes
    files for a Browser elsewhere.

    Example: headgraph browser hubs --run gpt2-small
    """
    if name is None and params:
        raise click.UsageError("-p requires a query: headgraph browser QUERY -p NAME=VALUE")
    if kit is None:
        if force:
            raise click.UsageError("--force requires --kit DIR")
        if name is None:
            link = _favourites_link(run, browser_url, connect)
        else:
            link = _query_link(name, run, params, browser_url, connect)
        return _opened(link, only_print)
    if name is not None or browser_url or only_print:
        raise click.UsageError("--kit excludes QUERY, --browser-url and --print: leave them out")
    return _kit(kit, run, force, connect)


def _kit(folder: str, run: str | None, force: bool, connect: Connect) -> str:
    from headgraph.queries.browser.files import kit_paths, write_kit

    kit_paths(folder, force=force)  # before the database is read, not after it
    runs = _runs_of_kit(run, connect)
    files = write_kit(folder, runs, force=force)
    say(f"open {files[0].name} for the steps to follow")
    return "\n".join(map(str, files))


def _runs_of_kit(run: str | None, connect: Connect) -> list[str]:
    """The runs of the kit; a named run is not looked up where no database answers."""
    from headgraph.graphdb.errors import GraphError

    try:
        with connect() as graph:
            return _runs(run, graph)
    except GraphError as error:
        if run is None:
            raise
        say(f"note: run {run} was not checked ({error.message.marked})")
        return [run]


def _query_link(
    name: str, run: str | None, params: tuple[str, ...], browser_url: str | None, connect: Connect
) -> str:
    from headgraph import queries
    from headgraph.queries.answers.names import check_names
    from headgraph.queries.answers.runs import complete_runs
    from headgraph.queries.browser.setup_page import is_served, kit_link
    from headgraph.queries.stored_queries.library import get
    from headgraph.queries.stored_queries.values import given_values

    values = values_of(name, params)
    run = _run_for_text(name, run, connect)
    text = queries.filled(name, run=run, **values)
    with connect() as graph:
        given = {**given_values(get(name), values), "run": run}
        check_names(get(name), given, graph, complete_runs(graph))
        link, served_by = _link(graph, browser_url, text)
        if served_by is None or not is_served(served_by):
            return link
        return kit_link(link, [run] if run else [], every=False, once=True)


def _favourites_link(run: str | None, browser_url: str | None, connect: Connect) -> str:
    from headgraph.queries.browser.setup_page import is_served, kit_link

    with connect() as graph:
        link, served_by = _link(graph, browser_url)
        if served_by is None:
            say(ELSEWHERE)
            return link
        if not is_served(served_by):
            say(NOT_SERVED)
            return link
        return kit_link(link, _runs(run, graph, none=True), every=run is None)


def _link(
    graph: "Graph", browser_url: str | None, text: str | None = None
) -> tuple[str, str | None]:
    """The link, and Browser's address where it belongs to the local server."""
    from headgraph.queries.browser.link import browser_link, find_browser

    to = graph.settings
    base, local = (browser_url, False) if browser_url else find_browser(to.uri)
    password = "headgraph server status --show-password" if local else "the database's own"
    say(f"user: {to.user}; password: {password}")
    link = browser_link(base, uri=to.uri, user=to.user, database=to.database, cypher=text)
    return link, base if local else None


def _opened(link: str, only_print: bool) -> str:
    from headgraph.base.terminal import can_open

    if not only_print and can_open():
        click.launch(link)
    return link


def _runs(run: str | None, graph: "Graph", *, none: bool = False) -> list[str]:
    """The named run, or all runs; an empty database is an error unless `none` is true."""
    from headgraph.graphdb.runs import chosen_run
    from headgraph.queries.answers.runs import complete_runs, without_sums

    runs = complete_runs(graph)
    if run is not None:
        chosen_run(run, runs)
    names = [run] if run is not None else list(runs)
    for old in without_sums(names, runs):
        say(OLDER.format(run=old))
    return names if names or none else [chosen_run(None, runs)]


def _run_for_text(name: str, run: str | None, connect: Connect) -> str | None:
    """The run to fill in; the database is read only where none is given."""
    from headgraph.queries.answers.runner import choose_run
    from headgraph.queries.stored_queries.library import get

    stored = get(name)
    if run is not None or not stored.params["run"].required:
        return run
    with connect() as graph:
        return choose_run(stored, run, graph)

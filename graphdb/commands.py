"""`headgraph server`: the local Neo4j server. `headgraph schema`: the graph in words."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import click

from headgraph.base.terminal import say, show

if TYPE_CHECKING:
    from headgraph.graphdb.server import RunningServer


@click.group()
def server() -> None:
    """Run a local Neo4j on this machine: start, stop, status, logs.

    Example: headgraph server start
    """


@server.command()
@click.option(
    "--recover",
    is_flag=True,
    help="If the transaction log is damaged, cut off what cannot be read.",
)
def start(recover: bool, pages: Callable[[], Mapping[str, bytes]] = dict) -> str:
    """Start the local server, or print the address of the one that runs.

    The first start fetches Neo4j (123 MB) into your cache folder and makes a password.

    Example: headgraph server start
    """
    import headgraph.graphdb.server as local
    from headgraph.base.progress import bar_or_lines

    with bar_or_lines() as progress:
        running = local.start(progress=progress, pages=pages(), recover=recover)
    for note in running.notes:
        say(f"note: {note.marked}")
    return _summary(running)


@server.command()
def stop() -> str:
    """Stop the local server, and keep the data.

    Example: headgraph server stop
    """
    import headgraph.graphdb.server as local

    return "stopped" if local.stop() else "no local server was running"


@server.command()
@click.option("--show-password", is_flag=True, help="Print the password and nothing else.")
def status(show_password: bool) -> str:
    """Print the address of the local server, and how to get its password.

    The exit code is 3 if no server is running.

    Example: headgraph server status
    """
    import headgraph.graphdb.server as local
    from headgraph.graphdb.errors import NotReachable
    from headgraph.graphdb.server.running_server import coming_up

    running = local.running()
    if running is None:
        home = local.ServerHome.default()
        if (pid := coming_up(home)) is not None:
            raise NotReachable(
                f"the local server (process {pid}, folder {home.path}) is still starting: run "
                "headgraph server start, which waits for it"
            )
        raise NotReachable(
            f"no local server is running (its folder is {home.path}): run headgraph server start"
        )
    return running.password() if show_password else _summary(running)


@server.command()
@click.option(
    "-n",
    "--lines",
    type=click.IntRange(min=0),
    default=50,
    show_default=True,
    help="Number of lines to print.",
)
@click.option(
    "--follow", is_flag=True, help="Print new lines as they are written; stop with Ctrl-C."
)
def logs(lines: int, follow: bool) -> str | None:
    """Print the last lines of the local server's log.

    Example: headgraph server logs -n 20
    """
    from headgraph.graphdb.errors import ServerError
    from headgraph.graphdb.server import ServerHome
    from headgraph.graphdb.server.home import logs as log

    home = ServerHome.default()
    if not home.log.exists() and not home.console.exists():
        raise ServerError(f"no log in {home.log.parent} yet: run headgraph server start")
    last = "\n".join(log.recent(home, lines))
    if not follow:
        return last
    show(last)
    for line in log.follow(home.log):
        show(line)
    return None


@click.command()
def schema() -> str:
    """Print the graph's schema: labels, relationships, properties, conventions and examples.

    The text is for a person, or for a language model that writes Cypher. No database is needed.

    Example: headgraph schema
    """
    from headgraph.graphdb.description import schema_text

    return f"{schema_text()}\n\nRun a statement with: headgraph cypher 'STATEMENT' --run NAME"


def _summary(running: "RunningServer") -> str:
    rows = {
        "address": running.bolt_uri,
        "browser": running.browser_url,
        "user": running.user,
        "password": "headgraph server status --show-password",
        "version": f"Neo4j {running.version}",
        "process": str(running.pid),
        "home": str(running.home),
    }
    return "\n".join(f"{name:<9} {value}" for name, value in rows.items())

"""Whether the database serves, which a server that answers at its ports does not say.

Neo4j starts without a database whose files it cannot use, and goes on without one that it gave up:
each statement is then refused.
"""

import re
from dataclasses import replace
from datetime import UTC, datetime

from headgraph.base.text import quoted
from headgraph.graphdb.errors import AuthRefused, GraphError, ServerError
from headgraph.graphdb.server.home import ServerHome
from headgraph.graphdb.server.logs import since
from headgraph.graphdb.server.running_server import described
from headgraph.graphdb.server.state import State
from headgraph.graphdb.server.store_exchange import PARTS

ANSWER_S = 60.0  # seconds that a database which serves may take for a row
_UNREADABLE = "internal.dbms.tx_log.fail_on_corrupted_log_files=false"  # the log names the way out
_CAUSE = re.compile(r"Caused by: [\w.$]+: (.+)")
_CUT_OFF = "corrupted-neostore.transaction.db"  # folder where Neo4j keeps what it cut off, as zips
_CUT = re.compile(
    r"Fail to recover database\.(?: Highest recovered transaction id:\d+, committed at:(\d+))?"
)


def problem(home: ServerHome, state: State) -> str | None:
    """What the database answers in place of a row; None where it serves.

    Raises:
        ServerError: the server refuses the password that the home has.
    """
    from headgraph.graphdb.graph import Graph

    # without a home: the server's own words, not what helps
    settings = replace(described(home, state).settings(), home=None)
    with Graph(settings) as graph:
        try:
            graph.command("RETURN 1", timeout=ANSWER_S)
        except AuthRefused as error:
            raise ServerError(
                f"the local server refuses the password in {home.password_file}: put the one that "
                "it has now into that file"
            ) from error
        except GraphError as error:
            return str(error)
    return None


def refuse_dead(home: ServerHome, state: State) -> None:
    """Raise ServerError where the database of a server that is up does not serve."""
    if said := problem(home, state):
        raise ServerError(
            f"the local server (process {state.pid}) runs but its database does not serve: "
            f"{quoted(said, 120)}; run headgraph server stop, then headgraph server start"
        )


def refuse_unavailable(home: ServerHome, state: State, before: int) -> None:
    """Raise ServerError where the database of a server that was just started does not serve.

    Args:
        home: of the server.
        state: of its process.
        before: bytes that the debug log had before this start.
    """
    said = problem(home, state)
    if said is None:
        return
    log = since(home.debug_log, before)
    if _UNREADABLE in log:
        raise ServerError(
            "the database does not start: its transaction log cannot be read to the end, as after "
            "a full disk. See that the disk has space, then run headgraph server start --recover: "
            "it goes on from the last change that can be read, and says what it cut off"
        )
    cause = ([*_CAUSE.findall(log)] or [said])[-1]
    raise ServerError(
        f"the server starts but its database does not: {quoted(cause, 120)}; see the file "
        f"{home.debug_log}"
    )


def cut_off(home: ServerHome, before: int) -> str:
    """What a recovering start cut off, in a sentence.

    Args:
        home: of the server.
        before: bytes that the debug log had before this start.
    """
    found = _CUT.search(since(home.debug_log, before))
    if found is None:
        return "the transaction log could be read to its end: nothing was cut off"
    time = found[1] and datetime.fromtimestamp(int(found[1]) / 1000, UTC)
    last = f"of {time.isoformat(' ', 'seconds')}" if time else "from before the last stop"
    return (
        f"the last change that could be read is {last}; what came after it was cut off, and is "
        f"kept in {home.data / PARTS[0] / _CUT_OFF}: see with headgraph runs what is there"
    )

"""The server of a home: the running one, or a process that is still starting."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from headgraph.base.spelling import Message
from headgraph.graphdb.connection.address import LOCAL, LOCAL_HOSTS, Settings
from headgraph.graphdb.server import process
from headgraph.graphdb.server.home.folder import (
    SPACE_TO_WRITE,
    AnyHome,
    ServerHome,
    refuse_full_disk,
    stated,
)
from headgraph.graphdb.server.home.state import USER, State, read_password, read_state
from headgraph.graphdb.server.ports import LOOPBACK


@dataclass(frozen=True, kw_only=True)
class RunningServer:
    """A local server that answers. Holds no secret: the password stays in its file.

    Attributes:
        bolt_uri: for drivers, such as bolt://127.0.0.1:7687.
        browser_url: of Neo4j Browser, such as http://127.0.0.1:7474/browser/.
        user: user name.
        password_file: file of mode 0600 with the password.
        pid: process number.
        version: of Neo4j.
        home: folder with data, logs and password.
        notes: notes of the start, such as what a recovery cut off.
    """

    bolt_uri: str
    browser_url: str
    user: str
    password_file: Path
    pid: int
    version: str
    home: Path
    notes: tuple[Message, ...] = ()

    def password(self) -> str:
        """Read the password from its file.

        Raises:
            ServerError: the file cannot be read.
        """
        return read_password(self.password_file)

    def settings(self) -> Settings:
        """Address and credentials, for `graphdb.connect(settings=...)`.

        Raises:
            ServerError: the password cannot be read.
        """
        return Settings(
            uri=self.bolt_uri,
            user=self.user,
            password=self.password(),
            origin=LOCAL,
            home=self.home,
        )


def current(home: ServerHome) -> State | None:
    """The recorded state, if its process runs and has been ready; otherwise None."""
    state = read_state(home)
    if state is None or not state.ready or not process.is_ours(state.pid, home):
        return None
    return state


def running(home: AnyHome = None) -> RunningServer | None:
    """The server of this home, if it runs and has been ready; otherwise None.

    Raises:
        ServerError: the home cannot be read.
    """
    home = ServerHome.of(home)
    with stated("look for the local server", home.path):
        state = current(home)
        return None if state is None else described(home, state)


def coming_up(home: ServerHome) -> int | None:
    """The process number of a server that is still starting; otherwise None."""
    return pid_of(home) if current(home) is None else None


def described(home: ServerHome, state: State) -> RunningServer:
    """The server of this home, with the ports and the process of the state."""
    return RunningServer(
        bolt_uri=f"bolt://{LOOPBACK}:{state.bolt}",
        browser_url=f"http://{LOOPBACK}:{state.http}/browser/",
        user=USER,
        password_file=home.password_file,
        pid=state.pid,
        version=state.version,
        home=home.path,
    )


def home_of(settings: Settings) -> ServerHome | None:
    """The home of the local server at this address; None for another database."""
    if settings.home is not None:
        return ServerHome(settings.home)
    home = ServerHome.default()
    state, address = read_state(home), urlsplit(settings.uri)
    if state is None or address.hostname not in LOCAL_HOSTS or address.port != state.bolt:
        return None
    return home if process.is_ours(state.pid, home) else None


def refuse_to_fill(settings: Settings) -> None:
    """Raise ServerError if the database is the local server and its disk is nearly full.

    A log that ends within a change may keep the database from starting again. The disk space of
    other databases is unknown here.
    """
    home = home_of(settings)
    if home is not None:
        refuse_full_disk(home.data, SPACE_TO_WRITE)


def pid_of(home: ServerHome) -> int | None:
    """The server's process number, from the state or from a search of all processes."""
    state = read_state(home)
    if state is not None and process.is_ours(state.pid, home):
        return state.pid
    return process.find_process(home)

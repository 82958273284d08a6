"""What a home remembers of its server: process number, ports, and whether it was ready."""

import json
from dataclasses import asdict, dataclass

from graphdb.server.home import ServerHome
from graphdb.server.ports import Ports
from graphdb.server.secret import write_private


@dataclass(frozen=True, kw_only=True)
class State:
    """One server process, as the home's state file tells it."""

    pid: int
    bolt: int
    http: int
    version: str
    ready: bool

    @property
    def ports(self) -> Ports:
        """The two ports it was told to listen on."""
        return Ports(self.bolt, self.http)

    def write(self, home: ServerHome) -> None:
        """Keep this in the home."""
        write_private(home.state_file, json.dumps(asdict(self)) + "\n")


def remember_ports(home: ServerHome, ports: Ports) -> None:
    """Keep the ports for the next start, so that links into Browser stay valid."""
    write_private(home.ports_file, json.dumps(ports._asdict()) + "\n")


def remembered_ports(home: ServerHome) -> Ports | None:
    """The ports of the last server; None where nothing (or nothing legible) is there."""
    try:
        ports = Ports(**json.loads(home.ports_file.read_text(encoding="utf-8")))
    except (FileNotFoundError, NotADirectoryError, ValueError, TypeError):
        return None
    # a port that no program can have would stop every start from now on
    legible = all(type(port) is int and 0 < port < 2**16 for port in ports)
    return ports if legible and ports.bolt != ports.http else None


def read_state(home: ServerHome) -> State | None:
    """What the home remembers; None where nothing (or nothing legible) is there."""
    try:
        return State(**json.loads(home.state_file.read_text(encoding="utf-8")))
    except (FileNotFoundError, NotADirectoryError, ValueError, TypeError):
        return None

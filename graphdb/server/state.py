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


def read_state(home: ServerHome) -> State | None:
    """What the home remembers; None where nothing (or nothing legible) is there."""
    try:
        return State(**json.loads(home.state_file.read_text(encoding="utf-8")))
    except (FileNotFoundError, NotADirectoryError, ValueError, TypeError):
        return None

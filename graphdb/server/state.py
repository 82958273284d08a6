"""What a home remembers of its server: process number, ports, and whether it was ready."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from headgraph.base.documents import read_json
from headgraph.graphdb.errors import ServerError
from headgraph.graphdb.server.home import ServerHome
from headgraph.graphdb.server.ports import Ports
from headgraph.graphdb.server.secret import write_private


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
    fields = _fields(home.ports_file)
    return Ports(**fields) if _are_ports(fields) else None


def read_state(home: ServerHome) -> State | None:
    """What the home remembers; None where nothing (or nothing legible) is there."""
    fields = _fields(home.state_file)
    pid, version, ready = (fields.pop(name, None) for name in ("pid", "version", "ready"))
    legible = type(pid) is int and 0 < pid < 2**31 and type(ready) is bool
    if not legible or not _is_version(version) or not _are_ports(fields):
        return None
    return State(pid=pid, version=version, ready=ready, **fields)


def _is_version(value: object) -> bool:
    return isinstance(value, str) and value.isascii() and value.isprintable()


_NO_FILE = (FileNotFoundError, NotADirectoryError, IsADirectoryError)


class _Illegible(ServerError):
    """A file that was not written here, or not to its end."""


def _fields(path: Path) -> dict[str, Any]:
    """The fields of a file of ours; none where it is missing or illegible.

    Raises:
        OSError: the file is there and cannot be read.
    """
    try:
        return dict(read_json(path, problem=_Illegible))
    except _Illegible as error:
        cause = error.__cause__
        if isinstance(cause, OSError) and not isinstance(cause, _NO_FILE):
            raise cause from None
        return {}


def _are_ports(fields: dict[str, Any]) -> bool:
    """Whether these are ports that programs can have: others would stop every start from now on."""
    ports = [fields.get(name) for name in Ports._fields]
    legible = all(type(port) is int and 0 < port < 2**16 for port in ports)
    return legible and set(fields) == set(Ports._fields) and len(set(ports)) == len(ports)

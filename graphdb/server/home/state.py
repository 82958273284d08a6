"""Private files of a home: the password, the ports, and the process of the server.

The password is made here, kept in a file of mode 0600, and never put on a command line.
"""

import hashlib
import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from headgraph.base.files.documents import read_json, read_text
from headgraph.graphdb.errors import ServerError
from headgraph.graphdb.server.home.folder import ServerHome
from headgraph.graphdb.server.ports import Ports


@dataclass(frozen=True, kw_only=True)
class State:
    """One server process, as recorded in the home's state file."""

    pid: int
    bolt: int
    http: int
    version: str
    ready: bool

    @property
    def ports(self) -> Ports:
        """The two ports that it listens on."""
        return Ports(self.bolt, self.http)

    def write(self, home: ServerHome) -> None:
        """Write this to the home's state file."""
        write_private(home.state_file, json.dumps(asdict(self)) + "\n")


def remember_ports(home: ServerHome, ports: Ports) -> None:
    """Record the ports for the next start, so that links into Browser stay valid."""
    write_private(home.ports_file, json.dumps(ports._asdict()) + "\n")


def remembered_ports(home: ServerHome) -> Ports | None:
    """The ports of the last server; None if the file is missing or illegible."""
    fields = _fields(home.ports_file)
    return Ports(**fields) if _are_ports(fields) else None


def read_state(home: ServerHome) -> State | None:
    """The recorded state; None if the file is missing or illegible."""
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
    """A file of the home that is missing, incomplete or not ours."""


def _fields(path: Path) -> dict[str, Any]:
    """The fields of a JSON file in the home; none if it is missing or illegible.

    Raises:
        OSError: the file exists and cannot be read.
    """
    try:
        return dict(read_json(path, problem=_Illegible))
    except _Illegible as error:
        cause = error.__cause__
        if isinstance(cause, OSError) and not isinstance(cause, _NO_FILE):
            raise cause from None
        return {}


def _are_ports(fields: dict[str, Any]) -> bool:
    """Whether these are valid ports: others would make every later start fail."""
    ports = [fields.get(name) for name in Ports._fields]
    legible = all(type(port) is int and 0 < port < 2**16 for port in ports)
    return legible and set(fields) == set(Ports._fields) and len(set(ports)) == len(ports)


USER = "neo4j"
ROUNDS = 1024


def ensure_password(home: ServerHome) -> None:
    """Make the password before the first start, and write its hash for Neo4j.

    Each file is written if it is missing, so the next start completes one that was interrupted
    between the two.

    Raises:
        ServerError: there is data but no password.
    """
    hashed = home.data / "dbms" / "auth.ini"
    if home.password_file.exists():
        home.password_file.chmod(0o600)
    elif hashed.exists():
        raise ServerError(
            f"the password file {home.password_file} is missing and the data in {home.data} needs "
            f"that password: put the file back, or remove {home.path} to begin with an empty "
            "database"
        )
    else:
        write_private(home.password_file, secrets.token_hex(16) + "\n")
    if not hashed.exists():
        write_private(hashed, auth_line(read_password(home.password_file), os.urandom(32)))


def read_password(path: Path) -> str:
    """The password in this file.

    Raises:
        ServerError: the file cannot be read, or is empty.
    """
    try:
        password = read_text(path, problem=ServerError).strip()
    except ServerError as error:
        raise ServerError(
            f"cannot read the server's password: {error}; put the file back, or run headgraph as "
            "the user who started the server"
        ) from error
    if not password:
        raise ServerError(f"the password file {path} is empty: put the server's password back")
    return password


def auth_line(password: str, salt: bytes) -> str:
    """The line of auth.ini with Neo4j's first user: a salted, iterated SHA-256."""
    digest = hashlib.sha256(salt + password.encode()).digest()
    for _ in range(ROUNDS - 1):
        digest = hashlib.sha256(digest).digest()
    return f"{USER}:SHA-256,{digest.hex()},{salt.hex()},{ROUNDS}:\n"


def write_private(path: Path, text: str) -> None:
    """Write a file of mode 0600, whole or not at all."""
    partial = path.with_name(path.name + ".part")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    partial.replace(path)

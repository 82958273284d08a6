"""The server's password: made here, kept in a file of mode 0600, never on a command line."""

import hashlib
import os
import secrets
from pathlib import Path

from headgraph.base.documents import read_text
from headgraph.graphdb.errors import ServerError
from headgraph.graphdb.server.home import ServerHome

USER = "neo4j"
ROUNDS = 1024


def ensure_password(home: ServerHome) -> None:
    """Make the password before the first start, and hand its hash to Neo4j.

    Both files are written where they are missing, so a start that was cut off between the two is
    completed by the next one.

    Raises:
        ServerError: there are data but no password.
    """
    hashed = home.data / "dbms" / "auth.ini"
    if home.password_file.exists():
        home.password_file.chmod(0o600)
    elif hashed.exists():
        raise ServerError(
            f"the password file {home.password_file} is gone and the data in {home.data} want "
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
    """The line of auth.ini from which Neo4j takes its first user: a salted, iterated SHA-256."""
    digest = hashlib.sha256(salt + password.encode()).digest()
    for _ in range(ROUNDS - 1):
        digest = hashlib.sha256(digest).digest()
    return f"{USER}:SHA-256,{digest.hex()},{salt.hex()},{ROUNDS}:\n"


def write_private(path: Path, text: str) -> None:
    """Write a file of mode 0600, there with all of its text or not at all."""
    partial = path.with_name(path.name + ".part")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    partial.replace(path)

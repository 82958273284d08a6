"""Connection settings: from options, an env file, the environment or the local server, in turn.

A password never comes from an option, only from a file, the environment or a prompt.
"""

import logging
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from headgraph.base.spelling import argument
from headgraph.graphdb.connection.address import LOCAL, VARIABLES, Settings
from headgraph.graphdb.errors import START, NoAddress, SettingsError

_NAMES = re.compile(rf"\s*(export\s+)?['\"]?({'|'.join(VARIABLES.values())})\b")


def resolve(
    *,
    uri: str | None = None,
    user: str | None = None,
    database: str | None = None,
    env_file: str | os.PathLike[str] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Settings:
    """Settings in the order above: each field from the first place that has it.

    If no place names an address, the running local server's address is taken. Its user and
    password are taken too if no place names them.

    Raises:
        SettingsError: an env file that is missing, is not text, or sets none of `VARIABLES`.
        NoAddress: there is no address, and no local server runs or it is still starting.
    """
    given = {"uri": uri, "user": user, "database": database}
    found = {name: value for name, value in given.items() if value}
    origins = dict.fromkeys(found, "the command line")
    for origin, values in _places(env_file, os.environ if environ is None else environ):
        for name, variable in VARIABLES.items():
            if name not in found and values.get(variable):
                found[name], origins[name] = values[variable] or "", origin
    if "uri" in found:
        return Settings(**found, origin=origins["uri"], home=None)
    return _local(found)


def _places(
    env_file: str | os.PathLike[str] | None, environ: Mapping[str, str]
) -> list[tuple[str, Mapping[str, str | None]]]:
    places: list[tuple[str, Mapping[str, str | None]]] = []
    if env_file is not None:
        places.append((f"the file {env_file}", read_env_file(env_file)))
    places.append(("the environment", environ))
    return places


def read_env_file(path: str | os.PathLike[str]) -> dict[str, str | None]:
    """The lines NAME=VALUE of a file, such as the one from Aura; other names are ignored.

    Raises:
        SettingsError: the file is missing, is not text, sets none of `VARIABLES`, or has a line
            with one of them that cannot be read.
    """
    from dotenv import dotenv_values

    expected = "expected lines such as NEO4J_URI=bolt://127.0.0.1:7687"
    if not Path(path).is_file():
        raise SettingsError(f"no env file {path}: {expected}")
    try:
        # a password may hold ${...}, which is taken literally; Windows writes a byte-order mark
        with _unread_lines() as unread:
            values = dotenv_values(path, interpolate=False, encoding="utf-8-sig")
        lines = Path(path).read_text("utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise SettingsError(f"the env file {path} cannot be read: {reason}") from error
    for first in unread:  # the number of the first of the empty lines before it
        filled = (at for at, line in enumerate(lines, 1) if at >= first and line.strip())
        number = next(filled, first)
        if _NAMES.match(lines[number - 1]):  # which is not shown: it may hold a password
            raise SettingsError(f"line {number} of the env file {path} cannot be read: {expected}")
    if not values.keys() & set(VARIABLES.values()):
        names = ", ".join(VARIABLES.values())
        raise SettingsError(f"the env file {path} sets none of {names}: {expected}")
    return values


@contextmanager
def _unread_lines() -> Iterator[list[int]]:
    """Numbers of the lines that dotenv leaves out; it would only print them."""
    unread: list[int] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if isinstance(record.args, tuple) and isinstance(record.args[0], int):
                unread.append(record.args[0])

    log, listener = logging.getLogger("dotenv.main"), Listener()
    told, log.propagate = log.propagate, False
    log.addHandler(listener)
    try:
        yield unread
    finally:
        log.removeHandler(listener)
        log.propagate = told


def seen_by_others(path: str | os.PathLike[str]) -> bool:
    """Whether a file holds a password and other users of this machine may read it."""
    mode = Path(path).stat().st_mode
    if os.name != "posix" or not mode & 0o044:
        return False
    return bool(read_env_file(path).get("NEO4J_PASSWORD"))


def _local(found: Mapping[str, str]) -> Settings:
    from headgraph.graphdb.server.home.folder import ServerHome
    from headgraph.graphdb.server.running_server import coming_up, running

    server = running()
    if server is None and (pid := coming_up(ServerHome.default())) is not None:
        raise NoAddress(
            f"no database yet: the local server (process {pid}) is still starting; wait until "
            f"{START} gives its address, or run that again, which waits for it"
        )
    if server is None:
        raise NoAddress(
            "no database: no local server is running and NEO4J_URI is not set; "
            f"start one with {START}, or give {argument('uri')}"
        )
    user, password = found.get("user", server.user), found.get("password")
    if password is None and user == server.user:
        password = server.password()
    database = found.get("database")
    return Settings(
        uri=server.bolt_uri,
        user=user,
        password=password,
        database=database,
        origin=LOCAL,
        home=server.home,
    )

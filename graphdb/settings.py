"""Where the database is: options, then an env file, then the environment, then our own server.

A password never comes from an option: it is read from a file, the environment or a prompt.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from headgraph.graphdb.address import LOCAL, VARIABLES, Settings
from headgraph.graphdb.errors import NoAddress, SettingsError


def resolve(
    *,
    uri: str | None = None,
    user: str | None = None,
    database: str | None = None,
    env_file: str | os.PathLike[str] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Settings:
    """Settings by the order above; each field from the first place that has it.

    When neither options nor files nor environment name an address, the running local server's own
    is taken, and its user and password where they name none.

    Raises:
        SettingsError: an env file that is missing, no text, or names nothing of this.
        NoAddress: no address anywhere, and no local server runs, or one that is still starting.
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
    """The lines NAME=VALUE of a file, such as the one that Aura gives; other names are left alone.

    Raises:
        SettingsError: no such file, no text, or none of `VARIABLES` in it.
    """
    from dotenv import dotenv_values

    wanted = "expected lines such as NEO4J_URI=bolt://127.0.0.1:7687"
    if not Path(path).is_file():
        raise SettingsError(f"no env file {path}: {wanted}")
    try:
        # a password may hold ${...}: it means what it says; Windows writes a mark before the text
        values = dotenv_values(path, interpolate=False, encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no UTF-8 text"
        raise SettingsError(f"the env file {path} cannot be read: {reason}") from error
    if not values.keys() & set(VARIABLES.values()):
        names = ", ".join(VARIABLES.values())
        raise SettingsError(f"the env file {path} sets none of {names}: {wanted}")
    return values


def seen_by_others(path: str | os.PathLike[str]) -> bool:
    """Whether other users of this machine may read a file that holds a password."""
    mode = Path(path).stat().st_mode
    if os.name != "posix" or not mode & 0o044:
        return False
    return bool(read_env_file(path).get("NEO4J_PASSWORD"))


def _local(found: Mapping[str, str]) -> Settings:
    from headgraph.graphdb.server.home import ServerHome
    from headgraph.graphdb.server.running_server import coming_up, running

    server = running()
    if server is None and (pid := coming_up(ServerHome.default())) is not None:
        raise NoAddress(
            f"no database yet: the local server (process {pid}) is still starting; wait until "
            "headgraph server start says its address, or run that again, which waits for it"
        )
    if server is None:
        raise NoAddress(
            "no database: no local server is running and NEO4J_URI is not set; "
            "start one with headgraph server start, or give --uri"
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

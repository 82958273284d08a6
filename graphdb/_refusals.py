"""Sentences for a server that answers and will not do: who asks, or for which database."""

from headgraph.base.text import listed, quoted
from headgraph.graphdb.address import LOCAL, Settings
from headgraph.graphdb.errors import AuthRefused, SettingsError

NO_DATABASE = "Neo.ClientError.Database.DatabaseNotFound"
"""Neo4j's code for a database that the server does not have."""


def refused_login(settings: Settings) -> AuthRefused:
    """The sentence for a user name or password that is refused."""
    helps = "set NEO4J_USERNAME and NEO4J_PASSWORD, or give an --env-file"
    if settings.origin == LOCAL:
        helps = "its own are taken when --user, NEO4J_USERNAME and NEO4J_PASSWORD are left out"
    return AuthRefused(
        f"{settings.uri} (from {settings.origin}) refuses user {quoted(settings.user)} with "
        f"{'this' if settings.password else 'no'} password: {helps}"
    )


def no_such_database(settings: Settings, there: list[str]) -> SettingsError:
    """The sentence for a database that the server does not have; `there` may be unknown."""
    has = f": it has {listed(there)}" if there else ""
    return SettingsError(
        f"{settings.uri} (from {settings.origin}) has no database {quoted(settings.database)}{has}"
        "; leave out --database (or NEO4J_DATABASE) for the user's own"
    )


def with_way_out(message: str, settings: Settings) -> str:
    """A refusal, and where the local server gave its database up, how to get that back."""
    if "needs to be restarted" not in message or settings.home is None:
        return message
    return (
        "the database was given up, as it is when its disk is full, and refuses everything until "
        "it is restarted: see that there is space, then run headgraph server stop, and start"
    )

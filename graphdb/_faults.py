"""Faults of the driver, each as one sentence in a class of ours."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from headgraph.base.text import listed, quoted
from headgraph.graphdb._reachability import not_reachable
from headgraph.graphdb.address import LOCAL, Settings
from headgraph.graphdb.errors import (
    AuthRefused,
    NotReachable,
    SettingsError,
    StatementError,
    TookTooLong,
)
from headgraph.graphdb.result import one_line

_NO_DATABASE = "Neo.ClientError.Database.DatabaseNotFound"
_TIMED_OUT = "Neo.ClientError.Transaction.TransactionTimedOut"


@contextmanager
def stated(
    settings: Settings, *, answered: Callable[[], bool], databases: Callable[[], list[str]]
) -> Iterator[None]:
    """Raise what the driver raises in the block as our own errors.

    Args:
        settings: where the database is.
        answered: whether it has answered before.
        databases: names of the databases on the server, empty where it does not say.

    Raises:
        AuthRefused: user or password are refused.
        SettingsError: the server has no such database.
        NotReachable: the connection broke, or never came to be.
        StatementError, TookTooLong: the server refused a statement, or ended it.
    """
    from neo4j import exceptions as driver

    try:
        yield
    except driver.AuthError as error:
        raise _refused_login(settings) from error
    except driver.Neo4jError as error:
        if error.code == _NO_DATABASE:
            raise no_such_database(settings, databases()) from error
        kind = TookTooLong if (error.code or "").startswith(_TIMED_OUT) else StatementError
        message = with_way_out(one_line(error.message), settings)
        raise kind(message, error.code or "") from error
    except (
        driver.ServiceUnavailable,
        driver.SessionExpired,
        driver.UnsupportedServerProduct,  # it answers the handshake with none of its versions
        OSError,
    ) as error:
        raise _lost(settings, error, answered=answered()) from error
    except driver.DriverError as error:
        raise StatementError(one_line(str(error))) from error
    except UnicodeEncodeError as error:  # the driver's, before it sends anything
        wrong = quoted(error.object[error.start])
        raise StatementError(
            f"the statement or a parameter holds {wrong}, which is no character: it comes from "
            "bytes that are not UTF-8, so write them in UTF-8"
        ) from error
    except OverflowError as error:  # the driver's, before it sends anything
        raise StatementError(
            "a parameter holds a whole number that Neo4j cannot: its own have 64 bits, so "
            f"{2**63 - 1} is the greatest"
        ) from error


def _refused_login(settings: Settings) -> AuthRefused:
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


def _lost(settings: Settings, error: BaseException, *, answered: bool) -> NotReachable:
    """The sentence for a connection that broke, or never came to be.

    Args:
        settings: where it was.
        error: the driver's.
        answered: whether this database has answered before, so that it is one and speaks Bolt.
    """
    late = any(isinstance(cause, TimeoutError) for cause in _causes(error))
    if not answered and not late:
        return not_reachable(settings)
    where = f"{settings.uri} (from {settings.origin})"
    if not answered:
        return NotReachable(
            f"{where} takes connections and then sends nothing: it may be busy or still starting, "
            "or be no Neo4j; see its log"
        )
    how = "has stopped answering" if late else "closed the connection"
    return NotReachable(
        f"the database at {where} answered before and {how}: it may be busy, out of memory, or "
        "stopped; see its log (headgraph server logs for the local one)"
    )


def _causes(error: BaseException | None) -> list[BaseException]:
    causes = []
    while error is not None and error not in causes:
        causes.append(error)
        error = error.__cause__ or error.__context__
    return causes

"""Errors of the driver, raised again as ours: one sentence each."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from headgraph.base.spelling import argument
from headgraph.base.text import listed, quoted
from headgraph.graphdb.connection.address import LOCAL, Settings
from headgraph.graphdb.connection.reachability import not_reachable
from headgraph.graphdb.errors import (
    START,
    STOP,
    AuthRefused,
    NotReachable,
    SettingsError,
    StatementError,
    TookTooLong,
)
from headgraph.graphdb.results.result import one_line

_NO_DATABASE = "Neo.ClientError.Database.DatabaseNotFound"
_TIMED_OUT = "Neo.ClientError.Transaction.TransactionTimedOut"


@contextmanager
def stated(
    settings: Settings, *, answered: Callable[[], bool], databases: Callable[[], list[str]]
) -> Iterator[None]:
    """Turn the driver's errors in the block into ours.

    Args:
        settings: address of the database.
        answered: whether the database has answered before.
        databases: names of the databases on the server; empty if it does not list them.

    Raises:
        AuthRefused: the user or the password is refused.
        SettingsError: the server has no such database.
        NotReachable: the connection broke, or was never made.
        StatementError, TookTooLong: the server refused a statement or ended it.
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
        driver.UnsupportedServerProduct,  # the handshake found no common version
        OSError,
    ) as error:
        raise _lost(settings, error, answered=answered()) from error
    except driver.DriverError as error:
        raise StatementError(one_line(str(error))) from error
    except UnicodeEncodeError as error:  # the driver's, before it sends anything
        wrong = quoted(error.object[error.start])
        raise StatementError(
            f"the statement or a parameter holds {wrong}, which is not a character: it comes from "
            "bytes that are not UTF-8, so write them in UTF-8"
        ) from error
    except OverflowError as error:  # the driver's, before it sends anything
        raise StatementError(
            "a parameter holds a whole number that is too large for Neo4j: expected at most "
            f"{2**63 - 1}, as its numbers have 64 bits"
        ) from error


def _refused_login(settings: Settings) -> AuthRefused:
    """The error for a user name or password that is refused."""
    helps = f"set NEO4J_USERNAME and NEO4J_PASSWORD, or give an {argument('env_file')}"
    if settings.origin == LOCAL:
        helps = (
            f"leave out {argument('user')}, NEO4J_USERNAME and NEO4J_PASSWORD to use the server's "
            "own"
        )
    return AuthRefused(
        f"{settings.uri} (from {settings.origin}) refuses user {quoted(settings.user)} with "
        f"{'this' if settings.password else 'no'} password: {helps}"
    )


def no_such_database(settings: Settings, there: list[str]) -> SettingsError:
    """The error for a database that the server does not have.

    Args:
        settings: address and name of the database.
        there: names of the databases on the server; empty if it does not list them.
    """
    has = f": it has {listed(there)}" if there else ""
    return SettingsError(
        f"{settings.uri} (from {settings.origin}) has no database {quoted(settings.database)}{has}"
        f"; leave out {argument('database')} (or NEO4J_DATABASE) for the user's own"
    )


def with_way_out(message: str, settings: Settings) -> str:
    """A refusal; if the local server has given up its database, how to get it back."""
    if "needs to be restarted" not in message or settings.home is None:
        return message
    return (
        "the server has given up the database, as it does when its disk is full, and refuses "
        f"everything until a restart: free some disk space, then run {STOP} and {START}"
    )


def _lost(settings: Settings, error: BaseException, *, answered: bool) -> NotReachable:
    """The error for a connection that broke, or was never made.

    Args:
        settings: address of the database.
        error: the driver's error.
        answered: whether a database has answered before at this address.
    """
    late = any(isinstance(cause, TimeoutError) for cause in _causes(error))
    if not answered and not late:
        return not_reachable(settings)
    where = f"{settings.uri} (from {settings.origin})"
    if not answered:
        return NotReachable(
            f"{where} takes connections and then sends nothing: it may be busy, still starting, "
            "or not a Neo4j; see its log"
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

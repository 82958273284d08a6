"""A connection to Neo4j: statements in, rows out, errors as one sentence.

Values reach Cypher as parameters only. Reads run in read transactions, so the server refuses a
write in them; both are managed transactions, which the driver repeats after a passing fault.
"""

import logging
import os
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Self

from base.text import quoted
from graphdb._answers import fetch, one_line, plan_of
from graphdb._refusals import NO_DATABASE, no_such_database, refused_login, with_way_out
from graphdb._unreachable import not_reachable
from graphdb._writers import write_each
from graphdb.errors import OutOfMemory, StatementError
from graphdb.result import Plan, Result
from graphdb.runner import Params, Statement
from graphdb.settings import Settings, resolve

# what the driver logs would reach the terminal without a handler; what matters of it we say
logging.getLogger("neo4j").addHandler(logging.NullHandler())


class Graph:
    """An open database. Use as a context manager, or call `close`.

    Raises:
        NotReachable: nobody answers at the address.
        AuthRefused: user or password are refused.
        SettingsError: the server has no such database.
        StatementError: the server refuses a statement or stops it at its time limit.
    """

    def __init__(self, settings: Settings, *, quiet: bool = True) -> None:
        import neo4j

        self.settings = settings
        auth = neo4j.basic_auth(settings.user, settings.password) if settings.password else None
        with self._stated():
            self._driver = neo4j.GraphDatabase.driver(
                settings.uri,
                auth=auth,
                connection_timeout=10,
                max_transaction_retry_time=15,
                # labels that a database does not have yet are no news to a user
                notifications_min_severity="OFF" if quiet else None,
                warn_notification_severity="OFF",
            )

    def __repr__(self) -> str:
        return f"Graph({self.settings.uri}, from {self.settings.origin})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._driver.close()

    def verify(self) -> Self:
        """Connect now rather than at the first statement."""
        with self._stated():
            self._driver.verify_connectivity()
        return self

    def session(self, **kwargs: Any) -> Any:
        """A session of the driver on this database, for what the methods here do not offer."""
        return self._driver.session(database=self.settings.database, **kwargs)

    def read(
        self,
        cypher: str,
        params: Params | None = None,
        *,
        timeout: float | None = None,
        limit: int | None = None,
        max_bytes: int | None = None,
    ) -> Result:
        """Rows of a statement that only reads.

        Args:
            cypher: the statement.
            params: its parameters.
            timeout: seconds after which the server ends it; if it does not, the connection is cut.
            limit: rows to fetch at most; the result then says whether there were more.
            max_bytes: bytes to receive at most before the connection is cut.

        Raises:
            LimitExceeded: the connection was cut.
            OutOfMemory: the server gives it no more; it is not tried again.
        """
        import neo4j

        from graphdb._meter import metered

        @neo4j.unit_of_work(timeout=timeout)
        def work(tx: Any) -> Result:
            try:
                with metered(tx, timeout=timeout, max_bytes=max_bytes):
                    return fetch(tx.run(cypher, dict(params or {})), limit)
            except neo4j.exceptions.Neo4jError as error:
                if "OutOfMemory" in (error.code or ""):  # the driver would try again, for as much
                    raise OutOfMemory(one_line(error.message), error.code or "") from error
                raise

        with self._stated(), self.session(default_access_mode="READ") as session:
            return session.execute_read(work)  # type: ignore[no-any-return]

    def write(self, cypher: str, params: Params | None = None) -> Result:
        """Run one statement in one managed write transaction."""
        with self._stated(), self.session() as session:
            return session.execute_write(  # type: ignore[no-any-return]
                lambda tx: fetch(tx.run(cypher, dict(params or {})), None)
            )

    def write_each(self, statements: Iterable[Statement]) -> Generator[Result, None, None]:
        """Run each statement in a managed write transaction of its own, two of them at once.

        Results come in the order of the statements, which are taken from the iterable as they are
        needed. Close the generator when leaving it early: it then waits for what it has begun.
        """
        return write_each(self.write, statements)

    def write_all(self, statements: Sequence[Statement]) -> list[Result]:
        """Run several statements in one transaction: all of them or none. A result for each."""

        def work(tx: Any) -> list[Result]:
            return [fetch(tx.run(cypher, dict(params)), None) for cypher, params in statements]

        with self._stated(), self.session() as session:
            return session.execute_write(work)  # type: ignore[no-any-return]

    def command(self, cypher: str) -> None:
        """Run a schema statement, or one that manages its own transactions."""
        with self._stated(), self.session() as session:
            session.run(cypher).consume()

    def plan(self, cypher: str, params: Params | None = None) -> Plan:
        """EXPLAIN a statement without running it; the server's remarks come with it."""
        with (
            self._stated(),
            self.session(
                default_access_mode="READ", notifications_min_severity="INFORMATION"
            ) as session,
        ):
            summary = session.run("EXPLAIN " + cypher, dict(params or {})).consume()
        return plan_of(summary)

    @contextmanager
    def _stated(self) -> Iterator[None]:
        from neo4j import exceptions as driver

        try:
            yield
        except driver.AuthError as error:
            raise refused_login(self.settings) from error
        except driver.Neo4jError as error:
            if error.code == NO_DATABASE:
                raise no_such_database(self.settings, self._databases()) from error
            message = with_way_out(one_line(error.message), self.settings)
            raise StatementError(message, error.code or "") from error
        except (driver.ServiceUnavailable, driver.SessionExpired, OSError) as error:
            raise not_reachable(self.settings) from error
        except driver.DriverError as error:
            raise StatementError(one_line(str(error))) from error
        except UnicodeEncodeError as error:  # the driver's, before it sends anything
            raise StatementError(
                f"a text holds {quoted(error.object[error.start])}, half of a character: Neo4j "
                "takes UTF-8"
            ) from error
        except OverflowError as error:  # the driver's, before it sends anything
            raise StatementError(
                "a parameter holds a whole number that Neo4j cannot: its own have 64 bits, so "
                f"{2**63 - 1} is the greatest"
            ) from error

    def _databases(self) -> list[str]:
        """Names of the databases on the server; empty where it does not say."""
        from neo4j import exceptions as driver

        show = "SHOW DATABASES YIELD name, type WHERE type <> 'system' RETURN DISTINCT name"
        try:
            records = self._driver.execute_query(show, database_="system").records
        except (driver.Neo4jError, driver.DriverError):
            return []
        return sorted(str(record["name"]) for record in records)


def connect(
    *,
    uri: str | None = None,
    user: str | None = None,
    database: str | None = None,
    env_file: str | os.PathLike[str] | None = None,
    settings: Settings | None = None,
) -> Graph:
    """Open the database that options, files, environment or the running local server name.

    Raises:
        SettingsError: an address that cannot be used.
        NotReachable, AuthRefused: as `Graph`; NotReachable too where there is no address.
    """
    if settings is None:
        settings = resolve(uri=uri, user=user, database=database, env_file=env_file)
    graph = Graph(settings)
    try:
        return graph.verify()
    except BaseException:
        graph.close()
        raise

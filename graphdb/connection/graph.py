"""A connection to Neo4j: statements in, rows out, errors as one sentence.

Values reach Cypher as parameters only. Reads run in read transactions, in which the server refuses
writes. Both are managed transactions, which the driver repeats after a transient fault.
"""

import logging
import os
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Self, TypeVar

from headgraph.base.spelling import argument
from headgraph.base.text import span
from headgraph.graphdb.connection._driver_errors import stated
from headgraph.graphdb.connection._threads import Call, cut_in_use, write_each
from headgraph.graphdb.connection.address import Settings
from headgraph.graphdb.connection.memory import lack_of_memory, with_memory
from headgraph.graphdb.connection.runner import Params, Statement
from headgraph.graphdb.connection.settings import resolve
from headgraph.graphdb.connection.versions import refuse_old, version_in
from headgraph.graphdb.errors import NotReachable, TookTooLong
from headgraph.graphdb.results.result import Plan, Result, fetch, plan_of
from headgraph.graphdb.server.running_server import refuse_to_fill

T = TypeVar("T")

# without a handler, the driver's log would reach the terminal; our errors say what matters
logging.getLogger("neo4j").addHandler(logging.NullHandler())


class Graph:
    """An open database. Use as a context manager, or call `close`.

    Attributes:
        version: major and minor version of the server, once `verify` has asked; None if it is not
            known, as of another product.

    Raises:
        NotReachable: no database answers at the address.
        OldServer: the server is too old for headgraph's statements.
        AuthRefused: the user or the password is refused.
        SettingsError: the server has no such database.
        StatementError: the server refuses a statement.
        ServerError: the disk of the local server has no room for a statement that writes.

    Ctrl-C and a method's time limit end a call at once: its connection is cut, and the next call
    opens another.
    """

    def __init__(self, settings: Settings, *, quiet: bool = True) -> None:
        self.settings = settings
        self.version: tuple[int, int] | None = None
        self._answered = False
        self._calls: set[Call] = set()
        with self._stated():
            self._driver = self._opened(
                # an empty database lacks our labels; users need no remark on that
                notifications_min_severity="OFF" if quiet else None,
                warn_notification_severity="OFF",
            )

    def _opened(self, **notifications: Any) -> Any:
        """A new driver of these settings."""
        import neo4j

        to = self.settings
        return neo4j.GraphDatabase.driver(
            to.uri,
            auth=neo4j.basic_auth(to.user, to.password) if to.password else None,
            connection_timeout=10,
            connection_acquisition_timeout=30,  # covers greeting and login
            max_transaction_retry_time=15,
            **notifications,
        )

    def __repr__(self) -> str:
        return f"Graph({self.settings.uri}, from {self.settings.origin})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections, and abandon the calls of other threads."""
        calls = list(self._calls)
        for call in calls:
            call.give_up()  # the driver's goodbye could mix with what that thread writes
        if calls:
            cut_in_use(self._driver)  # also what a call has taken and its session does not know yet
        self._driver.close()

    def verify(self, *, timeout: float | None = None) -> Self:
        """Connect now rather than at the first statement, and check the server's version.

        Args:
            timeout: limit in seconds.

        Raises:
            OldServer: the server is older than `versions.OLDEST`.
        """
        try:
            with self._stated():
                agent = Call().result(self._agent, timeout=timeout)
        except TookTooLong as error:
            raise NotReachable(
                f"{self.settings.uri} (from {self.settings.origin}) did not answer within "
                f"{span(timeout or 0)}: check that it runs, or raise {argument('timeout')}"
            ) from error
        self._answered = True
        self.version = version_in(agent)
        refuse_old(agent, self.settings)
        return self

    def _agent(self) -> str:
        """What the server calls itself, such as `Neo4j/5.26.31`."""
        from neo4j.exceptions import ConfigurationError

        try:
            return str(self._driver.get_server_info().agent)
        except ConfigurationError:  # before 5.7, a server cannot leave out its remarks
            with self._opened() as driver:
                return str(driver.get_server_info().agent)

    def session(self, **kwargs: Any) -> Any:
        """A session of the driver on this database, for anything that the methods here lack."""
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
                Tries that wait for memory count too.
            limit: maximum number of rows to fetch; the result says whether there were more.
            max_bytes: maximum number of bytes to receive before the connection is cut.

        Raises:
            LimitExceeded: it sent more than `max_bytes`.
            TookTooLong: it took longer than `timeout`.
            OutOfMemory: it needs more memory than the server gives it; it is not tried again.
            MemoryTaken: other statements held the memory for about half a minute, or until nearly
                `timeout`, while it was tried again.
        """
        return self._read(
            lambda tx: fetch(tx.run(cypher, dict(params or {})), limit), timeout, max_bytes
        )

    def profile(
        self,
        cypher: str,
        params: Params | None = None,
        *,
        timeout: float | None = None,
        max_bytes: int | None = None,
    ) -> Plan:
        """PROFILE a statement that only reads: run it, and return its plan in place of its rows.

        Arguments and errors as `read`. Every row is fetched, because the server counts only those.
        """

        def measured(tx: Any) -> Plan:
            result = tx.run("PROFILE " + cypher, dict(params or {}))
            for _ in result:
                pass
            return plan_of(result.consume())

        return self._read(measured, timeout, max_bytes)

    def _read(self, fetched: Callable[[Any], T], timeout: float | None, max_bytes: int | None) -> T:
        """What `fetched` gets from a read transaction, within the limits."""
        import neo4j

        from headgraph.graphdb.connection.limits import metered

        def work(session: Any, call: Call) -> T:
            def unit(tx: Any) -> T:
                call.go_on()
                try:
                    with metered(tx, max_bytes):
                        return fetched(tx)
                except neo4j.exceptions.Neo4jError as error:
                    # the driver would try again whatever the reason
                    lack = lack_of_memory(error, self.session)
                    if lack is None:
                        raise
                    raise lack from error

            def attempt(left: float | None) -> T:
                return session.execute_read(neo4j.unit_of_work(timeout=left)(unit))  # type: ignore[no-any-return]

            return with_memory(attempt, timeout)

        return self._run(work, timeout=timeout, default_access_mode="READ")

    def write(self, cypher: str, params: Params | None = None) -> Result:
        """Run one statement in one managed write transaction."""
        return self._write([(cypher, params or {})])[0]

    def write_each(self, statements: Iterable[Statement]) -> Generator[Result, None, None]:
        """Run each statement in a managed write transaction of its own, two of them at once.

        Results come in the order of the statements, which are taken from the iterable as needed.
        Close the generator if you leave it early: it then waits for the statements it has begun.
        """
        return write_each(self.write, statements)

    def write_all(self, statements: Sequence[Statement]) -> list[Result]:
        """Run several statements in one transaction, all or none; return a result for each."""
        return self._write(statements)

    def _write(self, statements: Sequence[Statement]) -> list[Result]:
        refuse_to_fill(self.settings)

        def work(session: Any, call: Call) -> list[Result]:
            def unit(tx: Any) -> list[Result]:
                call.go_on()
                return [fetch(tx.run(cypher, dict(params)), None) for cypher, params in statements]

            return session.execute_write(unit)  # type: ignore[no-any-return]

        return self._run(work)

    def command(self, cypher: str, *, timeout: float | None = None) -> None:
        """Run a schema statement, or one that manages its own transactions, once.

        Args:
            cypher: the statement.
            timeout: seconds after which the connection is cut.

        Raises:
            TookTooLong: it was cut.
        """
        refuse_to_fill(self.settings)

        def work(session: Any, call: Call) -> None:
            session.run(cypher).consume()

        self._run(work, timeout=timeout)

    def plan(
        self, cypher: str, params: Params | None = None, *, timeout: float | None = None
    ) -> Plan:
        """EXPLAIN a statement without running it, with the server's remarks.

        Args:
            cypher: the statement.
            params: its parameters.
            timeout: seconds, as for `read`; the server checks its clock in some parts of planning
                only.

        Raises:
            TookTooLong: the server ended it, or the connection was cut.
        """

        def work(session: Any, call: Call) -> Plan:
            # begin the transaction first, so that an abandoned call never plans
            with session.begin_transaction(timeout=timeout) as tx:
                call.go_on()
                return plan_of(tx.run("EXPLAIN " + cypher, dict(params or {})).consume())

        return self._run(
            work,
            timeout=timeout,
            default_access_mode="READ",
            notifications_min_severity="INFORMATION",
        )

    def _run(
        self, work: Callable[[Any, Call], T], *, timeout: float | None = None, **options: Any
    ) -> T:
        """The result of `work` on a new session, unless the call is given up first."""
        call = Call()

        def in_session() -> T:
            self._calls.add(call)
            try:
                with self.session(**options) as session:
                    call.session = session
                    result = work(session, call)
                    self._answered = True
                    return result
            finally:
                self._calls.discard(call)

        with self._stated():
            return call.result(in_session, timeout=timeout)

    def _stated(self) -> AbstractContextManager[None]:
        return stated(self.settings, answered=lambda: self._answered, databases=self._databases)

    def _databases(self) -> list[str]:
        """Names of the databases on the server; empty if it does not list them."""
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
    timeout: float | None = None,
) -> Graph:
    """Open the database given by arguments, a file, the environment or the local server.

    Args:
        uri: address.
        user: user name.
        database: name of the database.
        env_file: file with these and the password.
        settings: all of these, in place of the other arguments.
        timeout: limit in seconds for connecting.

    Raises:
        SettingsError: an address that cannot be used.
        NotReachable, OldServer, AuthRefused: as `Graph`; also NotReachable if no address is given.
    """
    if settings is None:
        settings = resolve(uri=uri, user=user, database=database, env_file=env_file)
    graph = Graph(settings)
    try:
        return graph.verify(timeout=timeout)
    except BaseException:
        graph.close()
        raise

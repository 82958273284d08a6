"""What can go wrong on the way to the database.

GraphError              one sentence for the user, exit code 1
├── NotReachable        no address, or nobody answers there; exit code 3
│   └── NoAddress       no address was given and no local server runs
├── AuthRefused         the server answers and refuses user or password
├── SettingsError       connection settings that cannot be used
├── StatementError      the server refuses a statement, or ends it at its time limit
│   └── LimitExceeded   it sends too much, and the connection was cut
│       └── TookTooLong     it takes too long
└── ServerError         the local server cannot be fetched, started or stopped
"""

from headgraph.base.errors import HeadgraphError


class GraphError(HeadgraphError):
    """Base of every problem that graphdb states."""


class NotReachable(GraphError):
    """There is no address, or nobody answers there."""

    exit_code = 3


class NoAddress(NotReachable):
    """No address was given, and no local server runs, or it is still starting."""


class AuthRefused(GraphError):
    """The server refuses the user or the password."""


class SettingsError(GraphError):
    """Connection settings that cannot be used."""


class StatementError(GraphError):
    """The server refuses a statement or ends it. `code` is Neo4j's status code."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class OutOfMemory(StatementError):
    """A statement needs more memory than the server gives it."""


class LimitExceeded(StatementError):
    """A statement takes too long or sends too much."""


class TookTooLong(LimitExceeded):
    """A statement takes too long.

    Where it has no `code`, the server did not end it, and may be busy with it for longer.
    """


class ServerError(GraphError):
    """The local server cannot be fetched, started or stopped."""

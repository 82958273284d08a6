"""The errors of the database and of the local server.

GraphError              one sentence for the user, exit code 1
├── NotReachable        no address, or no answer from it; exit code 3
│   └── NoAddress       no address was given, and no local server is ready
├── AuthRefused         the server refuses the user or the password
├── OldServer           the server is too old for headgraph's statements
├── SettingsError       connection settings that cannot be used
├── WrongProperty       a property in the database that headgraph cannot have written
├── StatementError      the server refuses a statement or ends it
│   ├── OutOfMemory     it needs more memory than the server gives it
│   │   └── MemoryTaken     other statements hold the memory
│   └── LimitExceeded   it sends too much; the connection was cut
│       └── TookTooLong     it takes too long
└── ServerError         the local server cannot be fetched, started or stopped
"""

from headgraph.base.errors import HeadgraphError
from headgraph.base.spelling import either

START = either("headgraph.graphdb.server.start()", "headgraph server start")
RECOVER = either("headgraph.graphdb.server.start(recover=True)", "headgraph server start --recover")
STOP = either("headgraph.graphdb.server.stop()", "headgraph server stop")
"""How messages spell what starts and stops the local server, see `headgraph.base.spelling`."""


class GraphError(HeadgraphError):
    """Base of every problem that graphdb states."""


class NotReachable(GraphError):
    """There is no address, or no database answers at it."""

    exit_code = 3


class NoAddress(NotReachable):
    """No address was given, and no local server runs or it is still starting."""


class AuthRefused(GraphError):
    """The server refuses the user or the password."""


class OldServer(GraphError):
    """The server is too old for headgraph's statements."""


class SettingsError(GraphError):
    """Connection settings that cannot be used."""


class WrongProperty(GraphError):
    """A property of a stored run that headgraph cannot have written."""


class StatementError(GraphError):
    """The server refuses a statement or ends it. `code` is Neo4j's status code."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class OutOfMemory(StatementError):
    """A statement needs more memory than the server gives it."""


class MemoryTaken(OutOfMemory):
    """A statement gets no memory because other statements hold it."""


class LimitExceeded(StatementError):
    """A statement takes too long or sends too much."""


class TookTooLong(LimitExceeded):
    """A statement takes too long.

    Without a `code`, the server did not end the statement and may go on with it.
    """


class ServerError(GraphError):
    """The local server cannot be fetched, started or stopped."""

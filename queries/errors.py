"""Errors of stored queries and of Cypher.

QueryError              one sentence for the user, exit code 1
├── CatalogueError      a query file violates the format or contradicts the server
├── UnknownQuery        no stored query has this name
├── OlderRun            a run was computed or loaded without data that a query reads
├── ParameterError      an unknown parameter, or a value that it cannot take
│   └── MissingParameter    a parameter without a default has no value
├── Refused             a statement is not a plain read of the graph
├── KitError            the files for Neo4j Browser cannot be written
└── NoBrowser           the address of Neo4j Browser cannot be found

UnknownName, UnknownRun and UnknownHead come from `base.errors`: the database has no such run, head,
role or pairing.
"""

from headgraph.base.errors import HeadgraphError
from headgraph.base.errors import UnknownHead as UnknownHead
from headgraph.base.errors import UnknownName as UnknownName
from headgraph.base.errors import UnknownRun as UnknownRun


class QueryError(HeadgraphError):
    """Base of all errors of this room."""


class CatalogueError(QueryError):
    """A query file violates the format, or contradicts another file or the server."""


class UnknownQuery(QueryError):
    """No stored query has this name."""


class OlderRun(QueryError):
    """A run lacks data that a query reads: an older headgraph computed or loaded it."""


class ParameterError(QueryError):
    """The query does not have this parameter, or cannot take this value."""


class MissingParameter(ParameterError):
    """A parameter without a default has no value."""


class Refused(QueryError):
    """A statement is not a plain read of the graph."""


class KitError(QueryError):
    """The files for Neo4j Browser cannot be written."""


class NoBrowser(QueryError):
    """The address of Neo4j Browser cannot be found."""

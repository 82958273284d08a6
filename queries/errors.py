"""What can go wrong between a question and its answer.

QueryError              one sentence for the user, exit code 1
├── CatalogueError      a query file contradicts the format or the server; says file and line
├── UnknownQuery        no stored query has this name
├── OlderRun            a run was loaded before there was what a query reads
├── ParameterError      a value that cannot be used
│   └── MissingParameter    a value that was not given
├── Refused             a statement that is no plain read of the graph
├── KitError            the files for Neo4j Browser cannot be written
└── NoBrowser           nothing says where Neo4j Browser is

UnknownName, with UnknownRun and UnknownHead, is `base.errors`'s: the database has no such run,
head, role or pairing.
"""

from headgraph.base.errors import HeadgraphError
from headgraph.base.errors import UnknownHead as UnknownHead
from headgraph.base.errors import UnknownName as UnknownName
from headgraph.base.errors import UnknownRun as UnknownRun


class QueryError(HeadgraphError):
    """Base of every problem that queries states."""


class CatalogueError(QueryError):
    """A query file that contradicts the format, another file or the server."""


class UnknownQuery(QueryError):
    """No stored query has this name."""


class OlderRun(QueryError):
    """A run that was loaded by an older headgraph and lacks what a query reads."""


class ParameterError(QueryError):
    """A parameter that the query does not have, or a value that it cannot take."""


class MissingParameter(ParameterError):
    """A parameter without a default that was not given."""


class Refused(QueryError):
    """A statement that is no plain read of the graph."""


class KitError(QueryError):
    """The files for Neo4j Browser cannot be written."""


class NoBrowser(QueryError):
    """Nothing says where Neo4j Browser is."""

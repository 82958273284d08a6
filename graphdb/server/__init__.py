"""The local Neo4j server: fetched, started, found again and stopped by headgraph itself.

It listens on 127.0.0.1 only. Its home folder (data, password, logs) is under the user's data
folder, its jars are under the user's cache folder, and its Java comes from PyPI.

    >>> from headgraph.graphdb.server import start, stop          # doctest: +SKIP
    >>> server = start()                                # doctest: +SKIP
    >>> server.bolt_uri                                 # doctest: +SKIP
    'bolt://127.0.0.1:7687'
    >>> stop()                                          # doctest: +SKIP
    True

Importing this package imports neither jgo nor psutil nor the driver.
"""

from headgraph.graphdb.server.home.folder import ServerHome
from headgraph.graphdb.server.lifecycle import start, stop
from headgraph.graphdb.server.ports import ANY_PORTS, USUAL_PORTS, Ports
from headgraph.graphdb.server.running_server import RunningServer, running

__all__ = [
    "ANY_PORTS",
    "USUAL_PORTS",
    "Ports",
    "RunningServer",
    "ServerHome",
    "running",
    "start",
    "stop",
]

"""Ports on 127.0.0.1: whether they are free, and whether a Neo4j answers at them."""

import os
import socket
import sys
from typing import NamedTuple

from headgraph.graphdb.connection.reachability import speaks_bolt
from headgraph.graphdb.errors import ServerError

LOOPBACK = "127.0.0.1"
ANSWER_S = 2.0  # seconds to wait for an answer on this machine


class Ports(NamedTuple):
    """The server's two ports; 0 means any free port."""

    bolt: int
    http: int


USUAL_PORTS = Ports(bolt=7687, http=7474)
ANY_PORTS = Ports(bolt=0, http=0)


def refuse_no_loopback() -> None:
    """Raise ServerError if this machine cannot connect to itself at 127.0.0.1.

    This happens with IPv6 alone, or if the loopback interface is down. A server would start there,
    and could not be reached.
    """
    try:
        with socket.create_server((LOOPBACK, 0)) as listener:
            socket.create_connection(listener.getsockname(), timeout=ANSWER_S).close()
    except OSError as error:
        raise ServerError(
            f"this machine cannot connect to itself at {LOOPBACK} ({_reason(error)}), the "
            "only address of a local server: give its loopback interface that address (on Linux, "
            f"ip addr add {LOOPBACK}/8 dev lo; ip link set lo up), or set NEO4J_URI to another "
            "server"
        ) from error


def _reason(error: OSError) -> str:
    """The system's message; Python's own also has the address."""
    return os.strerror(error.errno) if error.errno else str(error)


def choose(*preferred: Ports) -> Ports:
    """For each protocol the first preferred port that is free, or any free port."""
    bolts, https = [ports.bolt for ports in preferred], [ports.http for ports in preferred]
    bolt = next((port for port in bolts if port and is_free(port)), 0) or _any_free(())
    free = (port for port in https if port and port != bolt and is_free(port))
    return Ports(bolt, next(free, 0) or _any_free((bolt,)))


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of 127.0.0.1 now."""
    with socket.socket() as probe:
        if sys.platform != "win32":
            # connections of a server that just ended linger; Java can take the port all the same
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return not _accepts(port)  # macOS lets one bind beside a server that listens on 0.0.0.0


def _accepts(port: int) -> bool:
    try:
        socket.create_connection((LOOPBACK, port), timeout=ANSWER_S).close()
    except OSError:
        return False
    return True


def _any_free(but_not: tuple[int, ...]) -> int:
    while True:
        with socket.socket() as probe:
            probe.bind((LOOPBACK, 0))
            port = int(probe.getsockname()[1])
        if port not in but_not and port not in USUAL_PORTS:
            return port


def answer(ports: Ports) -> bool:
    """Whether both ports answer as a Neo4j does: Bolt agrees on a version, HTTP serves Browser."""
    return _bolt_answers(ports.bolt) and _http_answers(ports.http)


def _bolt_answers(port: int) -> bool:
    try:
        with socket.create_connection((LOOPBACK, port), timeout=ANSWER_S) as link:
            return speaks_bolt(link)
    except OSError:
        return False


def _http_answers(port: int) -> bool:
    from http.client import HTTPConnection, HTTPException

    # http.client ignores proxy settings, which do not apply to this machine
    link = HTTPConnection(LOOPBACK, port, timeout=ANSWER_S)
    try:
        link.request("GET", "/browser/")
        return link.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        link.close()

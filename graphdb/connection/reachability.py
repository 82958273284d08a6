"""Why no database answers at an address, found out after the driver has given up.

The driver's own words differ from version to version and mostly name what it tried last. So this
module connects itself, and tries whether the port speaks Bolt in the clear or inside TLS.
"""

import errno
import ipaddress
import socket
import ssl
from typing import NamedTuple
from urllib.parse import urlsplit

from headgraph.base.spelling import argument
from headgraph.graphdb.connection.address import LOCAL_HOSTS, Settings
from headgraph.graphdb.errors import START, NotReachable

BOLT_PORT = 7687
_NONE_HERE = f"start the local one with {START}, or give {argument('uri')} or NEO4J_URI"
_NO_ROUTE = (errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


def not_reachable(settings: Settings) -> NotReachable:
    """The error for a database that does not answer."""
    where = f"{settings.uri} (from {settings.origin})"
    return NotReachable(f"no database answers at {where}: {_why(settings.uri)}")


def _why(uri: str) -> str:
    address = urlsplit(uri)
    host, port = address.hostname or "", address.port or BOLT_PORT
    try:
        socket.create_connection((host, port), timeout=SECONDS, all_errors=True).close()
    except socket.gaierror:
        return (
            f"cannot resolve {host}: check the spelling and the network, or whether the Aura "
            "instance is paused or deleted, which its console shows"
        )
    except ExceptionGroup as errors:
        return _not_connected(host, port, _telling(errors))
    except OSError as error:
        return _not_connected(host, port, error)
    return _what_speaks(address.scheme, host, port)


def _telling(errors: ExceptionGroup[Exception]) -> OSError:
    """The most informative error of several addresses of a host."""
    found = [error for error in errors.exceptions if isinstance(error, OSError)]
    return min(found, key=lambda error: (
        0 if isinstance(error, ConnectionRefusedError) else 2 if error.errno in _NO_ROUTE else 1
    ))  # fmt: skip


def _not_connected(host: str, port: int, error: OSError) -> str:
    if isinstance(error, ConnectionRefusedError):
        refused = f"{host} refuses connections on port {port}, so it is down or still starting"
        return _NONE_HERE if host in LOCAL_HOSTS else refused
    if error.errno in _NO_ROUTE:
        return _no_route(host)
    reason = "in time" if isinstance(error, TimeoutError) else f"({error.strerror or error})"
    return (
        f"{host} does not answer on port {port} {reason}: check that this network and the "
        "firewalls on the way let the connection through"
    )


def _no_route(host: str) -> str:
    """The sentence for an address to which this machine has no route."""
    found = {str(entry[4][0]) for entry in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    addresses = [ipaddress.ip_address(text.partition("%")[0]) for text in sorted(found)]
    shown, versions = " and ".join(map(str, addresses)), {one.version for one in addresses}
    if all(address.is_loopback for address in addresses):
        return (
            f"this machine's loopback interface is down or lacks {shown}: bring it up (on Linux, "
            "ip link set lo up), or give the address of another machine"
        )
    if len(versions) == 2:
        return f"this machine has no route to {host} ({shown}): check its network connection"
    (version,) = versions
    only = "" if shown == host else f" ({shown}; it has no other address)"
    return (
        f"this machine has no IPv{version} route to {host}{only}: use a network with "
        f"IPv{version}, or an IPv{10 - version} address of the server"
    )


def _what_speaks(scheme: str, host: str, port: int) -> str:
    plain, _, encrypted = scheme.partition("+")
    clear = speaks_in_the_clear(host, port)
    tls = Encryption(there=False)
    if encrypted or not clear:
        tls = encryption(host, port)
    if encrypted == "s" and tls.distrust:
        return (
            f"this machine does not trust the certificate of {host} ({tls.distrust}): "
            f"{plain}+ssc:// accepts it unchecked"
        )
    if tls.bolt if encrypted else clear:
        return _speaks_bolt(scheme, plain)
    if encrypted and clear:
        return f"{host} does not encrypt connections on port {port}: use {plain}://"
    if not encrypted and tls.bolt:
        unchecked = (
            f"{plain}+ssc://, which accepts its certificate unchecked ({tls.distrust})"
            if tls.distrust
            else f"{plain}+s://"
        )
        return f"{host} accepts only encrypted connections on port {port}: use {unchecked}"
    return (
        "what answers there does not greet as Neo4j 4.4 or newer does: expected its Bolt port, "
        f"usually {BOLT_PORT}, got {port}; if {port} is its Bolt port, Neo4j may still be "
        "starting, so try again"
    )


def _speaks_bolt(scheme: str, plain: str) -> str:
    if plain == "neo4j":
        return (
            "a Neo4j answers there, but the addresses that it gives for the database do not: use "
            f"{scheme.replace('neo4j', 'bolt')}://, or check that the database is online and that "
            "server.bolt.advertised_address can be reached from here"
        )
    return (
        "it answers now, but the connection broke before: it may have been restarting, so try again"
    )


SECONDS = 5.0

# Bolt's greeting, and the versions offered, the preferred first: 5.x down to 5.0, then 4.4
_GREETING = bytes.fromhex("6060b01700080805000004040000000000000000")


class Encryption(NamedTuple):
    """The outcome of a TLS handshake.

    Attributes:
        there: whether the port speaks TLS.
        distrust: why this machine does not trust the certificate; empty if it does.
        bolt: whether the port speaks Bolt inside TLS.
    """

    there: bool
    distrust: str = ""
    bolt: bool = False


def speaks_bolt(link: socket.socket) -> bool:
    """Whether the other end agrees on a version of Bolt.

    It answers with four bytes: 0, then 0 or a range of minor versions, minor and major version.

    Raises:
        OSError: it hangs up, or does not answer within the socket's time limit.
    """
    link.sendall(_GREETING)
    version = link.recv(4)
    return len(version) == 4 and version[0] == 0 and version != bytes(4)


def speaks_in_the_clear(host: str, port: int) -> bool:
    """Whether a port speaks Bolt without encryption."""
    try:
        with socket.create_connection((host, port), timeout=SECONDS) as link:
            return speaks_bolt(link)
    except OSError:
        return False


def encryption(host: str, port: int) -> Encryption:
    """Whether a port speaks TLS, with a certificate that this machine trusts, and Bolt inside."""
    try:
        return _inside(host, port, ssl.create_default_context())
    except ssl.SSLCertVerificationError as error:
        distrust = error.verify_message.rstrip(".")
    except OSError:
        return Encryption(there=False)
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    try:
        return _inside(host, port, trusting)._replace(distrust=distrust)
    except OSError:
        return Encryption(there=True, distrust=distrust)


def _inside(host: str, port: int, context: ssl.SSLContext) -> Encryption:
    with (
        socket.create_connection((host, port), timeout=SECONDS) as link,
        context.wrap_socket(link, server_hostname=host) as secure,
    ):
        try:
            return Encryption(there=True, bolt=speaks_bolt(secure))
        except OSError:
            return Encryption(there=True)

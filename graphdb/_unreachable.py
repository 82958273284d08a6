"""Why nobody answers at an address, found out after the driver has given up.

The driver's own words differ from version to version and mostly name what it tried last.
"""

import socket
import ssl
from urllib.parse import urlsplit

from graphdb.errors import NotReachable
from graphdb.settings import LOCAL_HOSTS, Settings

BOLT_PORT = 7687
_SECONDS = 5.0
_START = "start the local one with headgraph server start, or give --uri or NEO4J_URI"


def not_reachable(settings: Settings) -> NotReachable:
    """The sentence for a database that does not answer."""
    where = f"{settings.uri} (from {settings.origin})"
    return NotReachable(f"no database answers at {where}: {_why(settings.uri)}")


def _why(uri: str) -> str:
    address = urlsplit(uri)
    host, port = address.hostname or "", address.port or BOLT_PORT
    try:
        with socket.create_connection((host, port), timeout=_SECONDS) as connection:
            return _what_speaks(connection, address.scheme, host, port)
    except socket.gaierror:
        return (
            f"no address is known for {host}: it may have a slip in it, this network no way out, "
            "or the Aura instance may be paused or deleted, which its console shows"
        )
    except ConnectionRefusedError:
        refused = f"{host} refuses connections on port {port}, so it is down or still starting"
        return _START if host in LOCAL_HOSTS else refused
    except OSError as error:
        reason = "in time" if isinstance(error, TimeoutError) else f"({error.strerror or error})"
        return (
            f"{host} does not answer on port {port} {reason}: see whether this network, and "
            "the firewalls on the way, let that through"
        )


def _what_speaks(connection: socket.socket, scheme: str, host: str, port: int) -> str:
    plain, _, encryption = scheme.partition("+")
    if encryption == "s":
        try:
            with ssl.create_default_context().wrap_socket(connection, server_hostname=host):
                pass
        except ssl.SSLCertVerificationError as error:
            return (
                f"this machine does not trust the certificate of {host} "
                f"({error.verify_message}): {plain}+ssc:// takes one that nobody vouches for"
            )
        except OSError:
            return f"{host} takes connections on port {port} without encryption: try {plain}://"
    return (
        f"what answers there does not speak Bolt: wanted its Bolt port, usually {BOLT_PORT}, in "
        f"place of {port}"
    )

"""What a port speaks: Bolt in the clear, Bolt inside TLS, TLS alone, or something else."""

import socket
import ssl
from typing import NamedTuple

SECONDS = 5.0

# Bolt's greeting, and the versions spoken here in order of preference: 5.x down to 5.0, then 4.4
_GREETING = bytes.fromhex("6060b01700080805000004040000000000000000")


class Encryption(NamedTuple):
    """What a TLS handshake came to.

    Attributes:
        there: whether the port speaks TLS.
        distrust: why this machine does not trust the certificate; empty where it does.
        bolt: whether Bolt is spoken inside.
    """

    there: bool
    distrust: str = ""
    bolt: bool = False


def speaks_bolt(link: socket.socket) -> bool:
    """Whether what is connected agrees on a version of Bolt; it answers 0, 0 or a range, version.

    Raises:
        OSError: it hangs up, or does not answer in the time that the socket gives it.
    """
    link.sendall(_GREETING)
    version = link.recv(4)
    return len(version) == 4 and version[0] == 0 and version != bytes(4)


def in_the_clear(host: str, port: int) -> bool:
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

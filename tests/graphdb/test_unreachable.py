"""Why nobody answers: one sentence, for the address that was asked."""

import errno
import os
import shutil
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from headgraph.graphdb import Settings, connect
from headgraph.graphdb.errors import NotReachable
from headgraph.graphdb.server import RunningServer
from tests.commands import headgraph


def said(uri: str) -> str:
    with pytest.raises(NotReachable) as caught:
        connect(settings=Settings(uri=uri, password="x", origin="a test"))
    text = str(caught.value)
    start = f"no database answers at {uri} (from a test): "
    assert text.startswith(start)
    assert "\n" not in text
    assert len(text) <= 300
    return text.removeprefix(start)


@pytest.mark.parametrize("scheme", ["neo4j+s", "bolt"])
def test_a_host_that_nobody_knows(scheme: str) -> None:
    assert said(f"{scheme}://a1b2c3d4.databases.invalid") == (
        "cannot resolve a1b2c3d4.databases.invalid: check the spelling and the network, or whether "
        "the Aura instance is paused or deleted, which its console shows"
    )


def test_nobody_at_the_port() -> None:
    assert said("neo4j+s://127.0.0.1:9") == (
        "start the local one with headgraph.graphdb.server.start(), or give uri or NEO4J_URI"
    )
    assert said("bolt://127.1.2.3:9") == (
        "127.1.2.3 refuses connections on port 9, so it is down or still starting"
    )


def test_no_way_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def late(*args: object, **kwargs: object) -> None:
        raise TimeoutError("timed out")

    def no_route(*args: object, **kwargs: object) -> None:
        raise OSError(113, "No route to host")

    for fault, words in ((late, "in time"), (no_route, "(No route to host)")):
        with monkeypatch.context() as patch:
            patch.setattr(socket, "create_connection", fault)
            assert said("bolt://127.0.0.1:9") == (
                f"127.0.0.1 does not answer on port 9 {words}: check that this network and the "
                "firewalls on the way let the connection through"
            )


LOOPBACK_DOWN = (
    "this machine's loopback interface is down or lacks 127.0.0.1: bring it up (on Linux, ip link "
    "set lo up), or give the address of another machine"
)


@pytest.mark.parametrize(
    ("addresses", "words"),
    [
        (
            ["2001:db8::1"],
            "this machine has no IPv6 route to host.example (2001:db8::1; it has no other "
            "address): use a network with IPv6, or an IPv4 address of the server",
        ),
        (
            ["192.0.2.7"],
            "this machine has no IPv4 route to host.example (192.0.2.7; it has no other address): "
            "use a network with IPv4, or an IPv6 address of the server",
        ),
        (
            ["2001:db8::1", "192.0.2.7"],
            "this machine has no route to host.example (192.0.2.7 and 2001:db8::1): check its "
            "network connection",
        ),
        (["127.0.0.1"], LOOPBACK_DOWN),
    ],
)
def test_no_route(addresses: list[str], words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Addresses of one kind on a machine that has only the other, or none at all."""

    def resolve(host: str, port: int | None, *args: object, **kwargs: object) -> list[Any]:
        kinds = [socket.AF_INET6 if ":" in text else socket.AF_INET for text in addresses]
        return [
            (kind, socket.SOCK_STREAM, 6, "", (text, port or 0, 0, 0)[: 4 if ":" in text else 2])
            for kind, text in zip(kinds, addresses, strict=True)
        ]

    def connect(self: socket.socket, address: object) -> None:
        raise OSError(errno.ENETUNREACH, "Network is unreachable")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(socket.socket, "connect", connect)
    assert said("bolt://host.example") == words


def test_the_address_that_came_nearest_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host has two addresses; this machine reaches one, where nobody listens."""
    resolve = socket.getaddrinfo

    def both(host: str, port: int, *args: Any, **kwargs: Any) -> list[Any]:
        there = resolve("127.0.0.1", 9, *args, **kwargs)
        return [*there, (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("100::1", 9, 0, 0))]

    monkeypatch.setattr(socket, "getaddrinfo", both)
    assert said("bolt://host.example:9") == (
        "host.example refuses connections on port 9, so it is down or still starting"
    )


@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs unshare, of Linux")
@pytest.mark.parametrize("lo", ["down", "without 127.0.0.1"])
def test_a_machine_without_its_own_address(lo: str) -> None:
    """A network of its own, with a loopback interface that is down or has IPv6 alone."""
    alone = ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-rn"]
    ip = "" if lo == "down" else "ip link set lo up && ip addr del 127.0.0.1/8 dev lo && "
    if subprocess.run([*alone, "sh", "-c", f"{ip}true"], capture_output=True).returncode:
        pytest.skip("this system lets this user make no network of its own")
    command = f"{ip}exec {sys.executable} -m headgraph"
    for words, expected in (
        ("runs --uri bolt://127.0.0.1:7687", LOOPBACK_DOWN),
        ("server start", "this machine cannot connect to itself at 127.0.0.1 ("),
    ):
        done = subprocess.run(
            [*alone, "sh", "-c", f"{command} {words}"], capture_output=True, text=True
        )
        assert done.returncode == (1 if "start" in words else 3)
        (line,) = done.stderr.splitlines()
        assert expected in line
        assert len(line) <= 300


def test_a_real_server_that_does_not_encrypt(server: RunningServer) -> None:
    port = server.bolt_uri.rpartition(":")[2]
    assert said(f"neo4j+s://127.0.0.1:{port}") == (
        f"127.0.0.1 does not encrypt connections on port {port}: use neo4j://"
    )


@contextmanager
def answering(reply: bytes = b"", context: ssl.SSLContext | None = None) -> Iterator[int]:
    """A server that says `reply` to whoever connects and hangs up, inside TLS where it has one."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:  # closed by the test
                return
            try:
                if context is not None:
                    connection = context.wrap_socket(connection, server_side=True)
                connection.recv(20)
                connection.sendall(reply)
                connection.close()
            except OSError:
                connection.close()  # the other side did not like the certificate, or spoke no TLS

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


BOLT = bytes.fromhex("00000405")  # the version that a server agrees on


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Path]:
    """What a server needs for TLS, and its certificate, which nobody vouches for."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl, which makes the certificate, is not on this machine")
    folder = tmp_path_factory.mktemp("tls")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context, certificate


@pytest.mark.parametrize("plain", ["bolt", "neo4j"])
def test_a_server_that_encrypts(
    plain: str, certificate: tuple[ssl.SSLContext, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    with answering(BOLT, certificate[0]) as port:
        there = f"localhost accepts only encrypted connections on port {port}: use {plain}"
        assert said(f"{plain}://localhost:{port}") == (
            f"{there}+ssc://, which accepts its certificate unchecked (self-signed certificate)"
        )
        assert said(f"{plain}+s://localhost:{port}") == (
            "this machine does not trust the certificate of localhost (self-signed certificate): "
            f"{plain}+ssc:// accepts it unchecked"
        )
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate[1]))
        assert said(f"{plain}://localhost:{port}") == f"{there}+s://"


@pytest.mark.parametrize("plain", ["bolt", "neo4j"])
@pytest.mark.parametrize("encrypted", ["+s", "+ssc"])
def test_a_server_that_does_not_encrypt(plain: str, encrypted: str) -> None:
    with answering(BOLT) as port:
        assert said(f"{plain}{encrypted}://127.0.0.1:{port}") == (
            f"127.0.0.1 does not encrypt connections on port {port}: use {plain}://"
        )


def test_a_server_that_speaks_bolt_and_breaks_off(
    certificate: tuple[ssl.SSLContext, Path],
) -> None:
    """Not told that it does not speak Bolt: it names addresses nobody reaches, or was restarted."""
    routed = (
        "a Neo4j answers there, but the addresses that it gives for the database do not: use "
        "{}://, or check that the database is online and that server.bolt.advertised_address can "
        "be reached from here"
    )
    with answering(BOLT) as port:
        assert said(f"neo4j://127.0.0.1:{port}") == routed.format("bolt")
        assert said(f"bolt://127.0.0.1:{port}") == (
            "it answers now, but the connection broke before: it may have been restarting, so try "
            "again"
        )
    with answering(BOLT, certificate[0]) as port:
        assert said(f"neo4j+ssc://localhost:{port}") == routed.format("bolt+ssc")


@pytest.mark.parametrize(
    "reply",
    [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", bytes(4), b"\x1b]0;title\x07", b"SSH-2.0-x\r\n"],
)
@pytest.mark.parametrize("scheme", ["bolt", "neo4j", "bolt+ssc"])
def test_something_that_is_no_database(reply: bytes, scheme: str) -> None:
    with answering(reply) as port:
        assert said(f"{scheme}://127.0.0.1:{port}") == (
            "what answers there does not greet as Neo4j 4.4 or newer does: expected its Bolt port, "
            f"usually 7687, got {port}; if {port} is its Bolt port, Neo4j may still be "
            "starting, so try again"
        )


def test_encrypted_and_no_database(certificate: tuple[ssl.SSLContext, Path]) -> None:
    with answering(b"HTTP/1.1 400 Bad Request\r\n\r\n", certificate[0]) as port:
        for scheme in ("bolt", "bolt+ssc"):
            assert "does not greet as Neo4j 4.4 or newer does" in said(
                f"{scheme}://localhost:{port}"
            )


def test_a_command_prints_it_in_one_line_and_exits_with_3() -> None:
    for uri in ("neo4j+s://nobody.invalid", "neo4j+s://127.0.0.1:9", "neo4j://127.0.0.1:9"):
        done = headgraph("runs", NEO4J_URI=uri, NEO4J_PASSWORD="secret-word")
        assert done.returncode == 3
        assert done.stdout == ""
        (line,) = done.stderr.strip().splitlines()
        assert line.startswith(f"headgraph: no database answers at {uri} (from the environment): ")
        assert "secret-word" not in line

"""Why nobody answers: one sentence, for the address that was asked."""

import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from graphdb import Settings, connect
from graphdb.errors import NotReachable
from graphdb.server import RunningServer
from tests.test_cli import headgraph


def said(uri: str) -> str:
    with pytest.raises(NotReachable) as caught:
        connect(settings=Settings(uri=uri, password="x", origin="a test"))
    text = str(caught.value)
    start = f"no database answers at {uri} (from a test): "
    assert text.startswith(start)
    assert "\n" not in text
    return text.removeprefix(start)


@pytest.mark.parametrize("scheme", ["neo4j+s", "bolt"])
def test_a_host_that_nobody_knows(scheme: str) -> None:
    assert said(f"{scheme}://a1b2c3d4.databases.invalid") == (
        "no address is known for a1b2c3d4.databases.invalid: it may have a slip in it, this "
        "network no way out, or the Aura instance may be paused or deleted, which its console shows"
    )


def test_nobody_at_the_port() -> None:
    assert said("neo4j+s://127.0.0.1:9") == (
        "start the local one with headgraph server start, or give --uri or NEO4J_URI"
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
                f"127.0.0.1 does not answer on port 9 {words}: see whether this network, and the "
                "firewalls on the way, let that through"
            )


def test_a_server_that_does_not_encrypt(server: RunningServer) -> None:
    port = server.bolt_uri.rpartition(":")[2]
    assert said(f"neo4j+s://127.0.0.1:{port}") == (
        f"127.0.0.1 takes connections on port {port} without encryption: try neo4j://"
    )


@contextmanager
def answering(context: ssl.SSLContext | None = None) -> Iterator[int]:
    """A server that hangs up on whoever connects, after the handshake of TLS where there is one."""
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
                connection.close()
            except OSError:
                connection.close()  # the other side did not like the certificate

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def test_a_certificate_that_nobody_vouches_for(tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl, which makes the certificate, is not on this machine")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost",
         "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with answering(context) as port:
        assert said(f"bolt+s://localhost:{port}") == (
            "this machine does not trust the certificate of localhost (self-signed certificate): "
            "bolt+ssc:// takes one that nobody vouches for"
        )


def test_something_that_is_no_database() -> None:
    with answering() as port:
        assert said(f"bolt://127.0.0.1:{port}") == (
            f"what answers there does not speak Bolt: wanted its Bolt port, usually 7687, in place "
            f"of {port}"
        )


def test_a_command_prints_it_in_one_line_and_exits_with_3() -> None:
    for uri in ("neo4j+s://nobody.invalid", "neo4j+s://127.0.0.1:9", "neo4j://127.0.0.1:9"):
        done = headgraph("runs", NEO4J_URI=uri, NEO4J_PASSWORD="secret-word")
        assert done.returncode == 3
        assert done.stdout == ""
        (line,) = done.stderr.strip().splitlines()
        assert line.startswith(f"headgraph: no database answers at {uri} (from the environment): ")
        assert "secret-word" not in line

"""A relay to a Bolt server that can keep what the server answers, or end every connection."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Relay:
    """Passes bytes on in both directions until a client sends `mark`.

    Attributes:
        uri: the address to give in place of the server's.
        reached: set once a client has sent the mark.
        left: set once a client has ended its connection.
    """

    def __init__(self, port: int, mark: bytes, *, cut: bool) -> None:
        self.reached, self.left = threading.Event(), threading.Event()
        self._port, self._mark, self._cut = port, mark, cut
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets = [self._listener]
        self.uri = f"bolt://127.0.0.1:{self._listener.getsockname()[1]}"
        self._start(self._accept)

    def close(self) -> None:
        for it in self._sockets:
            with suppress(OSError):
                it.shutdown(socket.SHUT_RDWR)
            it.close()

    def _start(self, work: object, *args: object) -> None:
        threading.Thread(target=work, args=args, daemon=True).start()  # type: ignore[arg-type]

    def _accept(self) -> None:
        with suppress(OSError):  # closed by the test
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._port))
                self._sockets += [client, server]
                self._start(self._requests, client, server)
                self._start(self._answers, server, client)

    def _requests(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := client.recv(65536):
                if self._mark in data:
                    self.reached.set()
                    if self._cut:
                        client.shutdown(socket.SHUT_RDWR)
                server.sendall(data)
            self.left.set()
            server.shutdown(socket.SHUT_RDWR)

    def _answers(self, server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(65536):
                if not self.reached.is_set():
                    client.sendall(data)


@contextmanager
def relay(uri: str, mark: bytes, *, cut: bool = False) -> Iterator[Relay]:
    """A relay to the server at `uri`; `cut` ends the connection at the mark."""
    it = Relay(int(uri.rpartition(":")[2]), mark, cut=cut)
    try:
        yield it
    finally:
        it.close()

"""Limits on what a hub may send, checked between huggingface_hub and the network.

huggingface_hub joins the ETag and the commit of a response into paths, and writes a body of any
length. A guard keeps the sessions of huggingface_hub and checks each request, each response and the
bytes that arrive. It supports the HTTP libraries of huggingface_hub (requests, httpx, httpx2).
"""

import ipaddress
import os
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from headgraph.base.files.documents import LARGEST
from headgraph.base.text import quoted
from headgraph.pk_engine.errors import ModelError
from headgraph.pk_engine.models.hub._errors import NoAnswer, host

ANSWER = 16 * 2**20
"""Largest response, in bytes, that is no file; the list of a repository's files is far smaller."""
WINDOW = 60
"""Seconds over which the rate of a transfer is measured."""
SLOWEST = 500
"""Lowest rate of a transfer, in bytes a second; a modem of 1990 is faster."""
PATIENCE = 300
"""Longest wait before a retry, in seconds, that a hub may request."""
REDIRECTS = 10
PLAIN = "HEADGRAPH_PLAIN_HTTP"
"""Environment variable: `1` allows http:// for hubs on other machines."""

COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
"""The name of a commit, by SHA-1 or SHA-256."""
_ALONE = threading.RLock()
_ETAG = re.compile(r"[0-9a-fA-F]{8,128}")
_PATHS = {"ETag": _ETAG, "X-Linked-ETag": _ETAG, "X-Repo-Commit": COMMIT}
_SIZE = re.compile(r"[0-9]{1,15}")

Headers = MutableMapping[str, str]


class Guard:
    """Checks of the requests and responses of one download.

    Attributes:
        dropped: why headers of the last response were dropped as untrusted; None if none were.
    """

    def __init__(self) -> None:
        self._etag: str | None = None
        self.dropped: str | None = None
        self._size: int | None = None
        self._left, self._redirects = ANSWER, 0
        self._since, self._window = time.monotonic(), 0

    def reset(self) -> None:
        """Forget the last file. Call this before the next one, which may need no request."""
        self._etag = self.dropped = None

    def etag(self) -> str | None:
        """The ETag of the file requested last, None without a request."""
        return self._etag

    def before_request(self, method: str, url: str) -> None:
        """Check a request or a redirected one before it is sent.

        Raises:
            ModelError: it uses plain http to another machine, or the file exceeds the free space.
        """
        check_scheme(url)
        if method != "GET" or "/api/" in url:  # a new file or query; a GET alone continues one
            self._etag = self.dropped = self._size = None
            self._left, self._window, self._since = ANSWER, 0, time.monotonic()
        elif self._size:
            _check_space(self._size)

    def on_response(self, method: str, url: str, status: int, headers: Headers) -> None:
        """Check a response before its body is read, and drop its untrusted headers.

        Raises:
            ModelError: endless redirects, an encoded body, or a document of many megabytes.
        """
        self._redirects = self._redirects + 1 if 300 <= status < 400 else 0
        if self._redirects > REDIRECTS:
            raise ModelError(f"the hub at {host()} redirects without end: check HF_ENDPOINT")
        if headers.get("Content-Encoding", "identity").lower() != "identity":
            raise ModelError(
                f"the hub at {host()} compresses {_file(url)} ({headers['Content-Encoding']}), "
                "though identity was asked for: its size cannot be checked"
            )
        dropped = _drop_untrusted(headers)
        if method == "HEAD":
            self.dropped = dropped
            self._expect(url, headers)
        elif self._size is None and 200 <= status < 300 and "/api/" not in url:
            self._size = _number(headers.get("Content-Length"))
            self._left = ANSWER + 2 * (self._size or 0)

    def on_bytes(self, count: int) -> None:
        """Count bytes that arrived.

        Raises:
            ModelError: there are more than announced.
            NoAnswer: the transfer is slower than `SLOWEST`.
        """
        self._left, self._window = self._left - count, self._window + count
        if self._left < 0:
            raise ModelError(
                f"the hub at {host()} sends more than it said or than any answer needs: check "
                "HF_ENDPOINT"
            )
        now = time.monotonic()
        if now - self._since >= WINDOW:
            if self._window < SLOWEST * (now - self._since):
                rate = self._window / (now - self._since)
                raise NoAnswer(f"{rate:.0f} bytes a second, expected {SLOWEST} or more")
            self._since, self._window = now, 0

    def _expect(self, url: str, headers: Headers) -> None:
        etag = headers.get("X-Linked-ETag") or headers.get("ETag")
        self._etag = _bare(etag) if etag else None
        self._size = _number(headers.get("X-Linked-Size") or headers.get("Content-Length"))
        size = self._size or 0
        self._left = ANSWER + 2 * size  # a server without resume sends parts twice
        if _file(url).endswith(".json") and size > LARGEST:
            raise ModelError(
                f"{quoted(_file(url))} has {size:,} bytes on the hub: expected at most {LARGEST:,} "
                "in a file of its kind"
            )


@contextmanager
def guarding() -> Iterator[Guard]:
    """Put a guard over all sessions of huggingface_hub within the block, one thread at a time.

    huggingface_hub has one factory of sessions for a process: of two threads, the first to end
    would take the guard away from the other.
    """
    from huggingface_hub.utils import _http

    guard = Guard()
    modern = hasattr(_http, "set_client_factory")
    name = "_GLOBAL_CLIENT_FACTORY" if modern else "_GLOBAL_BACKEND_FACTORY"
    install = getattr(_http, "set_client_factory" if modern else "configure_http_backend")
    watch = _watch_client if modern else _watch_session
    with _ALONE:
        before = getattr(_http, name)  # the user may have set one for proxies or certificates
        install(lambda: watch(before(), guard))
        try:
            yield guard
        finally:
            install(before)


def check_endpoint() -> None:
    """Refuse an HF_ENDPOINT that is no address, with which huggingface_hub fails at import.

    Raises:
        ModelError: the address has no host, an invalid port, or a name that no lookup accepts.
    """
    url = os.environ.get("HF_ENDPOINT")
    if not url:
        return
    parts = None
    try:
        parts = urlsplit(url)
        _, host_name = parts.port, (parts.hostname or "").encode("idna")
    except ValueError:  # not quoted, because the text in place of a port may be a password
        host_name = b""
    if parts is None or not host_name or not parts.scheme or not url.isprintable():
        raise ModelError(
            "HF_ENDPOINT is no address with a host (and a port from 0 to 65535): expected one such "
            "as https://hub.example, or no such variable"
        )


def check_scheme(url: str) -> None:
    """Refuse plain http, which anyone on the network path can change.

    Raises:
        ModelError: neither https, nor between this machine and itself, nor allowed.
    """
    from huggingface_hub import constants

    parts = urlsplit(url)
    inside = _loopback(parts.hostname) and _loopback(urlsplit(constants.ENDPOINT).hostname)
    allowed = inside or os.environ.get(PLAIN) == "1"
    if parts.scheme != "https" and not (parts.scheme == "http" and allowed):
        where = quoted(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}")
        raise ModelError(
            f"the hub or a redirect of it is at {where}: expected https; {PLAIN}=1 allows http "
            "where you trust the network"
        )


def _watch_client(client: Any, guard: Guard) -> Any:
    """Install the guard in a client of httpx; its streams are wrapped when they connect."""

    def trace(event: str, info: dict[str, Any]) -> None:
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            stream = info["return_value"]
            stream.read = _counted(stream.read, guard, len)

    def before(request: Any) -> None:
        guard.before_request(request.method, str(request.url))
        request.headers["Accept-Encoding"] = "identity"
        request.extensions = {**request.extensions, "trace": trace}

    def after(response: Any) -> None:
        request = response.request
        guard.on_response(request.method, str(request.url), response.status_code, response.headers)

    hooks = client.event_hooks
    client.event_hooks = {
        "request": [*hooks.get("request", ()), before],
        "response": [*hooks.get("response", ()), after],
    }
    return client


def _watch_session(session: Any, guard: Guard) -> Any:
    """Install the guard in a session of requests; its sockets are wrapped at each response."""
    send = session.send

    def before(request: Any, **how: Any) -> Any:
        guard.before_request(request.method, request.url)
        request.headers["Accept-Encoding"] = "identity"
        return send(request, **how)

    def after(response: Any, **_: Any) -> None:
        request = response.request
        guard.on_response(request.method, request.url, response.status_code, response.headers)
        socket = getattr(getattr(response.raw, "_fp", None), "fp", None)
        if socket is not None:  # None where there is no body
            socket.raw.readinto = _counted(socket.raw.readinto, guard, lambda count: count or 0)

    session.send = before
    session.hooks["response"].append(after)
    return session


def _counted(
    read: Callable[..., Any], guard: Guard, size: Callable[[Any], int]
) -> Callable[..., Any]:
    def counted(*args: Any, **kwargs: Any) -> Any:
        got = read(*args, **kwargs)
        guard.on_bytes(size(got))
        return got

    return counted


def _drop_untrusted(headers: Headers) -> str | None:
    """Drop untrusted headers; return why, for headers that huggingface_hub turns into paths."""
    dropped = None
    for name, known in _PATHS.items():
        value = headers.get(name)
        if value is not None and not known.fullmatch(_bare(value)):
            dropped = f"the {name} is {quoted(value)}, expected a hexadecimal number"
    if dropped:
        for name in _PATHS:
            headers.pop(name, None)
    waits = re.findall(r"\d+", f"{headers.get('Retry-After', '')} {headers.get('ratelimit', '')}")
    if any(len(wait) > 9 or int(wait) > PATIENCE for wait in waits):
        for name in ("Retry-After", "ratelimit"):
            headers.pop(name, None)
    if not _official():  # another library makes these transfers, out of the guard's sight
        headers.pop("X-Xet-Hash", None)
    return dropped


def _check_space(size: int) -> None:
    from huggingface_hub import constants

    folder = Path(constants.HF_HUB_CACHE)
    there = next(path for path in (folder, *folder.absolute().parents) if path.is_dir())
    if size > (free := shutil.disk_usage(there).free):
        raise ModelError(
            f"a file of {size / 1e9:,.1f} GB does not fit into {there}, which has "
            f"{free / 1e9:,.1f} GB free: make space, or set HF_HOME to another disk"
        )


def _loopback(name: str | None) -> bool:
    try:
        return ipaddress.ip_address(name or "").is_loopback
    except ValueError:
        return name == "localhost"


def _official() -> bool:
    from huggingface_hub import constants

    return bool(constants.ENDPOINT == constants._HF_DEFAULT_ENDPOINT)


def _bare(etag: str) -> str:
    """An ETag without its quotes, as huggingface_hub reads it."""
    return etag.lstrip("W/").strip('"')


def _file(url: str) -> str:
    return urlsplit(url).path.rpartition("/")[2]


def _number(text: str | None) -> int | None:
    return int(text) if text and _SIZE.fullmatch(text) else None

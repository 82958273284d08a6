"""A model hub on loopback: what a download uses of the real one's API, and its failures."""

import hashlib
import json
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any, Self
from urllib.parse import unquote, urlsplit

SECRET = "hf_this_is_nobody_elses_business"


@dataclass
class Repo:
    """Files by commit, and the branches and tags that name commits."""

    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)
    readers: set[str] | None = None
    """Tokens that may read a gated repository; None where everybody may."""
    private: bool = False

    def commit(self, files: dict[str, bytes], *refs: str) -> str:
        """Add a commit and let branches and tags name it."""
        sha = hashlib.sha1(repr(sorted(files.items())).encode()).hexdigest()
        self.commits[sha] = files
        self.refs |= dict.fromkeys(refs, sha)
        return sha

    def resolve(self, revision: str) -> str | None:
        return revision if revision in self.commits else self.refs.get(revision)


def folder_files(folder: Path) -> dict[str, bytes]:
    """The files of a folder, as a commit wants them."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


class _Web(ThreadingHTTPServer):
    """Says nothing of clients that went away: tests interrupt downloads."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class HubServer:
    """The server, in a thread. `requests` is what was asked, `files_sent` what of files was."""

    def __init__(self) -> None:
        self.repos: dict[str, Repo] = {}
        self.requests: list[tuple[str, str]] = []
        self.breaks: dict[str, int] = {}
        """File -> bytes after which its connection closes; from then on it closes at once."""
        self.status: int | None = None
        """Answer everything with this."""
        self.answer: Callable[[], None] | None = None
        """Called before each answer."""
        self.info: bytes | None = None
        """Said of every repository, in place of what it holds."""
        self.lies: dict[str, str] = {}
        """Headers of every answer about a file, in place of the true ones; no value, no header."""
        self.streams: dict[str, Callable[[], Iterator[bytes]]] = {}
        """File -> what its content is in place of it, of no length that is said before."""
        self.drips = False
        """Whether the headers of answers come byte by byte, without end."""
        self.moved: dict[str, tuple[int, str]] = {}
        """File -> status and Location."""
        self.closing = Event()
        server = self

        class Handler(_Handler):
            hub = server

        self._http = _Web(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}"

    def __enter__(self) -> Self:
        self._thread = Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    @property
    def files_asked(self) -> list[str]:
        """Names of files asked for, headers alone or whole, since `requests` was last cleared."""
        return [path.rpartition("/")[2] for _, path in self.requests if "/resolve/" in path]

    @property
    def files_sent(self) -> list[str]:
        """Names of files of which content was sent."""
        found = [path for method, path in self.requests if method == "GET" and "/resolve/" in path]
        return [path.rpartition("/")[2] for path in found]


class _Handler(BaseHTTPRequestHandler):
    hub: HubServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_HEAD(self) -> None:
        self._route()

    def do_GET(self) -> None:
        self._route()

    def _route(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.hub.requests.append((self.command, path))
        if self.hub.answer:
            self.hub.answer()
        if self.hub.drips:
            self._drip()
        elif self.hub.status is not None:
            self._send(self.hub.status, b"{}", self.hub.lies)
        elif found := re.fullmatch(r"/api/models/([^/]+/[^/]+)/refs", path):
            self._refs(found[1])
        elif found := re.fullmatch(r"/api/models/([^/]+/[^/]+?)(?:/revision/(.+))?", path):
            self._info(found[1], found[2] or "main")
        elif found := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            self._file(found[1], found[2], found[3])
        else:
            self._refuse(404, "")

    def _info(self, name: str, revision: str) -> None:
        repo, sha = self._at(name, revision)
        if repo and sha and self.hub.info is not None:
            self._send(200, self.hub.info)
        elif repo and sha:
            siblings = [{"rfilename": file} for file in repo.commits[sha]]
            body = {"id": name, "sha": sha, "siblings": siblings, "tags": [], "private": False}
            self._send(200, json.dumps(body).encode())

    def _refs(self, name: str) -> None:
        repo, _ = self._at(name, "main")
        if repo:
            named = [
                {"name": ref, "ref": f"refs/heads/{ref}", "targetCommit": sha}
                for ref, sha in repo.refs.items()
            ]
            self._send(200, json.dumps({"branches": named, "tags": [], "converts": []}).encode())

    def _file(self, name: str, revision: str, file: str) -> None:
        repo, sha = self._at(name, revision)
        if not (repo and sha):
            return
        content = repo.commits[sha].get(file)
        if repo.readers is not None and self._token() not in repo.readers:
            self._refuse(403 if self._token() else 401, "GatedRepo")
        elif content is None:
            self._refuse(404, "EntryNotFound")
        else:
            self._content(file, content, sha)

    def _content(self, file: str, content: bytes, sha: str) -> None:
        headers = {"X-Repo-Commit": sha, "ETag": f'"{hashlib.sha256(content).hexdigest()}"'}
        headers |= self.hub.lies
        if file in self.hub.moved:
            status, headers["Location"] = self.hub.moved[file]
            self._send(status, b"", headers)
            return
        if self.command == "GET" and file in self.hub.streams:
            self._stream(self.hub.streams[file](), headers)
            return
        start = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        begin = int(start[1]) if start else 0
        if begin:
            headers["Content-Range"] = f"bytes {begin}-{len(content) - 1}/{len(content)}"
        limit = self.hub.breaks.get(file) if self.command == "GET" else None
        if limit is not None:
            self.hub.breaks[file] = 0
            self.close_connection = True
        self._send(206 if begin else 200, content[begin:], headers, limit)

    def _stream(self, blocks: Iterator[bytes], headers: dict[str, str]) -> None:
        self.send_response(200)
        for key, value in {**headers, "Transfer-Encoding": "chunked"}.items():
            self.send_header(key, value)
        self.end_headers()
        for block in blocks:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(block), block))
        self.wfile.write(b"0\r\n\r\n")

    def _drip(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
        while not self.hub.closing.wait(0.02):
            self.wfile.write(b"x")

    def _at(self, name: str, revision: str) -> tuple[Repo | None, str | None]:
        """The repository and the commit; whatever is missing has been answered."""
        repo = self.hub.repos.get(name)
        if repo is None or (repo.private and not self._token()):
            # the real one says 401 to those whom it does not know, so that names stay private
            self._refuse(401 if not self._token() else 404, "RepoNotFound")
            return None, None
        if repo.private:
            self._refuse(401, "", "Invalid credentials in Authorization header")
            return None, None
        sha = repo.resolve(revision)
        if sha is None:
            self._refuse(404, "RevisionNotFound")
        return repo, sha

    def _token(self) -> str:
        return self.headers.get("Authorization", "").removeprefix("Bearer ")

    def _refuse(self, status: int, code: str, message: str = "") -> None:
        headers = {"X-Error-Code": code, "X-Error-Message": message}
        self._send(status, b"", {key: value for key, value in headers.items() if value})

    def _send(
        self, status: int, body: bytes, headers: dict[str, str] | None = None,
        limit: int | None = None,
    ) -> None:  # fmt: skip
        self.send_response(status)
        for key, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            if value:
                self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[:limit])

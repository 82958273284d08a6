"""A server that runs: what it answers, what it refuses, and what it gives away."""

import socket
import threading
from collections.abc import Iterator
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import neo4j
import psutil
import pytest

from headgraph.graphdb.errors import ServerError
from headgraph.graphdb.server import RunningServer, ServerHome, lifecycle, running, start
from headgraph.graphdb.server.home import config
from headgraph.graphdb.server.home.folder import SPACE_AGAIN, SPACE_NEEDED
from headgraph.graphdb.server.home.state import read_state
from headgraph.graphdb.server.launch import problem
from headgraph.graphdb.server.ports import Ports, answer

LISTEN = psutil.CONN_LISTEN


@pytest.fixture(scope="module")
def driver(server: RunningServer) -> Iterator[neo4j.Driver]:
    auth = (server.user, server.password())
    with neo4j.GraphDatabase.driver(server.bolt_uri, auth=auth) as driver:
        yield driver


def ports(server: RunningServer) -> Ports:
    http = server.browser_url.removesuffix("/browser/")
    return Ports(int(server.bolt_uri.rpartition(":")[2]), int(http.rpartition(":")[2]))


def size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def ask(server: RunningServer, method: str, path: str, body: str | None = None) -> tuple[int, str]:
    link = HTTPConnection("127.0.0.1", ports(server).http, timeout=60)
    try:
        link.request(method, path, body, {"Content-Type": "application/json"} if body else {})
        reply = link.getresponse()
        return reply.status, f"{reply.headers}\n{reply.read().decode()}"
    finally:
        link.close()


def test_both_answer_when_start_returns(server: RunningServer) -> None:
    assert answer(ports(server))
    assert server.bolt_uri.startswith("bolt://127.0.0.1:")
    assert server.browser_url.startswith("http://127.0.0.1:")


def test_it_is_the_pinned_version(server: RunningServer, driver: neo4j.Driver) -> None:
    rows = driver.execute_query("CALL dbms.components() YIELD versions, edition").records

    assert [(row["versions"], row["edition"]) for row in rows] == [([server.version], "community")]
    assert server.version == config.VERSION


def test_a_wrong_password_is_refused(server: RunningServer) -> None:
    with (
        neo4j.GraphDatabase.driver(server.bolt_uri, auth=(server.user, "guessed")) as driver,
        pytest.raises(neo4j.exceptions.AuthError),
    ):
        driver.verify_connectivity()


def test_a_password_file_that_is_not_the_servers_is_told(
    server: RunningServer, tmp_path: Path
) -> None:
    state = read_state(ServerHome(server.home))
    assert state is not None
    assert problem(ServerHome(server.home), state) is None
    other = ServerHome(tmp_path)
    other.password_file.write_text("guessed")
    with pytest.raises(ServerError, match=r"refuses the password in .*: put the server's current"):
        problem(other, state)


def test_no_password_is_refused(server: RunningServer) -> None:
    with (
        neo4j.GraphDatabase.driver(server.bolt_uri) as driver,
        pytest.raises(neo4j.exceptions.ClientError, match="authentication"),
    ):
        driver.verify_connectivity()


def test_a_second_start_finds_it_and_does_no_more(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ensure_jars", "adopt", "launch"):
        monkeypatch.delattr(lifecycle, name)

    assert start(server.home) == server
    assert running(server.home) == server


def test_it_listens_on_loopback_alone(server: RunningServer) -> None:
    sockets = psutil.Process(server.pid).net_connections("inet")
    addresses = {(link.laddr.ip, link.laddr.port) for link in sockets if link.status == LISTEN}

    # Java speaks IPv4 through IPv6 sockets
    assert {ip.removeprefix("::ffff:") for ip, _ in addresses} == {"127.0.0.1"}
    assert {port for _, port in addresses} == set(ports(server))


def test_other_addresses_of_this_machine_are_closed(server: RunningServer) -> None:
    for port in ports(server):
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.2", port), timeout=60)


def test_the_password_is_nowhere_but_in_its_file(server: RunningServer) -> None:
    secret = server.password().encode()
    assert len(secret) >= 24

    holders = [
        path
        for path in server.home.rglob("*")
        if path.is_file() and secret in path.read_bytes() and path != server.password_file
    ]
    assert holders == []
    assert server.password_file.stat().st_mode & 0o777 == 0o600


def test_the_password_is_on_no_command_line(server: RunningServer) -> None:
    told = [" ".join(it.info["cmdline"] or ()) for it in psutil.process_iter(["cmdline"])]

    assert len(told) > 1
    assert not [line for line in told if server.password() in line]
    environment = psutil.Process(server.pid).environ()
    assert not [name for name, value in environment.items() if server.password() in value]


def test_nothing_shows_the_password(server: RunningServer) -> None:
    assert server.password() not in f"{server} {server!r}"


def test_load_csv_reads_no_file(driver: neo4j.Driver, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("a\n")
    for url in ("file:///etc/passwd", (tmp_path / "x.csv").as_uri(), "file:///x.csv"):
        with pytest.raises(neo4j.exceptions.Neo4jError, match="allow_csv_import_from_file_urls"):
            driver.execute_query("LOAD CSV FROM $url AS row RETURN row", url=url)


class Listener(BaseHTTPRequestHandler):
    asked: list[str] = []  # noqa: RUF012

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"a\n")

    def log_message(self, *args: object) -> None:
        pass


def test_load_csv_asks_no_other_machine(driver: neo4j.Driver) -> None:
    with HTTPServer(("127.0.0.1", 0), Listener) as web:
        thread = threading.Thread(target=web.serve_forever)
        thread.start()
        try:
            for host in ("127.0.0.1", "localhost"):
                url = f"http://{host}:{web.server_port}/x.csv"
                with pytest.raises(neo4j.exceptions.Neo4jError, match="block"):
                    driver.execute_query("LOAD CSV FROM $url AS row RETURN row", url=url)
        finally:
            web.shutdown()
            thread.join()
    assert Listener.asked == []


@pytest.mark.parametrize("path", ["/db/neo4j/tx/commit", "/db/neo4j/query/v2", "/db/neo4j/tx"])
def test_http_takes_no_cypher(server: RunningServer, path: str) -> None:
    status, _ = ask(server, "POST", path, '{"statements": [{"statement": "RETURN 1"}]}')

    assert status == 404


def test_http_serves_browser_and_keeps_it_to_this_server(server: RunningServer) -> None:
    status, page = ask(server, "GET", "/browser/")

    assert status == 200
    assert "<title>Neo4j Browser</title>" in page
    assert f"Content-Security-Policy: {config.content_policy(ports(server).bolt)}" in page


def test_browser_is_sent_to_our_bolt_port(server: RunningServer) -> None:
    _, about = ask(server, "GET", "/")

    assert f'"bolt_direct":"{server.bolt_uri}"' in about


def test_the_server_took_the_settings_it_was_told(
    server: RunningServer, driver: neo4j.Driver
) -> None:
    rows = driver.execute_query("SHOW SETTINGS YIELD name, value").records
    seen = {row["name"]: row["value"] for row in rows}
    told = config.settings(ports(server))

    shown = {name: value for name, value in told.items() if not name.startswith("internal.")}
    assert set(shown) - set(seen) == set()
    # sizes come back in other units
    same = {
        name
        for name in shown
        if not name.startswith(("server.memory", "dbms.memory", "db.memory", "db.tx"))
    }
    assert {name: seen[name] for name in same} == {name: shown[name] for name in same}


def test_one_query_cannot_take_the_whole_heap(driver: neo4j.Driver) -> None:
    rows = driver.execute_query(
        "SHOW SETTINGS 'dbms.memory.transaction.total.max' YIELD value RETURN value"
    ).records

    assert [row["value"] for row in rows] == ["512.00MiB"]


def test_a_start_takes_no_more_of_the_disk_than_it_asks_for(server: RunningServer) -> None:
    unpacked, web = size(server.home / "tmp"), size(server.home / "web")
    log = 16 * 2**20  # a file of it, preallocated: config.SIZES
    assert unpacked > 0
    assert unpacked + log < SPACE_AGAIN
    assert unpacked + web + 2 * log + 5_000_000 < SPACE_NEEDED  # 5 MB: two empty stores


def test_its_temporary_files_stay_in_its_home(server: RunningServer) -> None:
    assert list((server.home / "tmp").glob("jetty-*"))

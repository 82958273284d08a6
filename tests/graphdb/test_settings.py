"""Where the database is, and what is said when it is nowhere or will not have us."""

from pathlib import Path

import pytest

from headgraph.base.spelling import Message
from headgraph.graphdb import Graph, Settings, connect
from headgraph.graphdb.connection._driver_errors import no_such_database, with_way_out
from headgraph.graphdb.connection.settings import resolve
from headgraph.graphdb.errors import AuthRefused, NoAddress, NotReachable, SettingsError
from headgraph.graphdb.server import RunningServer


def local(monkeypatch: pytest.MonkeyPatch, folder: Path) -> RunningServer:
    (folder / "password").write_text("its own\n")
    server = RunningServer(
        bolt_uri="bolt://127.0.0.1:9",
        browser_url="",
        user="neo4j",
        password_file=folder / "password",
        pid=1,
        version="5",
        home=folder,
    )
    monkeypatch.setattr("headgraph.graphdb.server.running_server.running", lambda: server)
    return server


def test_no_address_anywhere_is_a_database_that_is_not_reachable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("headgraph.graphdb.server.running_server.running", lambda: None)
    with pytest.raises(NotReachable) as caught:
        resolve(environ={})
    assert caught.value.exit_code == 3
    seen = "no database: no local server is running and NEO4J_URI is not set; start one with"
    assert str(caught.value) == f"{seen} headgraph.graphdb.server.start(), or give uri"
    assert caught.value.for_command_line() == f"{seen} headgraph server start, or give --uri"


def test_a_server_that_is_still_starting_has_no_address_yet(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("headgraph.graphdb.server.running_server.running", lambda: None)
    monkeypatch.setattr("headgraph.graphdb.server.running_server.coming_up", lambda home: 4711)
    with pytest.raises(NoAddress, match=r"no database yet: .* \(process 4711\) is still starting"):
        resolve(environ={})  # what starts the server where there is no address goes on


@pytest.mark.parametrize(
    ("user", "environ", "expected"),
    [
        (None, {}, ("neo4j", "its own")),
        ("neo4j", {}, ("neo4j", "its own")),
        ("eve", {}, ("eve", None)),
        (None, {"NEO4J_USERNAME": "eve"}, ("eve", None)),
        ("eve", {"NEO4J_PASSWORD": "hers"}, ("eve", "hers")),
        (None, {"NEO4J_PASSWORD": "another"}, ("neo4j", "another")),
    ],
)
def test_who_asks_the_local_server(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    user: str | None,
    environ: dict[str, str],
    expected: tuple[str, str | None],
) -> None:
    local(monkeypatch, tmp_path)
    found = resolve(user=user, environ=environ)
    assert (found.user, found.password) == expected
    assert found.origin == "the local server"


@pytest.mark.parametrize(
    ("uri", "sentence"),
    [
        ("localhost:7687", "has no scheme of Neo4j: expected one such as bolt://"),
        ("http://localhost:7474", "has no scheme of Neo4j"),
        ("bolt:/localhost", "has no scheme of Neo4j"),
        ("bolt://localhost:99999", "cannot be read (port out of range 0-65535): expected"),
        ("bolt://localhost:abc", "cannot be read (port could not be cast to integer value"),
        ("neo4j://[::1", "cannot be read (invalid ipv6 url): expected"),
        ("bolt://", "names no host and port: expected"),
        ("bolt://:7687", "names no host and port"),
        ("bolt://localhost:0", "names no host and port"),
        ("bolt://my host:7687", "names no host and port"),
        ("bolt://a..b:7687", "names a host whose parts are empty or longer than 63 characters:"),
        ("bolt://" + "x" * 64 + ":1", "names a host whose parts are empty or longer than 63"),
        ("neo4j://localhost/mine", "goes on after the port with '/mine': name a database with"),
        ("bolt://localhost?policy=eu", "goes on with 'policy=eu', which only neo4j:// takes"),
    ],
)
def test_addresses_that_no_driver_can_use(uri: str, sentence: str) -> None:
    with pytest.raises(SettingsError) as caught:
        resolve(environ={"NEO4J_URI": uri})
    assert str(caught.value).startswith(f"the address {uri!r} {sentence}")


@pytest.mark.parametrize("variable", ["NEO4J_URI", "NEO4J_USERNAME", "NEO4J_PASSWORD"])
def test_what_no_server_takes_for_its_length(variable: str) -> None:
    environ = {"NEO4J_URI": "bolt://localhost:1", variable: "bolt://" + "x" * 10_000}
    with pytest.raises(
        SettingsError, match="has 10,007 characters: expected at most 1,000"
    ) as said:
        resolve(environ=environ)
    assert variable in str(said.value)
    assert len(str(said.value)) < 300


@pytest.mark.parametrize(
    "uri",
    [
        "neo4j://h:1/?policy=eu",
        "bolt+ssc://[::1]:7687",
        "bolt://h/",
        "bolt://neo4j_db:1",
        "bolt://é.a.",
    ],
)
def test_addresses_that_drivers_can_use(uri: str) -> None:
    with Graph(resolve(environ={"NEO4J_URI": uri})) as graph:
        assert graph.settings.uri == uri


@pytest.mark.parametrize("scheme", ["bolt://", "http://", "neo4j:", ""])
def test_a_password_in_an_address_is_not_shown(scheme: str) -> None:
    with pytest.raises(SettingsError, match="holds a user or password before @") as caught:
        resolve(environ={"NEO4J_URI": f"{scheme}eve:secret-word@localhost:7687"})
    assert "secret-word" not in str(caught.value)


@pytest.mark.parametrize(
    ("variable", "user", "with_"),
    [("NEO4J_USERNAME", "eve", "no"), ("NEO4J_PASSWORD", "neo4j", "this")],
)
def test_the_local_server_refuses_who_is_not_its_user(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch, variable: str, user: str, with_: str
) -> None:
    monkeypatch.setenv(variable, "eve")
    with pytest.raises(AuthRefused) as caught:
        connect()
    seen = f"{server.bolt_uri} (from the local server) refuses user {user!r} with {with_} password"
    helps = "NEO4J_USERNAME and NEO4J_PASSWORD to use the server's own"
    assert str(caught.value) == f"{seen}: leave out user, {helps}"
    assert caught.value.for_command_line() == f"{seen}: leave out --user, {helps}"


def test_a_database_that_is_not_there(server: RunningServer) -> None:
    with connect(database="nodb") as graph, pytest.raises(SettingsError) as caught:
        graph.read("RETURN 1")
    seen = f"{server.bolt_uri} (from the local server) has no database 'nodb': it has neo4j"
    helps = "(or NEO4J_DATABASE) for the user's own"
    assert str(caught.value) == f"{seen}; leave out database {helps}"
    assert caught.value.for_command_line() == f"{seen}; leave out --database {helps}"


def test_a_database_that_is_not_there_on_a_server_that_does_not_list_them() -> None:
    error = no_such_database(Settings(uri="bolt://x", database="nodb"), [])
    assert str(error).startswith("bolt://x (from options) has no database 'nodb'; leave out")


def test_a_database_that_was_given_up_has_a_way_out_where_it_is_ours(tmp_path: Path) -> None:
    # as Neo4j 5.26 says it after a disk was full
    said = (
        "The database has encountered a critical error, and needs to be restarted. Please see "
        "database logs for more details."
    )
    own, other = Settings(uri="bolt://x", home=tmp_path), Settings(uri="bolt://x")
    helps = Message(with_way_out(said, own))
    assert helps.endswith(
        "run headgraph.graphdb.server.stop() and headgraph.graphdb.server.start()"
    )
    assert helps.options.endswith("then run headgraph server stop and headgraph server start")
    assert with_way_out(said, other) == said
    assert with_way_out("Invalid input", own) == "Invalid input"

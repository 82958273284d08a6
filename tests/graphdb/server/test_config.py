"""neo4j.conf, the user's own settings and java's arguments."""

import subprocess
from pathlib import Path

import pytest

from headgraph.graphdb.errors import ServerError
from headgraph.graphdb.server import Ports, ServerHome, process
from headgraph.graphdb.server.home import config
from headgraph.graphdb.server.process import find_java


@pytest.fixture
def home(tmp_path: Path) -> ServerHome:
    return ServerHome(tmp_path / "home")


@pytest.mark.parametrize("own", ["", "server.memory.heap.initial_size=16g\n"
                                     "server.memory.heap.max_size=16g\n"])  # fmt: skip
def test_a_recovering_start_has_memory_for_the_length_of_a_list_that_was_never_one(
    own: str, home: ServerHome
) -> None:
    own_settings(home, own)
    config.write(home, Ports(bolt=11, http=12), [], recover=True)
    arguments = config.argument_file(home).read_text().splitlines()
    assert {'"-Xms256m"', '"-Xmx9g"'} <= set(arguments)  # tried: 4 GB do not do
    config.write(home, Ports(bolt=11, http=12), [])
    assert '"-Xmx9g"' not in config.argument_file(home).read_text()


def own_settings(home: ServerHome, text: str) -> None:
    home.prepare()
    home.overrides.write_text(text, encoding="utf-8")


def test_settings_of_the_users_own_are_in_effect_and_stay(home: ServerHome) -> None:
    own_settings(
        home,
        "# more memory\n\n  server.memory.pagecache.size = 2g \n"
        "server.memory.heap.max_size=3g\ndb.logs.query.enabled=OFF\n",
    )
    for _ in range(2):
        config.write(home, Ports(bolt=11, http=12), [])
        told = (home.conf / "neo4j.conf").read_text().splitlines()
        assert [line for line in told if "pagecache" in line] == ["server.memory.pagecache.size=2g"]
        assert "db.logs.query.enabled=OFF" in told
        assert "server.bolt.listen_address=127.0.0.1:11" in told
        names = [line.partition("=")[0] for line in told[1:]]
        assert len(set(names)) == len(names), "Neo4j refuses a setting that comes twice"
        assert '"-Xmx3g"' in config.argument_file(home).read_text().splitlines()
    assert "# more memory" in home.overrides.read_text()


@pytest.mark.parametrize("name", [*sorted(config.settings(Ports(bolt=1, http=2)).keys()
                                          - config.SIZES.keys() - config.QUICK_STOP.keys()),
                                  "dbms.security.procedures.unrestricted", "server.jvm.additional",
                                  "server.directories.data", "server.bolt.tls_level",
                                  "server.bolt.enabled", "server.routing.listen_address",
                                  *(config.RECOVERING.keys() - config.SIZES.keys())])  # fmt: skip
def test_what_keeps_the_server_closed_cannot_be_changed(name: str, home: ServerHome) -> None:
    own_settings(home, f"db.logs.query.enabled=OFF\n{name}=x\n")
    with pytest.raises(ServerError) as caught:
        config.write(home, Ports(bolt=11, http=12), [])
    assert str(caught.value).startswith(f"line 2 of {home.overrides} sets '{name}', which")
    assert not (home.conf / "neo4j.conf").exists()


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("server.memory.pagecache.size", "'server.memory.pagecache.size': expected name=value"),
        ("include=/etc/passwd", "'include=/etc/passwd': expected name=value, such as"),
        ("db.x=\\\n", "expected name=value"),
        ("db.x=1\ndb.x=2", "line 2 of .* sets 'db.x' a second time: remove one of the lines"),
    ],
)
def test_lines_that_are_no_settings_are_told(text: str, seen: str, home: ServerHome) -> None:
    own_settings(home, text)
    with pytest.raises(ServerError, match=seen):
        config.write(home, Ports(bolt=11, http=12), [])


def test_arguments_with_spaces_quotes_and_backslashes_reach_java(tmp_path: Path) -> None:
    awkward = r'C:\new "folder" ü'
    file = tmp_path / "java.args"
    file.write_text(config._quoted(f"-Dx={awkward}") + "\n", encoding="utf-8")

    said = subprocess.run(
        [find_java(), f"@{file}", "-XshowSettings:properties", "-version"],
        capture_output=True,
        check=True,
        encoding="utf-8",
        env=process.environment(),
    )

    assert f"    x = {awkward}\n" in said.stderr


@pytest.mark.parametrize(
    ("own", "each"),
    [
        ("", "496m"),
        ("dbms.memory.transaction.total.max=2g\n", f"{2 * 2**20 * 31 // 32}k"),
        ("dbms.memory.transaction.total.max=32K\n", "31k"),
        ("dbms.memory.transaction.total.max=0\n", "0"),  # no limit, and so none for each
        ("dbms.memory.transaction.total.max=2g\ndb.memory.transaction.max=1g\n", "1g"),
        ("db.memory.transaction.max=100m\n", "100m"),
    ],
)
def test_a_transaction_may_have_a_little_less_memory_than_all(
    own: str, each: str, home: ServerHome
) -> None:
    own_settings(home, own)
    config.write(home, Ports(bolt=11, http=12), [])
    told = (home.conf / "neo4j.conf").read_text().splitlines()
    assert [line for line in told if line.startswith("db.memory")] == [
        f"db.memory.transaction.max={each}"
    ]


def test_everything_is_told_to_stay_on_loopback() -> None:
    told = config.settings(Ports(bolt=11, http=12))

    addresses = {name: value for name, value in told.items() if "address" in name}
    assert len(addresses) == 6
    assert {value.partition(":")[0] for value in addresses.values()} == {"127.0.0.1"}

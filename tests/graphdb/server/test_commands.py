"""`headgraph server`: what its commands say, and on which stream."""

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from headgraph.base.progress import bar_or_lines
from headgraph.graphdb.commands import server as group
from headgraph.graphdb.errors import NotReachable, ServerError
from headgraph.graphdb.server import RunningServer


def call(*arguments: str) -> Result:
    """Run a command; what it returns for printing is `return_value`."""
    result = CliRunner().invoke(group, arguments, standalone_mode=False)
    if result.exception:
        raise result.exception
    return result


@pytest.fixture
def nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data home without a server."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    return tmp_path


def test_start_finds_the_running_server_and_describes_it(server: RunningServer) -> None:
    said = call("start").return_value

    rows = dict(line.split(maxsplit=1) for line in said.splitlines())
    assert rows == {
        "address": server.bolt_uri,
        "browser": server.browser_url,
        "user": "neo4j",
        "password": "headgraph server status --show-password",
        "version": "Neo4j 5.26.31",
        "process": str(server.pid),
        "home": str(server.home),
    }
    assert server.password() not in said


def test_status_says_the_same(server: RunningServer) -> None:
    assert call("status").return_value == call("start").return_value


def test_status_shows_the_password_when_asked_and_nothing_else(server: RunningServer) -> None:
    assert call("status", "--show-password").return_value == server.password()


def test_logs_prints_the_last_lines(server: RunningServer) -> None:
    said = call("logs", "-n", "3").return_value.splitlines()

    assert len(said) == 3
    assert said == (server.home / "logs" / "neo4j.log").read_text().splitlines()[-3:]
    assert any(line.endswith("Started.") for line in call("logs").return_value.splitlines())
    assert server.password() not in call("logs", "-n", "100000").return_value


@pytest.mark.parametrize("options", [(), ("--show-password",)])
def test_status_of_no_server(nobody: Path, options: tuple[str, ...]) -> None:
    with pytest.raises(NotReachable, match=r"no local server is running .* headgraph server start"):
        call("status", *options)
    assert NotReachable.exit_code == 3


def test_stop_of_no_server(nobody: Path) -> None:
    assert call("stop").return_value == "no local server was running"
    assert list(nobody.iterdir()) == []


def test_logs_of_no_server(nobody: Path) -> None:
    with pytest.raises(ServerError, match=r"no log in .* yet: run headgraph server start"):
        call("logs")


def test_every_command_has_help_with_an_example() -> None:
    for name, command in group.commands.items():
        assert command.help, name
        assert f"Example: headgraph server {name}" in command.help


def test_progress_is_one_line_a_phrase_off_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with bar_or_lines() as progress:
        for done in range(3):
            progress("fetching Neo4j", done, 3)
        progress("starting Neo4j", 0, 0)

    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == "fetching Neo4j\nstarting Neo4j\n"


def test_progress_is_a_bar_on_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")

    with bar_or_lines() as progress:
        progress("fetching Neo4j", 1, 2)

    said = capsys.readouterr()
    assert said.out == ""
    assert "fetching Neo4j" in said.err
    assert "50%" in said.err

"""`--env-file`: what Aura gives is taken as it is, and what cannot be used is said."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from headgraph.graphdb import Graph
from headgraph.graphdb.connection.settings import resolve, seen_by_others
from headgraph.graphdb.errors import SettingsError
from headgraph.graphdb.server import RunningServer

PASSWORD = "sUp3r-s3cret_pa$55"
AURA = f"""\
# Wait 60 seconds before connecting using these details, or see the console
NEO4J_URI=neo4j+s://a1b2c3d4.databases.example
NEO4J_USERNAME=neo4j
NEO4J_PASSWORD={PASSWORD}

NEO4J_DATABASE=neo4j
AURA_INSTANCEID=a1b2c3d4
AURA_INSTANCENAME=Instance01
"""
"""The file that Aura offers for download: a remark, four settings of ours, two that are not."""


def env_file(folder: Path, text: str | bytes = AURA, mode: int = 0o600) -> Path:
    path = folder / "Neo4j-a1b2c3d4-Created-2026-11-01.txt"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    path.chmod(mode)
    return path


def test_the_file_of_aura(tmp_path: Path) -> None:
    path = env_file(tmp_path)
    settings = resolve(env_file=path, environ={"NEO4J_URI": "bolt://elsewhere", "HOME": "/"})
    assert settings.uri == "neo4j+s://a1b2c3d4.databases.example"
    assert (settings.user, settings.password) == ("neo4j", PASSWORD)
    assert settings.database == "neo4j"
    assert settings.origin == f"the file {path}"
    assert PASSWORD not in repr(settings)


@pytest.mark.parametrize(
    ("text", "line"),
    [('foo bar"\n', 0), ('\n\nNEO4J_PASSWORD="abc\n', 5), ("export NEO4J_DATABASE x y\n", 3),
     ("x\"y\n# NEO4J_DATABASE=3\n", 0)],
)  # fmt: skip
def test_a_line_that_cannot_be_read(
    text: str, line: int, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """It is refused where it is ours, without what it holds; nothing else is printed."""
    path = env_file(tmp_path, f"NEO4J_URI=bolt://x\nNEO4J_USERNAME=me\n{text}")
    if line:
        with pytest.raises(SettingsError, match=f"^line {line} of the env file") as stop:
            resolve(env_file=path, environ={})
        assert "abc" not in str(stop.value)
    else:
        assert resolve(env_file=path, environ={}).user == "me"
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("line", "password"),
    [
        (b'NEO4J_PASSWORD="two words"', "two words"),
        (b"NEO4J_PASSWORD='single # quoted'", "single # quoted"),
        (b"export NEO4J_PASSWORD=exported", "exported"),
        (b"NEO4J_PASSWORD = spaced\r", "spaced"),
        (b"NEO4J_PASSWORD=a#b", "a#b"),
        (b"NEO4J_PASSWORD=${HOME}", "${HOME}"),
        (b"\xef\xbb\xbfNEO4J_PASSWORD=marked", "marked"),
        ("NEO4J_PASSWORD=grüße".encode(), "grüße"),
    ],
)
def test_ways_to_write_a_value(tmp_path: Path, line: bytes, password: str) -> None:
    path = env_file(tmp_path, line + b"\nNEO4J_URI=bolt://x\n")
    assert resolve(env_file=path, environ={}).password == password


def test_files_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(
        SettingsError, match=r"no env file .*gone\.txt: expected lines such as NEO4J"
    ):
        resolve(env_file=tmp_path / "gone.txt", environ={})
    with pytest.raises(SettingsError, match="cannot be read: it is not UTF-8 text"):
        resolve(env_file=env_file(tmp_path, b"\xff\xfe\x00\x81"), environ={})
    # silently taking the local server in its place would load into the wrong database
    with pytest.raises(SettingsError, match="sets none of NEO4J_URI, NEO4J_USERNAME, NEO4J_PASSW"):
        resolve(env_file=env_file(tmp_path, "AURA_INSTANCEID=x\n"), environ={})


def test_who_may_read_it(tmp_path: Path) -> None:
    assert not seen_by_others(env_file(tmp_path))
    assert seen_by_others(env_file(tmp_path, mode=0o644))
    assert seen_by_others(env_file(tmp_path, mode=0o640))
    assert not seen_by_others(env_file(tmp_path, "NEO4J_URI=bolt://x\n", mode=0o644))


def test_on_the_command_line(server: RunningServer, graph: Graph, tmp_path: Path) -> None:
    text = f"NEO4J_URI={server.bolt_uri}\nNEO4J_PASSWORD={server.password()}\nAURA_INSTANCEID=x\n"
    for mode, note in (
        (0o600, ""),
        (0o644, "note: other users of this machine can read the password"),
    ):
        path = env_file(tmp_path, text, mode)
        done = subprocess.run(
            [sys.executable, "-m", "headgraph", "runs", "--env-file", str(path)],
            capture_output=True,
            text=True,
            env={**os.environ, "NEO4J_URI": "bolt://127.0.0.1:9"},
        )
        assert done.returncode == 0, done.stderr
        assert done.stderr.startswith(note or "no rows")
        assert (f"chmod 600 {path}" in done.stderr) == bool(note)
        assert server.password() not in done.stdout + done.stderr

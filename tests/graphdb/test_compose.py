"""docker-compose.yml: the same database as the local server, and as closed."""

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from headgraph.graphdb.server.home.config import VERSION, settings
from headgraph.graphdb.server.ports import USUAL_PORTS

FILE = Path(__file__).parents[2] / "docker-compose.yml"

# What may differ, and why: inside the container the server listens on every interface, since
# docker's forwarding does not arrive at its loopback; `ports` keeps it on the host's loopback.
DIFFERENT = {
    "server.default_listen_address": "0.0.0.0",
    "server.bolt.listen_address": "0.0.0.0:7687",
    "server.http.listen_address": "0.0.0.0:7474",
}


@pytest.fixture(scope="module")
def service() -> dict[str, Any]:
    loaded = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    assert list(loaded["services"]) == ["neo4j"]
    return dict(loaded["services"]["neo4j"], volumes_declared=list(loaded["volumes"]))


def setting_name(variable: str) -> str:
    """The image's rule: NEO4J_ in front, `.` as _, `_` as __."""
    body = variable.removeprefix("NEO4J_").replace("__", "\0")
    return body.replace("_", ".").replace("\0", "_")


def test_the_settings_are_those_of_the_local_server(service: dict[str, Any]) -> None:
    given = {setting_name(k): v for k, v in service["environment"].items() if k != "NEO4J_AUTH"}

    assert given == settings(USUAL_PORTS) | DIFFERENT


def test_the_list_of_differences_has_no_idle_entries() -> None:
    local = settings(USUAL_PORTS)

    assert all(local[name] != value for name, value in DIFFERENT.items())


def test_the_image_is_the_version_of_the_local_server(service: dict[str, Any]) -> None:
    assert service["image"] == f"neo4j:{VERSION}-community"


def test_only_this_machine_reaches_it(service: dict[str, Any]) -> None:
    assert sorted(service["ports"]) == [f"127.0.0.1:{port}:{port}" for port in sorted(USUAL_PORTS)]


def test_no_password_no_start(service: dict[str, Any]) -> None:
    value = service["environment"]["NEO4J_AUTH"]

    helpful = re.fullmatch(r"neo4j/\$\{NEO4J_PASSWORD:\?([^}]+)\}", value)
    assert helpful, value
    assert "NEO4J_PASSWORD" in helpful[1]
    assert "8 or more" in helpful[1]


def start(service: dict[str, Any], password: str, tmp_path: Path) -> Any:
    """Run the container's entry point as docker does, up to where it hands over to the image's."""
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    tini = bin_folder / "tini"
    tini.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n', encoding="utf-8")
    tini.chmod(0o755)
    # compose reads $$ as $
    words = [word.replace("$$", "$") for word in service["entrypoint"]] + service["command"]
    environment = {
        "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}",
        "NEO4J_AUTH": f"neo4j/{password}",
        "LANG": "C.UTF-8",  # as in the image
    }
    return subprocess.run(words, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.skipif(not Path("/bin/bash").exists(), reason="the entry point runs bash")
@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("neo4j", "is neo4j, the default that Neo4j does not accept"),
        ("seven77", "has 7 characters"),
        ("äöüßäöü", "has 7 characters"),
        ("with/a-slash", "has a /"),
        ("/leading-slash", "has a /"),
        ("correct-horse/true", "has a /"),
        ("-leading-hyphen", "begins with - or @"),
        ("--help-me", "begins with - or @"),
        ("@etc-hostname", "begins with - or @"),
    ],
)
def test_a_password_that_the_image_cannot_set_is_refused_in_a_sentence(
    service: dict[str, Any], password: str, why: str, tmp_path: Path
) -> None:
    done = start(service, password, tmp_path)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"NEO4J_PASSWORD {why}: set one of 8 or more characters, without /, whose first is "
        "neither - nor @, then docker compose up -d --wait again\n"
    )


@pytest.mark.skipif(not Path("/bin/bash").exists(), reason="the entry point runs bash")
@pytest.mark.parametrize(
    "password", ["12345678", "äöüßäöüß", "a b-c@d'e\"f$HOME`id`\\g", "neo4j-neo4j", "*" * 8]
)
def test_any_other_password_reaches_the_image(
    service: dict[str, Any], password: str, tmp_path: Path
) -> None:
    done = start(service, password, tmp_path)

    assert (done.returncode, done.stderr) == (0, "")
    # what the image's own ENTRYPOINT and CMD are
    assert done.stdout.split() == ["-g", "--", "/startup/docker-entrypoint.sh", "neo4j"]


def test_the_data_are_in_a_named_volume(service: dict[str, Any]) -> None:
    assert service["volumes"] == ["headgraph-data:/data"]
    assert service["volumes_declared"] == ["headgraph-data"]


def test_health_is_asked_with_a_tool_that_the_image_has(service: dict[str, Any]) -> None:
    kind, command = service["healthcheck"]["test"]

    assert kind == "CMD-SHELL"
    assert command.startswith("wget -q -O /dev/null http://localhost:7474")

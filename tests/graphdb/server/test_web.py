"""Files beside Neo4j Browser: the zip from which the server takes its pages."""

import zipfile
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from headgraph.graphdb.server import RunningServer, ServerHome
from headgraph.graphdb.server.web import offer
from headgraph.queries.browser.setup_page import is_served, served_files

FILES = {"extra/page.html": b"<p>one", "extra/deep/data.json": b"{}", "top.txt": b"t"}


@pytest.fixture
def home(tmp_path: Path) -> ServerHome:
    home = ServerHome(tmp_path / "home")
    home.prepare()
    return home


@pytest.fixture
def jars(tmp_path: Path) -> list[Path]:
    """Browser's jar with a file before its folder, as a zip may have them."""
    path = tmp_path / "neo4j-browser-1.0.jar"
    with zipfile.ZipFile(path, "w") as jar:
        jar.writestr("META-INF/MANIFEST.MF", "x")
        jar.writestr("browser/index.html", "Browser")
        jar.mkdir("browser/assets")
        jar.mkdir("browser")
    return [tmp_path / "other.jar", path]


def test_folders_come_first_and_browser_before_all(home: ServerHome, jars: list[Path]) -> None:
    offer(home, jars, FILES)
    with zipfile.ZipFile(home.path / "web" / "neo4j-browser.zip") as made:
        names = made.namelist()
        assert made.read("browser/index.html") == b"Browser"
        assert made.read("browser/extra/page.html") == b"<p>one"
    folders = [name for name in names if name.endswith("/")]
    assert names[: len(folders)] == folders
    assert folders[0] == "browser/"
    assert {"browser/extra/", "browser/extra/deep/", "browser/assets/"} <= set(folders)
    assert len(names) == len(set(names))
    assert not any(name.startswith("META-INF") for name in names)


def test_it_is_made_again_only_where_something_changed(home: ServerHome, jars: list[Path]) -> None:
    target = home.path / "web" / "neo4j-browser.zip"
    offer(home, jars, FILES)
    first = target.stat().st_ino
    offer(home, jars, FILES)
    assert target.stat().st_ino == first
    offer(home, jars, FILES | {"top.txt": b"u"})
    with zipfile.ZipFile(target) as made:
        assert made.read("browser/top.txt") == b"u"
    target.write_bytes(b"cut off")
    offer(home, jars, FILES)
    assert zipfile.is_zipfile(target)
    assert [path.name for path in target.parent.iterdir()] == [target.name]


def test_a_zip_that_cannot_be_written_leaves_what_was_there(
    home: ServerHome, jars: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(home, jars, FILES)
    target = home.path / "web" / "neo4j-browser.zip"
    before = target.read_bytes()

    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(zipfile.ZipFile, "mkdir", full)
    with pytest.raises(OSError, match="No space left"):
        offer(home, jars, FILES | {"top.txt": b"u"})
    assert target.read_bytes() == before
    assert [path.name for path in target.parent.iterdir()] == [target.name]


def test_without_files_the_jar_is_left_to_serve(home: ServerHome, jars: list[Path]) -> None:
    offer(home, jars, {})
    offer(home, jars, FILES)
    offer(home, jars, {})
    assert not (home.path / "web" / "neo4j-browser.zip").exists()


def test_the_real_server_serves_them_under_the_same_policy(server: RunningServer) -> None:
    assert is_served(server.browser_url)
    link = HTTPConnection("127.0.0.1", urlsplit(server.browser_url).port, timeout=60)
    link.request("GET", "/browser/headgraph/kit.html")
    answer = link.getresponse()
    assert answer.status == 200
    assert answer.read() == served_files()["headgraph/kit.html"]
    assert "script-src 'self';" in answer.headers["Content-Security-Policy"]
    link.close()


def test_a_browser_without_them_is_told(server: RunningServer) -> None:
    assert not is_served(server.browser_url + "nowhere/")
    assert not is_served("http://127.0.0.1:9/browser/", timeout=0.5)

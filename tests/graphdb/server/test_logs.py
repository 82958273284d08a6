"""Last lines, new lines, and last words of the server's logs."""

import threading
from pathlib import Path

import pytest

from headgraph.graphdb.server import ServerHome
from headgraph.graphdb.server.home import logs


@pytest.fixture
def home(tmp_path: Path) -> ServerHome:
    return ServerHome(tmp_path / "home")


def test_last_words_are_the_problem_and_its_cause(home: ServerHome) -> None:
    home.prepare()
    home.log.write_text("INFO old\nERROR of another start\n")
    before = home.log.stat().st_size
    with home.log.open("a") as log:
        log.write("INFO Starting...\nERROR Failed to start\n at a.b\nCaused by: no room\n at c\n")

    assert logs.last_words(home, before) == "ERROR Failed to start ... Caused by: no room"


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (
            'Exception in thread "main" java.lang.IllegalArgumentException: No setting x.y\n'
            "\tat a.b\n",
            "No setting x.y",
        ),
        (
            "Invalid maximum heap size: -Xmxmuch\nError: Could not create the Java machine.\n",
            "Invalid maximum heap size: -Xmxmuch ... Error: Could not create the Java machine.",
        ),
    ],
)
def test_last_words_of_java_are_without_its_names(said: str, words: str, home: ServerHome) -> None:
    home.prepare()
    home.console.write_text(said)
    assert logs.last_words(home, 0) == words


def test_last_words_without_any_log(home: ServerHome) -> None:
    assert logs.last_words(home, 0) == "nothing"


def test_follow_sees_new_lines_whole_and_a_new_file(tmp_path: Path) -> None:
    file = tmp_path / "log"
    file.write_text("before\n")
    lines = logs.follow(file, every_s=0.01)

    def later(text: str, mode: str) -> threading.Timer:
        def write() -> None:
            with file.open(mode) as log:
                log.write(text)

        timer = threading.Timer(0.1, write)
        timer.start()
        return timer

    for text, mode, expected in [
        ("one\ntw", "a", "one"),
        ("o\n", "a", "two"),
        ("new\n", "w", "new"),
    ]:
        timer = later(text, mode)
        assert next(lines) == expected
        timer.join()


def test_recent_lines_are_bounded_and_without_neo4js_signal(home: ServerHome) -> None:
    home.prepare()
    home.log.write_text("a\nb\nc\n")
    home.console.write_text("\x06\nException\n\tat x\n")

    assert logs.recent(home, 3) == ["c", "Exception", "\tat x"]
    assert logs.recent(home, 0) == []

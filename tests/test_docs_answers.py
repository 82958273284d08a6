"""The answers that docs/ and docstrings show are those of today's code: they are run again.

Those of the stored queries are in tests/queries/catalogue/test_examples_real.py.
"""

import doctest
import re
import shlex
import shutil
from importlib import import_module
from pathlib import Path

import pytest

from examples import differences, many_models
from headgraph.pk_engine.bundled import checkpoints_path
from tests.commands import headgraph

ROOT = Path(__file__).parents[1]
ROOMS = ("analysis", "base", "graphdb", "loader", "pk_engine", "queries")


def block(page: Path, name: str) -> list[tuple[str, list[str]]]:
    """The commands between two marks of a page, each with the lines that the page shows."""
    text = page.read_text("utf-8").partition(f"<!-- {name} -->\n")[2].partition("\n```\n<!--")[0]
    commands = re.split(r"^\$ ", text.removeprefix("```text\n"), flags=re.MULTILINE)[1:]
    return [(first, rest) for first, *rest in (part.splitlines() for part in commands)]


def answer(line: str) -> list[str]:
    """The lines of both streams, of `headgraph`, `cat`, or a loop over files."""
    if loop := re.fullmatch(r"for table in (\S+); do (headgraph .*); done", line):
        tables = sorted(Path().glob(loop[1]))
        return [said for path in tables for said in answer(loop[2].replace("$table", str(path)))]
    name, *args = shlex.split(line)
    if name == "cat":
        return Path(*args).read_text("utf-8").splitlines()
    assert name == "headgraph"
    done = headgraph(*args)
    assert done.returncode <= 1, line
    return [] if line.startswith(many_models.QUIET) else (done.stdout + done.stderr).splitlines()


def comparable(lines: list[str]) -> list[str]:
    """Without times. Sorted: the page has both streams in the order in which they came."""
    timeless = (re.sub(r" in [\d.]+ s$", "", line.rstrip()) for line in lines)
    return sorted(re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\dZ", "TIME", line) for line in timeless)


def assert_current(page: Path, name: str, lines: str) -> None:
    """Run a part's commands and compare what they print with the page."""
    shown = block(page, name)
    assert [line for line, _ in shown] == lines.splitlines()
    for line, expected in shown:
        found = answer(line)
        if expected[-1:] == ["..."]:
            assert set(comparable(expected[:-1])) <= set(comparable(found)), line
        else:
            assert comparable(found) == comparable(expected), line


def test_the_answers_of_the_page_of_differences(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(checkpoints_path("induction-2l"), tmp_path / "path" / "to")
    for part, lines in differences.PARTS.items():
        assert_current(differences.PAGE, f"difference {part}", lines)


@pytest.mark.usefixtures("graph")
def test_the_answers_of_the_page_of_many_models(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.csv").write_text(many_models.OWN, "utf-8")
    for part, lines in many_models.PARTS.items():
        assert_current(many_models.PAGE, f"many {part}", lines)


def test_the_answers_of_docstrings() -> None:
    package = ROOT / "headgraph"  # with a link to each room
    files = [
        *package.glob("*.py"),
        *(path for room in ROOMS for path in (package / room).rglob("*.py")),
    ]
    found = {}
    for path in files:
        if ">>> " in path.read_text("utf-8"):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            found[name] = doctest.testmod(import_module(name.removesuffix(".__init__")))
    assert {name: result for name, result in found.items() if result.failed} == {}
    assert sum(result.attempted for result in found.values()) > 30

"""Rooms and modules: no circles of imports, at any level; small folders; stubs that say what is."""

import ast
import re
from collections import Counter
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.test_cli import ROOMS, ROOT, python_files


def module_of(path: Path) -> str:
    """The dotted name under which a file of the checkout is imported."""
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    return name if name.split(".")[0] == "headgraph" else f"headgraph.{name}"


def imported(path: Path, modules: set[str]) -> set[str]:
    """Our modules that a file imports: at once, inside functions, or for types alone."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found.add(inner if inner in modules else str(node.module))
    return found & modules


def graph() -> dict[str, set[str]]:
    rooms = {*ROOMS, "cli.py"}
    files = {
        module_of(path): path for path in python_files() if path.relative_to(ROOT).parts[0] in rooms
    }
    return {name: imported(path, set(files)) - {name} for name, path in files.items()}


def circle(imports: dict[str, set[str]]) -> list[str]:
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


@pytest.mark.parametrize(
    "text",
    [
        "from headgraph.base import text",
        "def f():\n    import headgraph.base.text",
        "if TYPE_CHECKING:\n    from headgraph.base.text import quoted",
    ],
)
def test_an_import_counts_wherever_it_stands(text: str, tmp_path: Path) -> None:
    (tmp_path / "it.py").write_text(text)
    assert "headgraph.base.text" in imported(tmp_path / "it.py", {"headgraph.base.text"})


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert circle(graph()) == []


def test_no_folder_has_more_modules_than_a_reader_takes_in() -> None:
    """About a dozen, without `__init__` and the like; more is a subject of its own."""
    rooms = {path for path in python_files() if path.relative_to(ROOT).parts[0] in ROOMS}
    folders = Counter(path.parent for path in rooms if not path.stem.startswith("__"))
    assert len(folders) > 40
    assert {folder: count for folder, count in folders.items() if count > 13} == {}


def test_that_this_test_can_fail() -> None:
    imports = graph()
    imports["headgraph.base.text"].add("headgraph.cli")
    assert "headgraph.cli" in circle(imports)


def test_programs_in_strings_import_what_there_is() -> None:
    """Tests start programs of their own, which no type checker reads."""
    there = set(graph())
    named = {
        name
        for path in (ROOT / "tests").rglob("*.py")
        for name in re.findall(r"\bfrom (headgraph(?:\.\w+)+) import", path.read_text("utf-8"))
    }
    assert len(named) > 100
    assert named - there == set()


STUBS = sorted(
    path
    for room in ROOMS
    for path in (ROOT / room).rglob("__init__.pyi")
    if not any(parent.is_symlink() for parent in path.parents)
)


@pytest.mark.parametrize("stub", STUBS, ids=lambda it: it.parent)
def test_a_stub_names_what_there_is(stub: Path) -> None:
    """Types come from a stub, and so does what is loaded on first use: both find the same names."""
    import importlib

    package = importlib.import_module(module_of(stub.with_suffix(".py")))
    names = [alias for node in ast.parse(stub.read_text()).body
             if isinstance(node, ast.ImportFrom) for alias in node.names]  # fmt: skip
    assert names
    for alias in names:
        assert alias.asname == alias.name, "mypy takes only `x as x` for a public name"
        assert hasattr(package, alias.name), alias.name

"""Messages of the library name keywords; only the command line's own modules write options.

Text between `either(...)` and `argument(...)` is spelt twice, see `headgraph.base.spelling`.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import headgraph
from headgraph.cli import COMMANDS

ROOT = Path(__file__).parents[1]
ROOMS = ("base", "pk_engine", "graphdb", "loader", "queries", "analysis")
FUNCTIONS = [name for name in COMMANDS if name.replace("-", "_") in headgraph.__all__]
"""Commands that have a function; `headgraph server` and others have none."""
OPTION = re.compile(
    r"(?:^|[\s(,\[])(?:--[a-z][a-z-]*|-p [a-z_]+=|headgraph (?:" + "|".join(FUNCTIONS) + r")\b)"
)
COMMAND_LINE = re.compile(r"(?:^|_)(?:commands?|options)$")
"""Modules that are the command line itself."""
SPELT_TWICE = {"either", "argument", "parameter", "command_rows"}


def _library() -> Iterator[Path]:
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            if not COMMAND_LINE.search(path.stem):
                yield path.relative_to(ROOT)


def _named_options(source: str) -> Iterator[tuple[int, str]]:
    """Line and text of each string that names an option, outside docstrings."""
    tree = ast.parse(source)
    excused = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            excused.add(node.value)  # a docstring
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
            name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
            if name in SPELT_TWICE:
                excused.update(ast.walk(node))
    for node in ast.walk(tree):
        text = node.value if isinstance(node, ast.Constant) and node not in excused else None
        if isinstance(text, str) and OPTION.search(text):
            yield node.lineno, text


ALLOWED = {
    # options of other programs
    "graphdb/server/home/config.py",
    "graphdb/server/store/importer.py",
    # questions of the command line, and the command line of an example
    "base/terminal.py",
    "queries/stored_queries/query.py",
    # variables of CSS
    "analysis/view/page.py",
}


@pytest.mark.parametrize("path", list(_library()), ids=str)
def test_a_library_module_names_no_option(path: Path) -> None:
    found = list(_named_options((ROOT / path).read_text("utf-8")))
    assert not found or str(path) in ALLOWED, found


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('raise E("leave --null out")', 1),
        ('raise E(f"{x}: -p head={y}")', 1),
        ('raise E("run headgraph compute MODEL")', 1),
        ("raise E(f'leave {argument(\"null\")} out')", 0),
        ('raise E(either("compute(all=True)", "headgraph compute --all"))', 0),
        ('def f():\n    """As --null."""', 0),
    ],
)
def test_the_search_finds_options(source: str, found: int) -> None:
    assert len(list(_named_options(source))) == found

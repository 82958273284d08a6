"""Beside files of the user's own that are named as our rooms, headgraph still finds itself."""

import subprocess
import sys
from pathlib import Path

import nbclient
import nbformat
import pytest

from tests.test_cli import ROOMS

NAMES = (*(f"{room}.py" for room in ROOMS if room != "headgraph"), "cli.py", "loader/__init__.py")
EVERYTHING = """
import headgraph
for name in headgraph.__all__:
    getattr(headgraph, name)
table = headgraph.compute("induction-2l", selection=headgraph.Selection(top=3))
print(len(table), len(headgraph.hub_scores(table)) > 0, len(headgraph.view(table).html()) > 9)
import {module}
print({module}.MINE)
"""


@pytest.fixture(params=NAMES)
def module(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A module of the user's in the working folder."""
    path = tmp_path / request.param
    path.parent.mkdir(exist_ok=True)
    path.write_text("MINE = 'the user has this'\n")
    return str(request.param).partition("/")[0].removesuffix(".py")


def test_a_script_gets_headgraph_and_its_own_module(module: str, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(EVERYTHING.format(module=module))
    done = subprocess.run([sys.executable, script], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["9 True True", "the user has this"]
    command = [sys.executable, "-m", "headgraph", "query", "--format", "csv"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "hubs" in done.stdout


def test_a_notebook_gets_both_too(tmp_path: Path) -> None:
    for name in NAMES[:-1]:
        (tmp_path / name).write_text("MINE = 'the user has this'\n")
    cell = nbformat.v4.new_code_cell(EVERYTHING.format(module="analysis"))
    book = nbformat.v4.new_notebook(cells=[cell])
    resources = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(book, timeout=120, resources=resources).execute()
    (output,) = cell.outputs
    assert output.text.splitlines() == ["9 True True", "the user has this"]

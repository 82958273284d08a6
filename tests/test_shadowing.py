"""Beside files of the user's own that are named as our rooms, headgraph still finds itself."""

import subprocess
import sys
from pathlib import Path

import nbclient
import nbformat
import pytest

from tests.test_cli import ROOMS

MODULES = (*(room for room in ROOMS if room != "headgraph"), "cli")
EVERYTHING = """
import headgraph
for name in headgraph.__all__:
    getattr(headgraph, name)
table = headgraph.compute("induction-2l", selection=headgraph.Selection(top=3))
print(len(table), len(headgraph.hub_scores(table)) > 0, len(headgraph.view(table).html()) > 9)
import importlib
print({{importlib.import_module(name).MINE for name in {modules}}})
"""
SAID = ["9 True True", "{'the user has this'}"]


@pytest.fixture(params=["{}.py", "{}/__init__.py"], ids=["modules", "packages"])
def modules(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, ...]:
    """Modules or packages of the user's in the working folder, one for each name of ours.

    All at once find what each would alone: whichever a line of headgraph imports is not ours.
    """
    for module in MODULES:
        path = tmp_path / request.param.format(module)
        path.parent.mkdir(exist_ok=True)
        path.write_text("MINE = 'the user has this'\n")
    return MODULES


def test_a_script_gets_headgraph_and_its_own_modules(
    modules: tuple[str, ...], tmp_path: Path
) -> None:
    script = tmp_path / "script.py"
    script.write_text(EVERYTHING.format(modules=modules))
    done = subprocess.run([sys.executable, script], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == SAID
    command = [sys.executable, "-m", "headgraph", "query", "--format", "csv"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "hubs" in done.stdout


@pytest.mark.parametrize("modules", ["{}.py"], indirect=True)
def test_a_notebook_gets_both_too(modules: tuple[str, ...], tmp_path: Path) -> None:
    cell = nbformat.v4.new_code_cell(EVERYTHING.format(modules=modules))
    book = nbformat.v4.new_notebook(cells=[cell])
    resources = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(book, timeout=120, resources=resources).execute()
    (output,) = cell.outputs
    assert output.text.splitlines() == SAID

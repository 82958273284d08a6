"""An installed wheel works as the checkout does."""

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from tests.test_cli import ROOT


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Python of a second virtual environment that has the wheel, and this one's dependencies."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder)]
    subprocess.run([*build, str(ROOT)], check=True, capture_output=True)
    (wheel,) = folder.glob("headgraph-*.whl")
    venv.create(folder / "venv", with_pip=False)
    site = folder / "venv" / "lib" / f"python{sysconfig.get_python_version()}" / "site-packages"
    # only the wheel is new: its dependencies are this environment's, where .pth files of a folder
    # that is itself named in a .pth are not read, so the editable checkout stays out
    (site / "dependencies.pth").write_text(sysconfig.get_paths()["purelib"])
    pip = [sys.executable, "-m", "pip", "install", "--no-deps", "--quiet", "--target", str(site)]
    subprocess.run([*pip, str(wheel)], check=True, capture_output=True)
    return folder / "venv" / "bin" / "python"


# a developer's PYTHONPATH would put a checkout before the wheel
ENV = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def run(python: Path, code: str, cwd: Path) -> str:
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, cwd=cwd, env=ENV)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_it_is_the_wheel_and_not_the_checkout(installed: Path, tmp_path: Path) -> None:
    for room in ("headgraph", "pk_engine", "graphdb", "loader", "queries", "analysis", "cli"):
        where = run(installed, f"import {room}; print({room}.__file__)", tmp_path)
        assert str(ROOT) not in where


def test_data_files_are_there(installed: Path, tmp_path: Path) -> None:
    code = """
import graphdb.server, queries
from pk_engine import AffinityTable, compute
from pk_engine.bundled import table_path
from pk_engine.labels import known_labels
table = AffinityTable.read(table_path("gpt2-small"))
print(len(table), len(known_labels(table.meta)) > 0, len(compute("induction-2l").frame) > 0)
print(sorted(queries.catalogue()))
"""
    first, catalogue = run(installed, code, tmp_path).splitlines()
    assert first == "28512 True True"
    assert "hubs" in catalogue
    files = run(
        installed,
        "import graphdb.server as s, pathlib; print(*pathlib.Path(s.__file__).parent.iterdir())",
        tmp_path,
    )
    assert "jars.txt" in files
    kit = "from queries.kit import served_files, write_kit; print(len(served_files()))"
    assert run(installed, f"{kit}; print(len(write_kit('kit', ['x'])))", tmp_path) == "3\n4"
    page = "import headgraph; print(len(headgraph.view('induction-2l').html()) > 280_000)"
    assert run(installed, page, tmp_path) == "True", "template, scripts and d3 came along"


def test_the_command_works(installed: Path, tmp_path: Path) -> None:
    def headgraph(*args: str) -> str:
        command = [installed, "-m", "headgraph", *args]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=ENV)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "hubs" in headgraph("query", "--format", "csv")
    headgraph("compute", "induction-2l", "--all", "-o", "t.parquet")
    headgraph("figure", "wiring", "t.parquet", "-o", "f.svg")
    assert {"t.parquet", "f.svg"} <= {path.name for path in tmp_path.iterdir()}

"""An installed wheel works as the checkout does."""

import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

from tests.test_cli import ROOMS, ROOT


def build(kind: str, source: Path, folder: Path) -> None:
    command = [sys.executable, "-m", "build", f"--{kind}", "--no-isolation"]
    subprocess.run([*command, "--outdir", folder, source], check=True, capture_output=True)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    folder = tmp_path_factory.mktemp("built")
    build("wheel", ROOT, folder)
    (built,) = folder.glob("headgraph-*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Python of a second virtual environment that has the wheel, and this one's dependencies."""
    folder = tmp_path_factory.mktemp("wheel")
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
    names = ["headgraph", *(f"headgraph.{room}" for room in ROOMS[1:]), "headgraph.cli"]
    code = f"import importlib; print(*(importlib.import_module(it).__file__ for it in {names}))"
    files = run(installed, code, tmp_path).split()
    assert len(files) == len(names)
    assert not [file for file in files if file.startswith(str(ROOT))]


def test_site_packages_gets_one_name(wheel: Path) -> None:
    tops = {name.partition("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    version = wheel.name.split("-")[1]
    assert tops == {"headgraph", f"headgraph-{version}.dist-info"}


def test_a_wheel_made_from_the_sdist_holds_the_same_files(wheel: Path, tmp_path: Path) -> None:
    build("sdist", ROOT, tmp_path)
    (archive,) = tmp_path.glob("headgraph-*.tar.gz")
    with tarfile.open(archive) as tar:
        tar.extractall(tmp_path, filter="data")
    build("wheel", archive.with_name(archive.name.removesuffix(".tar.gz")), tmp_path / "again")
    (again,) = (tmp_path / "again").glob("*.whl")
    assert contents(again) == contents(wheel)


def contents(wheel: Path) -> dict[str, int]:
    """Each file's checksum; the list of checksums itself is in no order."""
    files = zipfile.ZipFile(wheel).infolist()
    return {it.filename: it.CRC for it in files if not it.filename.endswith("RECORD")}


def test_data_files_are_there(installed: Path, tmp_path: Path) -> None:
    code = """
import os
import headgraph
import headgraph.graphdb.server as server
from headgraph import queries
from headgraph.pk_engine import AffinityTable, compute
from headgraph.pk_engine.bundled import table_path
from headgraph.pk_engine.labels import known_labels
from headgraph.queries.browser import served_files, write_kit
table = AffinityTable.read(table_path("gpt2-small"))
print(len(table), len(known_labels(table.meta)) > 0, len(compute("induction-2l").frame) > 0)
print(sorted(queries.catalogue()))
print(*os.listdir(os.path.dirname(server.__file__)))
print(len(served_files()), len(write_kit("kit", ["x"])))
print(len(headgraph.view("induction-2l").html()) > 280_000)
"""
    first, catalogue, files, kit, page = run(installed, code, tmp_path).splitlines()
    assert first == "28512 True True"
    assert "hubs" in catalogue
    assert "jars.txt" in files
    assert kit == "3 4"
    assert page == "True", "template, scripts and d3 came along"


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


USER = """
from typing import reveal_type

import headgraph

table = headgraph.compute("induction-2l")
reveal_type(table)
reveal_type(table.frame)
reveal_type(headgraph.read_table("gpt2-small"))
reveal_type(headgraph.bundled())
with headgraph.connect() as graph:
    reveal_type(headgraph.load(table, graph, run="x"))
    reveal_type(headgraph.query("hubs", graph, run="x"))
    reveal_type(headgraph.cypher("RETURN 1", graph))
reveal_type(headgraph.wiring(table))
"""
TYPES = ["AffinityTable", "DataFrame", "AffinityTable", "DataFrame", "LoadReport", "DataFrame",
         "DataFrame", "Figure"]  # fmt: skip


def revealed(*command: str | Path, cwd: Path) -> list[str]:
    """Names of the types that a checker finds in the user's script, without their modules."""
    (cwd / "user.py").write_text(USER)
    done = subprocess.run([*command, "user.py"], capture_output=True, text=True, cwd=cwd, env=ENV)
    assert done.returncode == 0, done.stdout + done.stderr
    found = re.findall(r'(?:Revealed type is|Type of ".*" is) "(?:[\w.]*\.)?(\w+)"', done.stdout)
    return list(found)


def test_mypy_finds_the_types_of_an_installed_wheel(
    installed: Path, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    assert pytestconfig.cache
    # what it knows of our dependencies; each run installs headgraph in another place
    known = pytestconfig.cache.mkdir("mypy")
    checker = [sys.executable, "-m", "mypy", "--strict", "--python-executable", installed]
    assert revealed(*checker, "--cache-dir", known, cwd=tmp_path) == TYPES


def test_pyright_finds_the_same(installed: Path, tmp_path: Path) -> None:
    checker = [sys.executable, "-m", "pyright", "--pythonpath", installed]
    assert revealed(*checker, cwd=tmp_path) == TYPES

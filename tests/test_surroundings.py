"""Commands where the machine is not as usual: umask, names of folders, HOME, locale."""

import ast
import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from headgraph.graphdb.server import ServerHome
from headgraph.graphdb.server.home.state import ensure_password
from headgraph.pk_engine.scoring.resume import Partial, State
from tests.commands import headgraph
from tests.pk_engine.checkpoints import LLAMA_CONFIG, llama_tensors, save
from tests.promises import PROMISES, Promise
from tests.tables import random_table
from tests.test_cli import ROOT


@pytest.fixture(params=[0o000, 0o077], ids=["umask 000", "umask 077"])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def test_outputs_have_the_permissions_of_new_files(umask: int, tmp_path: Path) -> None:
    table = str(random_table().write(tmp_path / "t.parquet"))
    for line in (("view", table, "-o", f"{tmp_path}/v.html"),
                 ("export", table, "-o", f"{tmp_path}/e.graphml")):  # fmt: skip
        assert headgraph(*line).returncode == 0
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == dict.fromkeys(["t.parquet", "v.html", "e.graphml"], 0o666 & ~umask)


def test_the_servers_home_is_private_under_any_umask(umask: int, tmp_path: Path) -> None:
    home = ServerHome(tmp_path / "server")
    home.prepare()
    ensure_password(home)
    assert stat.S_IMODE(home.path.stat().st_mode) == 0o700
    assert stat.S_IMODE(home.password_file.stat().st_mode) == 0o600


PLAIN = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}


@pytest.mark.parametrize("locale", [{"LC_ALL": "C.UTF-8"}, PLAIN], ids=["UTF-8", "C"])
def test_a_command_in_odd_surroundings(locale: dict[str, str], tmp_path: Path) -> None:
    """Without HOME and a terminal, in a folder of 200 characters; the file is the usual one."""
    folder = tmp_path / f"""a b 'c' "d" $e ;f &g #h %i [j] {{k}} -l {"m" * 162}"""
    assert len(folder.name) == 200
    folder.mkdir()
    usual = tmp_path / "usual.html"
    table = random_table().write(tmp_path / "t.parquet")
    assert headgraph("view", str(table), "-o", str(usual)).returncode == 0
    odd = random_table().write(folder / "tëst.parquet")
    done = subprocess.run(
        [sys.executable, "-m", "headgraph", "view", str(odd), "-o", str(folder / "ü.html")],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **locale},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (folder / "ü.html").read_bytes() == usual.read_bytes()
    assert sorted(path.name for path in folder.iterdir()) == ["tëst.parquet", "ü.html"]
    encoded = b"\xc3\xbc" if locale != PLAIN else rb"\udcc3\udcbc"
    assert done.stdout == os.fsencode(folder) + b"/" + encoded + b".html\n"


@pytest.fixture
def shared_folder() -> Iterator[Path]:
    """A folder that other users can enter."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs two users")
def test_files_of_another_user(tmp_path: Path, shared_folder: Path) -> None:
    """In a folder like /tmp, they stay, and a new output can be made beside them."""
    table = random_table().write(shared_folder / "t.parquet")
    folder, closed = shared_folder / "out", shared_folder / "closed"
    folder.mkdir()
    folder.chmod(0o1777)
    closed.mkdir(mode=0o755)
    theirs, leftover = folder / "theirs.html", folder / f".headgraph-{'0' * 16}.part"
    for path in (theirs, leftover):
        path.write_text("mine")
    line = ("view", str(table), "--force", "-o")
    assert headgraph(*line, str(tmp_path / "as-root.html")).returncode == 0  # imports what it needs
    os.seteuid(65534)
    try:
        refused = [headgraph(*line, str(path)) for path in (theirs, closed / "new.html")]
        made = headgraph(*line, str(folder / "new.html"))
    finally:
        os.seteuid(0)
    assert [done.returncode for done in refused] == [1, 1]
    assert all("cannot write" in done.stderr and done.stderr.count("\n") == 1 for done in refused)
    assert made.returncode == 0, made.stderr
    assert sorted(path.name for path in folder.iterdir()) == [
        leftover.name, "new.html", "theirs.html",
    ]  # fmt: skip
    assert {path.read_text() for path in (theirs, leftover)} == {"mine"}
    assert not list(closed.iterdir())


def test_files_from_the_future(tmp_path: Path) -> None:
    """As a clock leaves them that was set back: outputs, leftovers and interrupted work."""
    model, table = tmp_path / "model", tmp_path / "t.parquet"
    save(model, llama_tensors(), LLAMA_CONFIG)
    line = ("compute", str(model), "--memory", "1e-9", "--all", "-o", str(table))

    def interrupt(self: Partial, state: State) -> None:
        write(self, state)
        raise KeyboardInterrupt

    write = Partial.save
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Partial, "save", interrupt)
        _future(model)
        assert headgraph(*line).returncode != 0
    table.touch()
    (tmp_path / f".headgraph-{'0' * 16}.part").touch()
    _future(tmp_path)
    done = headgraph(*line, "--force")
    assert (done.returncode, done.stdout) == (0, f"{table}\n"), done.stderr
    assert "resuming an interrupted compute: 1 of" in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model", "t.parquet"]


def _future(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        os.utime(path, (4e9, 4e9))


@pytest.mark.parametrize("promise", PROMISES, ids=[one.where for one in PROMISES])
def test_a_promise_has_its_test(promise: Promise) -> None:
    file, _, name = promise.test.partition("::")
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}

"""A file is there whole or not at all."""

import os
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from headgraph.base.errors import OutputExists, UnwritableFile
from headgraph.base.files.output import beside, folder_of_files, scratch, writable

ROOT = Path(__file__).parents[2]


def test_what_was_written_takes_the_place(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"before")
    with beside(path) as stream:
        stream.write(b"after")
        assert path.read_bytes() == b"before"
    assert path.read_bytes() == b"after"
    assert list(tmp_path.iterdir()) == [path]


def interrupted(path: Path) -> None:
    with beside(path) as stream:
        stream.write(b"half")
        raise KeyboardInterrupt


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"before")
    with pytest.raises(KeyboardInterrupt):
        interrupted(path)
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_the_permissions_are_those_of_a_new_file(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        with beside(tmp_path / "a.bin") as stream:
            stream.write(b"x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.bin").stat().st_mode) == 0o640


def kinds(folder: Path) -> Iterator[tuple[Path, str]]:
    """Something of each kind that is no regular file, and a link to it, with what it is called."""
    (folder / "folder").mkdir()
    os.mkfifo(folder / "pipe")
    with socket.socket(socket.AF_UNIX) as end:
        end.bind(str(folder / "socket"))
    found = [(folder / name, f"a {name}") for name in ("folder", "pipe", "socket")]
    for path, kind in [*found, (Path(os.devnull), "a device")]:
        link = folder / f"link-{path.name}"
        link.symlink_to(path)
        yield from ((path, kind), (link, kind))


@pytest.mark.parametrize("force", [False, True])
def test_what_is_no_regular_file_is_never_replaced(tmp_path: Path, force: bool) -> None:
    for path, kind in kinds(tmp_path):
        before = path.lstat()
        with pytest.raises(UnwritableFile, match=f" is {kind}: expected the name of a file"):
            writable(path, force=force)
        with pytest.raises(OSError, match=f"it is {kind}, not a file"), beside(path):
            raise AssertionError("a stream was given")
        assert os.path.samestat(before, path.lstat())
    assert not list(tmp_path.glob(".*"))


def test_of_a_link_the_file_that_it_leads_to_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    target, link, dangling = tmp_path / "there" / "t", tmp_path / "link", tmp_path / "dangling"
    target.write_text("before")
    link.symlink_to("there/t")
    dangling.symlink_to("there/new")
    with pytest.raises(OutputExists, match=r"link exists already: .* force=True to") as caught:
        writable(link, force=False)
    assert caught.value.for_command_line().endswith("or --force to replace it")
    for path in (writable(link, force=True), writable(dangling, force=False)):
        with beside(path) as stream:
            stream.write(b"after")
        assert path.is_symlink()
    assert {path.name: path.read_text() for path in target.parent.iterdir()} == {
        "t": "after",
        "new": "after",
    }


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("no/t", "no folder .*no to write t into: make it first"),
        ("file/t", "no folder .*file to write t into: make it first"),
        ("loop", "cannot write .*loop: Too many levels of symbolic links"),
        ("n" * 256, "cannot write .*: File name too long"),
        ("nul\0", "cannot write .*: .*embedded null (byte|character)"),
    ],
)
def test_names_that_cannot_be_written(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    for force in (False, True):
        with pytest.raises(UnwritableFile, match=said) as caught:
            writable(tmp_path / name, force=force)
        assert len(str(caught.value)) < 300


def test_names_of_255_characters_are_written(tmp_path: Path) -> None:
    path = writable(tmp_path / ("n" * 255), force=False)
    with beside(path) as stream:
        stream.write(b"x")
    assert path.read_bytes() == b"x"


def test_whether_a_folder_can_be_written_is_tried(tmp_path: Path) -> None:
    # permissions bind nobody who is root, but a folder of the system's own does
    with pytest.raises(UnwritableFile, match="cannot write /proc/t: "):
        writable("/proc/t", force=False)
    writable(tmp_path / "t", force=False)
    assert not list(tmp_path.iterdir()), "nothing is left of the try"


HOLD = """
import sys, time
from pathlib import Path
from headgraph.base.files.output import beside, scratch
with beside(Path(sys.argv[1])) as stream, scratch() as folder:
    stream.write(b"half")
    stream.flush()
    print(folder, flush=True)
    time.sleep(600)
"""


def test_what_a_killed_process_left_goes_and_what_a_living_one_has_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "system"))
    (tmp_path / "system").mkdir()
    (tmp_path / "out").mkdir()
    own = tmp_path / "out" / ".headgraph-mine.part"  # a name that no temporary file has
    own.touch()
    command = [sys.executable, "-c", HOLD, str(tmp_path / "out" / "t")]
    environment = os.environ | {"TMPDIR": str(tmp_path / "system")}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment
    ) as holder:
        assert holder.stdout is not None
        folder = Path(holder.stdout.readline().strip())
        assert folder.parent == tmp_path / "system"

        def left() -> list[str]:
            writable(tmp_path / "out" / "other", force=False)
            with scratch():
                pass
            return sorted(
                path.suffix
                for path in (*(tmp_path / "out").iterdir(), *(tmp_path / "system").iterdir())
                if path != own
            )

        assert left() == [".part", ".scratch"]
        holder.kill()
        holder.wait()
        assert left() == []
    assert own.exists()


def test_many_writers_at_once_lose_nothing(tmp_path: Path) -> None:
    def write(number: int) -> None:
        for _ in range(30):
            with beside(writable(tmp_path / f"{number}", force=True)) as stream:
                stream.write(b"%d" % number)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        str(number): str(number) for number in range(8)
    }


def test_files_in_a_folder_that_may_be_missing(tmp_path: Path) -> None:
    names = ["a", "b"]
    assert folder_of_files(tmp_path / "new", names, force=False) == [
        tmp_path / "new" / "a",
        tmp_path / "new" / "b",
    ]
    with pytest.raises(UnwritableFile, match=r"no folder .*new to write deep into"):
        folder_of_files(tmp_path / "new" / "deep", names, force=False)
    folder_of_files(tmp_path / "new" / "deep", names, force=False, parents=True)
    assert not list(tmp_path.iterdir())
    (tmp_path / "b").touch()
    with pytest.raises(OutputExists, match="b exists already"):
        folder_of_files(tmp_path, names, force=False)
    with pytest.raises(UnwritableFile, match="b is a file: expected the name of a folder for"):
        folder_of_files(tmp_path / "b", names, force=True)

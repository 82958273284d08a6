"""Small files that lie where a large one should: what they are, and how to fetch the other."""

from pathlib import Path

from headgraph.base.documents import shown
from headgraph.pk_engine.errors import ModelError, WeightsError

_POINTER = b"version https://git-lfs"
_PAGES = (b"<!doctype html", b"<html")


def refuse_stand_in(path: Path, problem: type[ModelError] = WeightsError) -> None:
    """Refuse a Git LFS pointer and a web page, told by their first bytes.

    Raises:
        problem: the file is one of them.
    """
    with path.open("rb") as file:
        start = file.read(256)
    if start.startswith(_POINTER):
        raise problem(
            f"{shown(path)} is a Git LFS pointer, not the file that it stands for: run git lfs "
            "pull in its folder, or download the file"
        )
    if start.lstrip().lower().startswith(_PAGES):
        raise problem(
            f"{shown(path)} is a web page, not a file of a model: download the file itself, not "
            "the page about it"
        )

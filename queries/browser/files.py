"""The kit as a folder: files to drop onto any Neo4j Browser, and a guide."""

import io
import os
import re
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from headgraph.base.files.documents import reason, shown
from headgraph.base.files.output import beside, folder_of_files, made
from headgraph.base.palette import DARK, LIGHT, ROLE_ORDER, TASK, Theme
from headgraph.queries.browser.favourites import Favourite, favourites
from headgraph.queries.browser.grass import WIDTHS, grass
from headgraph.queries.errors import KitError

ZIP, STYLE, DARK_STYLE, GUIDE = (
    "favourites.zip",
    "headgraph.grass",
    "headgraph-dark.grass",
    "guide.html",
)
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the same favourites give the same bytes


def write_kit(
    folder: str | os.PathLike[str], runs: Sequence[str], *, force: bool = False
) -> list[Path]:
    """Write favourites, styles and the guide.

    Args:
        folder: the folder; it is created if missing.
        runs: names of the runs; each gets a folder of favourites in the zip.
        force: replace existing files.

    Returns:
        The files, the guide first.

    Raises:
        OutputExists: a file exists and `force` is false.
        KitError: a file cannot be written.
    """
    folder = Path(folder)
    contents = {
        GUIDE: _guide(runs).encode(),
        ZIP: archive({run: favourites(run) for run in runs}),
        STYLE: grass(LIGHT).encode(),
        DARK_STYLE: grass(DARK).encode(),
    }
    paths = kit_paths(folder, force=force)
    try:
        with made(folder, parents=True):
            for path in paths:
                with beside(path) as stream:
                    stream.write(contents[path.name])
    except OSError as error:
        raise KitError(f"cannot write {shown(folder)}: {reason(error)}") from error
    return paths


def kit_paths(folder: str | os.PathLike[str], *, force: bool = False) -> list[Path]:
    """The paths of a kit's files, once they can be written; errors as `write_kit`."""
    names = (GUIDE, ZIP, STYLE, DARK_STYLE)
    return folder_of_files(folder, names, force=force, parents=True, problem=KitError)


def archive(by_run: Mapping[str, Sequence[Favourite]]) -> bytes:
    """A zip of `.cypher` files with a folder for each run, as Browser exports its favourites."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as packed:
        for folder, own in zip(_folders(by_run), by_run.values(), strict=True):
            for one in own:
                name = f"{folder}/{_safe(one.title)}.cypher"
                packed.writestr(zipfile.ZipInfo(name, _EPOCH), one.text.encode())
    return stream.getvalue()


def _folders(runs: Iterable[str]) -> list[str]:
    """A folder name for each run; a number tells equal names apart."""
    found: list[str] = []
    taken: set[str] = set()
    for run in runs:
        name = first = _safe(f"headgraph {run}")
        number = 2
        while name.lower() in taken:  # some file systems ignore case
            name, number = f"{first} {number}", number + 1
        found.append(name)
        taken.add(name.lower())
    return found


def _safe(name: str) -> str:
    """A name that is valid as one part of a path on every system."""
    return re.sub(r'[\x00-\x1f<>:"/\\|?*]+', " ", name).strip(" .") or "run"


def _guide(runs: Sequence[str]) -> str:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string(Path(__file__).with_name("guide.html.j2").read_text("utf-8"))
    titles = [favourite.title for favourite in favourites("")]
    return template.render(
        runs=runs,
        titles=titles,
        themes=[_colors(LIGHT), _colors(DARK)],
        names=(ZIP, STYLE, DARK_STYLE),
    )


def _colors(theme: Theme) -> dict[str, object]:
    roles = [theme.role(role) for role in ROLE_ORDER[: ROLE_ORDER.index(TASK)]]
    lines = [(name, theme.pairing(name), width) for name, width in WIDTHS.items()]
    return {"theme": theme, "roles": roles, "lines": lines, "ink_on": theme.ink_on}

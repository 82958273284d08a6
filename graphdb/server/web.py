"""More files beside Neo4j Browser, served from a zip in the home, a copy of Browser's own jar.

Neo4j looks for `web/neo4j-browser.zip` in its home before it opens the jar, and reads it once.
Browser is copied on this machine, never shipped.
"""

import hashlib
import zipfile
from collections.abc import Mapping
from pathlib import Path

from headgraph.graphdb.server.home.folder import ServerHome

ROOT = "browser/"
ARTIFACT = "neo4j-browser"


def offer(home: ServerHome, jars: list[Path], files: Mapping[str, bytes]) -> None:
    """Let the server serve these files under Browser's address from its next start on.

    Args:
        home: home of the server.
        jars: the server's jars, among them Browser's.
        files: contents by path below Browser's address, such as `headgraph/kit.html`; if empty,
            only Browser is served.
    """
    target = home.path / "web" / f"{ARTIFACT}.zip"
    if not files:
        target.unlink(missing_ok=True)
        return
    jar = next(jar for jar in jars if jar.name.startswith(f"{ARTIFACT}-"))
    made_of = _made_of(jar, files)
    if target.exists() and _comment(target) == made_of:
        return
    target.parent.mkdir(mode=0o700, exist_ok=True)
    partial = target.with_suffix(".part")
    try:
        _write(partial, jar, files, made_of)
        partial.replace(target)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def _made_of(jar: Path, files: Mapping[str, bytes]) -> bytes:
    """A hash of what the zip is made of; the jar's name stands for its pinned contents."""
    digest = hashlib.sha256(jar.name.encode())
    for name, content in sorted(files.items()):
        digest.update(f"\0{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest().encode()


def _comment(path: Path) -> bytes | None:
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.comment
    except (OSError, zipfile.BadZipFile):
        return None


def _write(path: Path, jar: Path, files: Mapping[str, bytes], comment: bytes) -> None:
    """Write folders first, starting with `browser/`: otherwise Neo4j does not find the pages."""
    with zipfile.ZipFile(jar) as old, zipfile.ZipFile(path, "w") as new:
        entries = [entry for entry in old.infolist() if entry.filename.startswith(ROOT)]
        for entry in sorted((e for e in entries if e.is_dir()), key=lambda e: e.filename):
            new.writestr(entry, b"")
        for folder in sorted({name.rpartition("/")[0] for name in files} - {""}):
            new.mkdir(f"{ROOT}{folder}")
        for entry in entries:
            if not entry.is_dir():
                new.writestr(entry, old.read(entry), compresslevel=1)  # quick, once
        for name, content in files.items():
            new.writestr(f"{ROOT}{name}", content)
        new.comment = comment

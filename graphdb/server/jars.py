"""The server's jars: pinned, fetched once into the user's cache, and checked at every start."""

import hashlib
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from headgraph.base.progress import Progress, silent
from headgraph.graphdb.errors import START, ServerError
from headgraph.graphdb.server.home.config import VERSION
from headgraph.graphdb.server.home.folder import refuse_full_disk, stated

THREADS = 16
TRIES = 3  # of each jar in one start
TIMEOUT_S = 20  # seconds without an answer, per request


@dataclass(frozen=True)
class Pin:
    """One jar that the server needs, with its checksum.

    Attributes:
        coordinate: group:artifact:version, or group:artifact:version:classifier.
        sha256: of the file, hexadecimal.
        size: of the file, in bytes.
    """

    coordinate: str
    sha256: str
    size: int

    @property
    def parts(self) -> tuple[str, str, str, str]:
        """Group, artifact, version and classifier (empty if there is none)."""
        group, artifact, version, *classifier = self.coordinate.split(":")
        return group, artifact, version, "".join(classifier)

    def file(self, folder: Path) -> Path:
        """Path of the jar under the cache folder, in Maven's layout."""
        group, artifact, version, classifier = self.parts
        name = "-".join(filter(None, (artifact, version, classifier))) + ".jar"
        return folder.joinpath(*group.split("."), artifact, version, name)

    def is_good(self, folder: Path) -> bool:
        """Whether the file exists and is the pinned one."""
        path = self.file(folder)
        try:
            if path.stat().st_size != self.size:
                return False
            with path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest() == self.sha256
        except FileNotFoundError:
            return False


# Fetches one jar into the cache folder, at the place that Pin.file names.
Fetch = Callable[[Pin, Path], None]


@cache
def read_pins() -> tuple[Pin, ...]:
    """The pinned jars, as shipped with this package in jars.txt."""
    return pins_in(Path(__file__).with_name("jars.txt"))


def pins_in(path: Path) -> tuple[Pin, ...]:
    """The jars that a file pins: coordinate, sha256 and bytes on each line."""
    lines = path.read_text(encoding="utf-8").splitlines()
    rows = (line.split() for line in lines if line and not line.startswith("#"))
    return tuple(Pin(coordinate, sha256, int(size)) for coordinate, sha256, size in rows)


def cache_folder() -> Path:
    """Folder of the jars, under the user's cache folder (XDG_CACHE_HOME moves it)."""
    import platformdirs

    return platformdirs.user_cache_path("headgraph").resolve() / "jars"


def ensure_jars(
    folder: Path | None = None,
    *,
    pins: Iterable[Pin] | None = None,
    fetch: Fetch | None = None,
    progress: Progress = silent,
) -> list[Path]:
    """Check every jar, fetch those that are missing or damaged, and return all their paths.

    Args:
        folder: the cache folder; None for the user's.
        pins: the jars; None for the server's.
        fetch: fetches one jar; None for jgo.
        progress: called with the bytes fetched and to fetch.

    Raises:
        ServerError: a jar cannot be fetched, or the disk is full.
    """
    folder = cache_folder() if folder is None else folder
    needed = tuple(read_pins() if pins is None else pins)
    with stated("keep the server's jars", folder):
        bad = _bad(needed, folder)
        if bad:
            _fetch_locked(bad, folder, fetch or jgo_fetch(folder), progress)
    return [pin.file(folder) for pin in needed]


def damaged(folder: Path) -> list[Path]:
    """Files in the cache at the place of a pinned jar with other contents: partial or changed."""
    return [path for pin in _bad(read_pins(), folder) if (path := pin.file(folder)).exists()]


def _bad(pins: tuple[Pin, ...], folder: Path) -> tuple[Pin, ...]:
    with ThreadPoolExecutor(THREADS) as pool:
        good = list(pool.map(lambda pin: pin.is_good(folder), pins))
    return tuple(pin for pin, is_good in zip(pins, good, strict=True) if not is_good)


def _fetch_locked(bad: tuple[Pin, ...], folder: Path, fetch: Fetch, progress: Progress) -> None:
    """Fetch under the cache's lock, because jgo writes in place."""
    import filelock

    folder.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(folder / "lock"):
        bad = _bad(bad, folder)  # another start may have fetched them while this one waited
        refuse_full_disk(folder, sum(pin.size for pin in bad))
        _fetch_all(bad, folder, fetch, progress)


def _fetch_all(bad: tuple[Pin, ...], folder: Path, fetch: Fetch, progress: Progress) -> None:
    total, done = sum(pin.size for pin in bad), 0
    phrase = f"fetching Neo4j {VERSION} ({total / 1e6:.0f} MB)"
    progress(phrase, 0, total)
    pool = ThreadPoolExecutor(THREADS)
    try:
        jobs = {pool.submit(_fetch_one, pin, folder, fetch): pin for pin in bad}
        for job in as_completed(jobs):
            job.result()
            done += jobs[job].size
            progress(phrase, done, total)
    finally:
        # after a failure or an interruption, do not wait for the rest
        pool.shutdown(wait=True, cancel_futures=True)


def _fetch_one(pin: Pin, folder: Path, fetch: Fetch) -> None:
    """Fetch one jar and check it; a damaged one is fetched again."""
    reason: Exception | None = None
    for _ in range(TRIES):
        reason = None
        pin.file(folder).unlink(missing_ok=True)
        try:
            fetch(pin, folder)
        except Exception as error:
            if _is_local(error):
                raise
            reason = error
        if pin.is_good(folder):
            return
    pin.file(folder).unlink(missing_ok=True)
    raise _not_fetched(pin, reason) from reason


def _is_local(error: Exception) -> bool:
    """Whether the error is about our own disk: network errors of requests have no errno."""
    return (
        isinstance(error, OSError)
        and bool(error.errno)
        and not isinstance(error, ConnectionError | TimeoutError)
    )


def _not_fetched(pin: Pin, reason: Exception | None) -> ServerError:
    if reason is None:
        return ServerError(
            f"the jar {pin.coordinate} came {TRIES} times with other contents than the pinned "
            f"ones (expected {pin.size} bytes, sha256 {pin.sha256}): something between here and "
            "the registry changes downloads; try another network, or use a server of your own "
            "through NEO4J_URI"
        )
    return ServerError(
        f"cannot fetch the server's jar {pin.coordinate} ({type(reason).__name__}, {TRIES} tries): "
        f"check the network or HTTPS_PROXY, and run {START} again, which continues "
        "where this one stopped; or use a server of your own through NEO4J_URI"
    )


def jgo_fetch(folder: Path) -> Fetch:
    """Fetch with jgo, whose default repository is Maven Central."""
    from jgo.maven import MavenContext, PythonResolver

    context = MavenContext(
        repo_cache=folder, local_repos=[], resolver=PythonResolver(), timeout=TIMEOUT_S
    )

    def fetch(pin: Pin, folder: Path) -> None:
        group, artifact, version, classifier = pin.parts
        component = context.project(group, artifact).at_version(version)
        component.artifact(classifier=classifier, packaging="jar").resolve()

    return fetch

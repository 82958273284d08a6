"""The jars: pinned, checked before use, fetched again where they are not what was pinned."""

import errno
import hashlib
import shutil
import threading
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest

from headgraph.graphdb.errors import ServerError
from headgraph.graphdb.server.home import config
from headgraph.graphdb.server.jars import Pin, cache_folder, ensure_jars, jgo_fetch, read_pins

CONTENT = {f"org.example:part-{i}:1.0": bytes([i]) * (1000 + i) for i in range(5)}
PINS = tuple(
    Pin(name, hashlib.sha256(data).hexdigest(), len(data)) for name, data in CONTENT.items()
)


class Registry:
    """Stands in for jgo: writes what it has, and counts."""

    def __init__(self, content: dict[str, bytes] | None = None) -> None:
        self.content = dict(CONTENT if content is None else content)
        self.asked: Counter[str] = Counter()
        self.lock = threading.Lock()

    def __call__(self, pin: Pin, folder: Path) -> None:
        with self.lock:
            self.asked[pin.coordinate] += 1
        path = pin.file(folder)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file:  # as jgo: a file that is there already is a mistake
            file.write(self.content[pin.coordinate])


def test_the_pins_are_whole() -> None:
    pins = read_pins()

    assert len(pins) == 201
    assert sum(pin.size for pin in pins) == pytest.approx(122.6e6, rel=0.01)
    assert len({pin.file(Path()) for pin in pins}) == 201
    assert all(len(bytes.fromhex(pin.sha256)) == 32 for pin in pins)
    assert f"org.neo4j.app:neo4j-server:{config.VERSION}" in {pin.coordinate for pin in pins}


def test_a_classifier_is_part_of_the_file_name() -> None:
    pin = Pin("io.netty:netty-transport-native-epoll:4.1:linux-x86_64", "00" * 32, 1)

    assert pin.file(Path("c")) == Path(
        "c/io/netty/netty-transport-native-epoll/4.1/"
        "netty-transport-native-epoll-4.1-linux-x86_64.jar"
    )


def test_missing_jars_are_fetched_once(tmp_path: Path) -> None:
    registry, said = Registry(), list[tuple[str, int, int]]()

    first = ensure_jars(
        tmp_path, pins=PINS, fetch=registry, progress=lambda *args: said.append(args)
    )
    again = ensure_jars(tmp_path, pins=PINS, fetch=registry)

    assert first == again == [pin.file(tmp_path) for pin in PINS]
    assert set(registry.asked.values()) == {1}
    total = sum(map(len, CONTENT.values()))
    assert [done for _, done, _ in said] == sorted(done for _, done, _ in said)
    assert said[0][1:] == (0, total)
    assert said[-1][1:] == (total, total)
    assert said[0][0].startswith("fetching Neo4j 5.26.31")


class Damage(NamedTuple):
    name: str
    data: bytes


@pytest.mark.parametrize(
    "damage",
    [
        Damage("short", CONTENT["org.example:part-2:1.0"][:-1]),
        Damage("empty", b""),
        Damage("same length, another content", bytes(1002)),
    ],
    ids=lambda damage: damage.name,
)
def test_a_damaged_jar_is_fetched_again_and_no_other(tmp_path: Path, damage: Damage) -> None:
    registry, pin = Registry(), PINS[2]
    ensure_jars(tmp_path, pins=PINS, fetch=registry)
    pin.file(tmp_path).write_bytes(damage.data)

    ensure_jars(tmp_path, pins=PINS, fetch=registry)

    assert pin.file(tmp_path).read_bytes() == CONTENT[pin.coordinate]
    assert registry.asked[pin.coordinate] == 2
    assert registry.asked.total() == len(PINS) + 1


def test_a_jar_that_stays_wrong_is_refused_and_not_kept(tmp_path: Path) -> None:
    pin = PINS[1]
    registry = Registry(CONTENT | {pin.coordinate: b"something else"})

    with pytest.raises(ServerError) as caught:
        ensure_jars(tmp_path, pins=PINS, fetch=registry)

    assert registry.asked[pin.coordinate] == 3
    assert not pin.file(tmp_path).exists()
    for part in (pin.coordinate, "1001 bytes", pin.sha256, "another network"):
        assert part in str(caught.value)


def test_a_download_that_breaks_off_is_tried_again(tmp_path: Path) -> None:
    registry, broken = Registry(), list[str]()

    def fetch(pin: Pin, folder: Path) -> None:
        registry(pin, folder)
        if pin == PINS[3] and not broken:
            broken.append(pin.coordinate)
            pin.file(folder).write_bytes(b"half")
            raise ConnectionResetError(errno.ECONNRESET, "reset by peer")

    ensure_jars(tmp_path, pins=PINS, fetch=fetch)

    assert broken == [PINS[3].coordinate]
    assert PINS[3].is_good(tmp_path)


def test_no_network_is_one_sentence_without_addresses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # the real jgo, sent to a port of this machine where nobody listens
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)

    with pytest.raises(ServerError) as caught:
        ensure_jars(tmp_path, pins=read_pins()[:3])

    message = str(caught.value)
    assert message.startswith("cannot fetch the server's jar com.fasterxml.jackson.core:")
    assert "(ProxyError, 3 tries)" in message
    assert "HTTPS_PROXY" in message
    assert "NEO4J_URI" in message
    assert "http://" not in message
    assert "https://" not in message


def test_a_disk_without_room_is_told_before_anything_is_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=100)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    registry = Registry()

    with pytest.raises(ServerError, match=r"has 0 MB left and .* are needed.*XDG_CACHE_HOME"):
        ensure_jars(tmp_path, pins=PINS, fetch=registry)

    assert not registry.asked


def test_a_disk_that_fills_up_meanwhile_is_not_taken_for_a_network_problem(tmp_path: Path) -> None:
    def full(pin: Pin, folder: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(ServerError) as caught:
        ensure_jars(tmp_path, pins=PINS, fetch=full)

    assert str(caught.value).startswith(
        f"cannot keep the server's jars: No space left on device ({tmp_path})"
    )


def test_a_cache_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(ServerError, match="cannot keep the server's jars: Not a directory"):
        ensure_jars(tmp_path / "file" / "jars", pins=PINS, fetch=Registry())


def test_two_starts_fetch_each_jar_once(tmp_path: Path) -> None:
    registry = Registry()
    threads = [
        threading.Thread(target=ensure_jars, args=(tmp_path,), kwargs=kwargs)
        for kwargs in [{"pins": PINS, "fetch": registry}] * 4
    ]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert registry.asked == Counter(CONTENT.keys())


def test_the_cache_is_the_users_and_moves_with_xdg(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    assert cache_folder() == tmp_path / "headgraph" / "jars"


def test_jgo_fetches_to_the_place_that_is_checked(tmp_path: Path) -> None:
    """The real registry, for one jar with a classifier and 40 kB."""
    pin = next(pin for pin in read_pins() if pin.coordinate.endswith(":linux-x86_64"))

    jgo_fetch(tmp_path)(pin, tmp_path)

    assert pin.is_good(tmp_path)

"""Hubs that lie: nothing is written where they want, and nothing goes on without end."""

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest
from huggingface_hub import constants

from headgraph.pk_engine.errors import ModelError
from headgraph.pk_engine.models.hub import _guard, download
from headgraph.pk_engine.models.hub.download import cached, fetch
from tests.pk_engine.hub_server import HubServer
from tests.pk_engine.models.test_hub import away, fails

COMMIT = "0123456789" * 4
NOT_HEXADECIMAL = ["../../../../outside", "/{tmp}/outside", "..", "a b", "\\outside", "x" * 300]


def everything(folder: Path) -> list[str]:
    """All files and folders outside of the cache and of the model that the hub has."""
    paths = folder.rglob("*")
    return sorted(
        str(path) for path in paths if not {"cache", "plain"} & set(path.relative_to(folder).parts)
    )


@pytest.mark.parametrize("header", ["ETag", "X-Linked-ETag", "X-Repo-Commit"])
@pytest.mark.parametrize("value", NOT_HEXADECIMAL)
def test_headers_that_become_paths_are_hexadecimal(
    server: HubServer, tmp_path: Path, header: str, value: str
) -> None:
    before = everything(tmp_path)
    server.lies[header] = value.replace("{tmp}", str(tmp_path))
    said = fails("team/model")
    assert f"cannot be trusted with team/model: the {header} is " in said
    assert "expected a hexadecimal number" in said
    assert len(said) < 300
    assert server.files_sent == []
    assert everything(tmp_path) == before
    assert not list((tmp_path / "cache").rglob("*outside*"))


def test_a_file_that_is_missing_leaves_no_mark_elsewhere(server: HubServer, tmp_path: Path) -> None:
    # huggingface_hub notes that a file is missing in a folder named as the answer's commit
    commit = server.repos["team/model"].commit({"config.json": b"{}"}, "bare")
    server.lies["X-Repo-Commit"] = f"{tmp_path}/outside"
    assert download.optional_file("team/model", commit, "tokenizer.json") is None
    assert not (tmp_path / "outside").exists()


def test_a_list_with_an_invalid_commit(server: HubServer) -> None:
    siblings = [{"rfilename": name} for name in ("config.json", "model.safetensors")]
    server.info = json.dumps({"id": "team/model", "sha": "../..", "siblings": siblings}).encode()
    found = fetch("team/model")
    assert found.commit == server.repos["team/model"].refs["main"], "the files' own, which is one"


@pytest.mark.parametrize(
    "info",
    [
        b"[" * 10_000,
        b'{"siblings": 5}',
        b'{"id": 1, "sha": [], "siblings": [1]}',
        b'{"siblings": [{"rfilename": {}}]}',
        b"[1]",
        b"null",
        b'{"id": "a", "siblings": [{}]}',
        b'{"tags": 5, "cardData": 7, "safetensors": 3, "lastModified": 4}',
    ],
)
def test_invalid_lists(server: HubServer, info: bytes) -> None:
    server.info = info
    said = fails("team/model")
    assert "something else" in said or "has no config.json" in said
    assert server.files_sent == []


@pytest.mark.parametrize("name", ["../config.json", "/etc/config.json", "a\x00b", "c" * 5000, ""])
def test_names_in_a_list_are_only_compared(server: HubServer, name: str) -> None:
    siblings = [{"rfilename": each} for each in (name, "config.json", "model.safetensors")]
    server.info = json.dumps({"id": "team/model", "sha": COMMIT, "siblings": siblings}).encode()
    fetch("team/model")
    assert sorted(server.files_sent) == ["config.json", "model.safetensors"]


@pytest.mark.parametrize("name", ["../a.safetensors", "/a.safetensors", "a\x00", "c" * 300, 5, ""])
def test_shards_in_other_folders(server: HubServer, name: object) -> None:
    index = {"weight_map": {"h.0.attn.c_attn.weight": name}}
    files = {"config.json": b"{}", "model.safetensors.index.json": json.dumps(index).encode()}
    server.repos["team/model"].commit(files | {str(name): b""}, "main")
    said = fails("team/model")
    assert "which is no name of a file" in said
    assert len(said) < 300
    assert set(server.files_sent) == {"config.json", "model.safetensors.index.json"}


def test_a_list_of_many_megabytes(server: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_guard, "ANSWER", 10_000)
    server.info = b" " * 20_000 + b"{}"
    assert "sends more than it said or than any answer needs" in fails("team/model")


def test_bytes_that_are_not_those_of_the_hash(server: HubServer) -> None:
    server.lies["ETag"] = f'"{"ab" * 32}"'
    said = fails("team/model")
    assert "'config.json' of team/model is not what the hub at 127.0.0.1" in said
    assert "expected abababababab...; it was removed" in said
    assert cached("team/model", weights=False) is None
    assert not list(Path(constants.HF_HUB_CACHE).rglob("ab" * 32))
    server.lies.clear()
    assert fetch("team/model").commit == server.repos["team/model"].refs["main"]


def test_hashes_of_other_kinds_are_not_compared(server: HubServer) -> None:
    server.lies["ETag"] = f'"{"ab" * 20}"'  # of git, over more than the bytes
    server.repos["team/model"].commit({"config.json": b"{}"}, "bare")
    assert fetch("team/model", "bare", weights=False)


def endless(block: bytes, wait: float = 0) -> Iterator[bytes]:
    for _ in itertools.count():
        yield block
        Event().wait(wait)  # some tests have no time.sleep


@pytest.mark.usefixtures("impatient")
class TestWithoutEnd:
    def test_a_body(self, server: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(_guard, "ANSWER", 100_000)
        server.streams["model.safetensors"] = lambda: endless(b"x" * 10_000)
        assert "sends more than it said" in fails("team/model")
        blobs = Path(constants.HF_HUB_CACHE).rglob("blobs/*")
        assert sum(path.stat().st_size for path in blobs) < 1_000_000

    def test_drops(self, server: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(_guard, "WINDOW", 0.3)
        server.streams["model.safetensors"] = lambda: endless(b"x", 0.02)
        said = fails("team/model")
        assert said.startswith("the download of team/model broke off (")
        assert "bytes a second, expected 500 or more" in said

    def test_headers(self, server: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(_guard, "WINDOW", 0.3)
        server.drips = True
        assert "bytes a second, expected 500 or more" in fails("team/model")

    def test_a_stop_after_each_byte(
        self, server: HubServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # each attempt brings something, so huggingface_hub never gives up
        monkeypatch.setattr(_guard, "WINDOW", 0.3)
        monkeypatch.setattr(constants, "HF_HUB_DOWNLOAD_TIMEOUT", 0.1)
        monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 1)
        monkeypatch.setattr(_guard, "SLOWEST", 10**6)  # headers are bytes too
        server.streams["model.safetensors"] = lambda: endless(b"x", 0.2)
        assert "bytes a second, expected 1000000 or more" in fails("team/model")

    def test_slow_and_honest(self, server: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(_guard, "WINDOW", 0.05)
        monkeypatch.setattr(_guard, "SLOWEST", 50)
        content = server.repos["team/model"].commits[server.repos["team/model"].refs["main"]]
        blocks = content["model.safetensors"]

        def slowly() -> Iterator[bytes]:
            for start in range(0, len(blocks), 500):
                yield blocks[start : start + 500]
                Event().wait(0.01)

        server.streams["model.safetensors"] = slowly
        assert (fetch("team/model").folder / "model.safetensors").read_bytes() == blocks

    def test_redirects(self, server: HubServer) -> None:
        server.moved["config.json"] = (307, "/team/model/resolve/main/config.json")
        assert "redirects without end" in fails("team/model")

    def test_requested_waits(self, server: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
        waits: list[float] = []
        monkeypatch.setattr(hub_time(), "sleep", waits.append)
        server.status, server.lies["Retry-After"] = 429, "99999999"
        fails("team/model")
        assert all(wait <= _guard.PATIENCE for wait in waits)


def hub_time() -> object:
    from huggingface_hub import file_download

    return file_download.time


@pytest.mark.parametrize("size", ["999999999999999", "5", "-5"])
@pytest.mark.usefixtures("impatient")
def test_wrong_sizes(server: HubServer, size: str) -> None:
    server.lies["X-Linked-Size"] = size
    assert len(fails("team/model")) < 300
    assert cached("team/model") is None


@pytest.mark.parametrize("size", ["9" * 5000, "many", "²"])
def test_invalid_sizes(server: HubServer, size: str) -> None:
    server.lies["X-Linked-Size"] = size
    found = fetch("team/model")
    wanted = server.repos["team/model"].commits[found.commit]["model.safetensors"]
    assert (found.folder / "model.safetensors").read_bytes() == wanted


def test_a_file_that_exceeds_the_free_space(
    server: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Usage:
        free = 1000

    monkeypatch.setattr(_guard.shutil, "disk_usage", lambda _: Usage)
    server.lies["X-Linked-Size"] = "40000000000"
    monkeypatch.setattr(_guard, "LARGEST", 10**15)
    said = fails("team/model")
    assert said.startswith("a file of 40.0 GB does not fit into ")
    assert said.endswith("which has 0.0 GB free: make space, or set HF_HOME to another disk")
    assert server.files_sent == []


def test_a_configuration_of_gigabytes(server: HubServer) -> None:
    server.lies["X-Linked-Size"] = str(10**9)
    assert "'config.json' has 1,000,000,000 bytes on the hub: expected at" in fails("team/model")


def test_a_compressed_body_is_refused(server: HubServer) -> None:
    server.lies["Content-Encoding"] = "gzip"
    assert "compresses config.json (gzip), though identity was asked for" in fails("team/model")


class TestPlainHttp:
    @pytest.mark.parametrize(
        "url", ["http://192.0.2.1", "http://localhost.example", "ftp://127.0.0.1"]
    )
    def test_a_hub_elsewhere(
        self, server: HubServer, monkeypatch: pytest.MonkeyPatch, url: str
    ) -> None:
        monkeypatch.setattr(constants, "ENDPOINT", url)
        said = fails("team/model")
        assert said == (
            f"the hub or a redirect of it is at '{url}': expected https; HEADGRAPH_PLAIN_HTTP=1 "
            "allows http where you trust the network"
        )

    @pytest.mark.parametrize(
        "url", ["http://192.0.2.1/x", "file:///etc/passwd", "ftp://127.0.0.1/x"]
    )
    @pytest.mark.parametrize("status", [302, 307])
    def test_a_redirect(self, server: HubServer, url: str, status: int) -> None:
        server.moved["config.json"] = (status, url)
        server.lies["X-Linked-Size"] = "10"
        assert "the hub or a redirect of it is at " in fails("team/model")

    def test_allowed(self, server: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HEADGRAPH_PLAIN_HTTP", "1")
        monkeypatch.setattr(_guard, "_loopback", lambda _: False)
        assert fetch("team/model")
        monkeypatch.setenv("HEADGRAPH_PLAIN_HTTP", "0")
        with pytest.raises(ModelError, match="expected https"):
            fetch("team/model")

    def test_loopback_only_from_loopback(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(constants, "ENDPOINT", "https://hub.example")
        with pytest.raises(ModelError, match="expected https"):
            _guard.check_scheme(away())
        for url in ("http://127.0.0.1:1", "http://[::1]:1", "http://localhost"):
            monkeypatch.setattr(constants, "ENDPOINT", url)
            _guard.check_scheme(url)


def test_the_sessions_of_the_user_are_restored(server: HubServer) -> None:
    from huggingface_hub.utils import _http

    before = _http._GLOBAL_CLIENT_FACTORY
    fetch("team/model")
    assert before is _http._GLOBAL_CLIENT_FACTORY
    server.lies["ETag"] = ".."
    with pytest.raises(ModelError):
        fetch("team/model", "v1")
    assert before is _http._GLOBAL_CLIENT_FACTORY

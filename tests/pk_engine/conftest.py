"""A model hub on loopback for tests of what is fetched and what is refused."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import constants, file_download

from tests.pk_engine.checkpoints import save
from tests.pk_engine.hub_server import HubServer, Repo, folder_files


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    """A hub with the repository team/model, and a cache of its own.

    huggingface_hub reads its environment when it is imported, so here its constants are set; that
    the variables do the same is tested in processes of their own below.
    """
    with HubServer() as server:
        point_at(server.url, tmp_path, monkeypatch)
        files = folder_files(save(tmp_path / "plain"))
        server.repos["team/model"] = repo = Repo()
        repo.commit({**files, "README.md": b"old"}, "v1")
        others = ["modeling.py", "pytorch_model.bin", "tf_model.h5", "onnx/model.safetensors"]
        repo.commit(files | dict.fromkeys(others, b"not wanted"), "main")
        yield server


def point_at(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", url)
    template = url + "/{repo_id}/resolve/{revision}/{filename}"
    for module in (constants, file_download):  # before version 1 the latter has its own
        monkeypatch.setattr(module, "HUGGINGFACE_CO_URL_TEMPLATE", template, raising=False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no-token"))


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """huggingface_hub waits a second before each of its five further attempts."""
    monkeypatch.setattr(file_download.time, "sleep", lambda _: None)

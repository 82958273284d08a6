"""Models from a hub: what is fetched, what is kept, and what each thing in the way is called."""

import json
import pickle
import shutil
import socket
import threading
from pathlib import Path

import pytest
from huggingface_hub import constants

from headgraph.pk_engine import Selection, compute
from headgraph.pk_engine.errors import ModelError
from headgraph.pk_engine.models.hub import download
from headgraph.pk_engine.models.hub._guard import guarding
from headgraph.pk_engine.models.hub.download import (
    Snapshot,
    cached,
    fetch,
    optional_file,
    weight_files,
)
from headgraph.pk_engine.models.location import locate
from headgraph.pk_engine.models.weights import ModelWeights
from tests.commands import headgraph_process
from tests.pk_engine.checkpoints import gpt2_tensors, save
from tests.pk_engine.hub_server import SECRET, HubServer, Repo, folder_files


def fails(model: str, revision: str | None = None) -> str:
    """The one sentence with which fetching ends."""
    with pytest.raises(ModelError) as error:
        fetch(model, revision)
    assert "\n" not in str(error.value)
    # a traceback shows no request's headers either
    assert error.value.__suppress_context__ or error.value.__context__ is None
    return str(error.value)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def main_of(server: HubServer, name: str = "team/model") -> str:
    return server.repos[name].refs["main"]


class TestDownload:
    def test_only_what_is_needed(self, server: HubServer) -> None:
        found = fetch("team/model")
        assert found.commit == main_of(server)
        assert sorted(server.files_sent) == ["config.json", "model.safetensors"]
        assert names(found.folder) == ["config.json", "model.safetensors"]

    def test_the_table_is_that_of_the_folder_and_records_the_commit(
        self, server: HubServer, tmp_path: Path
    ) -> None:
        table = compute("team/model", selection=Selection())
        assert (table.meta.model, table.meta.revision) == ("team/model", main_of(server))
        local = compute(tmp_path / "plain", selection=Selection())
        assert local.meta.revision is None
        assert table.meta.fingerprint == local.meta.fingerprint
        assert table.frame.equals(local.frame)

    def test_what_is_sent_to_a_worker_opens_the_same_commit(
        self, server: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first = main_of(server)
        sent = pickle.dumps(ModelWeights("team/model"))
        server.repos["team/model"].commit(folder_files(tmp_path / "plain") | {"a": b""}, "main")
        assert main_of(server) != first
        assert pickle.loads(sent).revision == first
        monkeypatch.chdir(tmp_path)
        sent = pickle.dumps(ModelWeights("plain", center_writing=True))
        monkeypatch.chdir("/")
        there = pickle.loads(sent)
        assert (there.name, there.revision, there.center_writing) == ("plain", None, True)

    def test_shards_that_the_index_names(self, server: HubServer, tmp_path: Path) -> None:
        files = folder_files(save(tmp_path / "shards", shards=3))
        extra = {"consolidated.safetensors": b"x", "model.safetensors": b"x"}
        server.repos["team/shards"] = Repo()
        server.repos["team/shards"].commit({**files, **extra}, "main")
        found = fetch("team/shards")
        assert names(found.folder) == sorted(files)
        wanted = compute(tmp_path / "plain").meta.fingerprint
        assert compute("team/shards").meta.fingerprint == wanted

    @pytest.mark.parametrize("revision", ["v1", "main", None, "commit"])
    def test_revisions(self, server: HubServer, revision: str | None) -> None:
        repo = server.repos["team/model"]
        wanted = repo.refs["v1" if revision in ("v1", "commit") else "main"]
        asked = wanted if revision == "commit" else revision
        assert fetch("team/model", asked).commit == wanted
        server.requests.clear()
        assert fetch("team/model", asked).commit == wanted
        assert server.files_asked == []
        # a commit never changes, so nobody needs to be asked about one
        assert len(server.requests) == (0 if revision == "commit" else 1)

    def test_a_branch_that_moved(self, server: HubServer, tmp_path: Path) -> None:
        first = fetch("team/model")
        newer = folder_files(save(tmp_path / "newer", gpt2_tensors(seed=1)))
        commit = server.repos["team/model"].commit(newer, "main")
        server.requests.clear()
        second = fetch("team/model")
        assert second.commit == commit != first.commit
        assert server.files_sent == ["model.safetensors"]  # the configuration is the same blob
        assert cached("team/model", first.commit) == first

    def test_only_the_configuration(self, server: HubServer) -> None:
        found = locate("team/model", weights=False)
        assert server.files_sent == ["config.json"]
        assert found.commit == main_of(server)
        assert cached("team/model") is None
        assert cached("team/model", weights=False) == Snapshot(found.folder, main_of(server))

    def test_a_token_is_sent_where_there_is_one(
        self, server: HubServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        server.repos["team/model"].readers = {SECRET}
        monkeypatch.setenv("HF_TOKEN", SECRET)
        assert fetch("team/model").commit == main_of(server)


class TestKinds:
    def test_safetensors_come_before_pytorch_files(self) -> None:
        both = {"model.safetensors", "pytorch_model.bin", "pytorch_model.bin.index.json"}
        assert weight_files(both, Path) == ["model.safetensors"]
        assert weight_files({"pytorch_model.bin", "a.gguf"}, Path) == ["pytorch_model.bin"]
        assert weight_files({"a.safetensors", "b.safetensors", "sub/c.safetensors"}, Path) == [
            "a.safetensors",
            "b.safetensors",
        ]
        assert weight_files({"training_args.bin", "optimizer.pt", "flax_model.msgpack"}, Path) == []

    def test_pytorch_files_only_where_nothing_else_is(self, server: HubServer) -> None:
        config = {"config.json": json.dumps({"model_type": "gpt2"}).encode()}
        server.repos["team/old"] = Repo()
        server.repos["team/old"].commit(
            {**config, "pytorch_model.bin": b"weights", "training_args.bin": b"code"}, "main"
        )
        assert names(fetch("team/old").folder) == ["config.json", "pytorch_model.bin"]

    def test_pytorch_files_are_not_fetched_for_nothing(
        self, server: HubServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        server.repos["team/old"] = Repo()
        server.repos["team/old"].commit({"config.json": b"{}", "pytorch_model.bin": b"x"}, "main")
        monkeypatch.setattr(download.importlib.util, "find_spec", lambda _: None)
        assert "pip install 'headgraph[torch]'" in fails("team/old")
        assert server.files_sent == ["config.json"]

    @pytest.mark.parametrize(
        ("files", "text"),
        [
            ({"model.safetensors": b"x"}, "team/odd has no config.json on the hub"),
            ({"config.json": b"{}", "README.md": b""}, "has no *.safetensors and no pytorch_model"),
            ({"config.json": b"{}", "adapter_config.json": b"{}"}, "team/odd is an adapter"),
            ({"m.Q8_0.gguf": b"x"}, "holds GGUF files on the hub: download one of them and give"),
            (
                {"config.json": b"{}",
                 "model.safetensors.index.json": b'{"weight_map": {"a": "1.safetensors"}}'},
                "the index of team/odd names 1.safetensors, which the repository lacks",
            ),
            (
                {"config.json": b"{}", "model.safetensors.index.json": b"[]"},
                "holds a list: expected a JSON object",
            ),
        ],
    )  # fmt: skip
    def test_repositories_without_a_model(
        self, server: HubServer, files: dict[str, bytes], text: str
    ) -> None:
        server.repos["team/odd"] = Repo()
        server.repos["team/odd"].commit(files, "main")
        assert text in fails("team/odd")


class TestRefusals:
    def test_no_such_repository(self, server: HubServer) -> None:
        assert fails("team/nothing") == (
            "'team/nothing' is no folder here, and the hub has no such model or keeps it private: "
            "check the name; a private one needs HF_TOKEN"
        )

    def test_no_such_revision(self, server: HubServer) -> None:
        assert fails("team/model", "v9") == (
            "team/model has no revision 'v9' on the hub: expected a branch, tag or commit"
        )

    @pytest.mark.parametrize("token", [None, SECRET])
    def test_gated(
        self, server: HubServer, token: str | None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        server.repos["team/model"].readers = set()
        if token:
            monkeypatch.setenv("HF_TOKEN", token)
        assert fails("team/model") == (
            "team/model is gated: accept its terms on the hub, then set HF_TOKEN to a token of an "
            "account that has access"
        )

    def test_a_token_that_the_hub_does_not_know(
        self, server: HubServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        server.repos["team/model"].private = True
        monkeypatch.setenv("HF_TOKEN", SECRET)
        assert fails("team/model") == (
            "the hub refuses the token that it was given for team/model (401): check HF_TOKEN"
        )

    @pytest.mark.parametrize("name", ["a b", "--", "x" * 100, "a..b/c"])
    def test_no_hub_id(self, server: HubServer, name: str) -> None:
        assert f"{name!r} is no folder and no hub id" in fails(name)
        assert server.requests == []

    def test_a_folder_has_no_revisions(self, tmp_path: Path) -> None:
        model = save(tmp_path / "m")
        for given in (model, "induction-2l"):
            with pytest.raises(ModelError, match="has no revision 'v1': leave it out"):
                locate(given, "v1")

    def test_other_answers(self, server: HubServer) -> None:
        server.status = 418
        host = server.url.removeprefix("http://")
        assert fails("team/model") == (
            f"the hub at {host} refuses to give team/model: it answers 418"
        )


class TestInterruption:
    @pytest.mark.usefixtures("impatient")
    def test_a_download_that_breaks_off_is_completed_by_the_next(
        self, server: HubServer, tmp_path: Path
    ) -> None:
        files = folder_files(save(tmp_path / "shards", shards=2))
        server.repos["team/shards"] = Repo()
        server.repos["team/shards"].commit(files, "main")
        server.breaks["model-1.safetensors"] = 300
        said = fails("team/shards")
        assert said.startswith("the download of team/shards broke off (")
        assert said.endswith("run it again, files that are whole are not fetched twice")
        assert cached("team/shards") is None
        server.requests.clear()
        server.breaks.clear()
        found = fetch("team/shards")
        assert set(server.files_sent) == {"model-1.safetensors"}
        for name, content in files.items():
            assert (found.folder / name).read_bytes() == content

    @pytest.mark.usefixtures("impatient")
    def test_a_broken_copy_is_not_used_offline(
        self, server: HubServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        server.breaks["model.safetensors"] = 300
        fails("team/model")
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
        assert "is no folder here and not whole in the cache of models" in fails("team/model")

    @pytest.mark.usefixtures("impatient")
    def test_a_short_failure_is_retried(self, server: HubServer) -> None:
        server.breaks["model.safetensors"] = 300

        def heal() -> None:
            if server.breaks.get("model.safetensors") == 0:
                server.breaks.clear()

        server.answer = heal
        found = fetch("team/model")
        wanted = server.repos["team/model"].commits[found.commit]["model.safetensors"]
        assert (found.folder / "model.safetensors").read_bytes() == wanted
        assert server.files_sent.count("model.safetensors") == 2  # the rest, from where it stopped

    def test_a_hub_in_trouble(self, server: HubServer) -> None:
        server.status = 503
        assert "does not answer (status 503)" in fails("team/model")
        server.status = None
        whole = fetch("team/model")
        server.status = 503
        assert fetch("team/model") == whole

    def test_a_hub_that_hangs(self, server: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(download, "TIMEOUT", 0.2)
        asked, told, answered = (threading.Event() for _ in range(3))

        def hang() -> None:
            asked.set()
            told.wait(240)
            answered.set()

        server.answer = hang
        assert "does not answer (" in fails("team/model")
        assert asked.wait(60)
        assert not answered.is_set(), "the hub still hangs when that is said"
        told.set()

    def test_a_server_that_is_no_hub(self, server: HubServer) -> None:
        server.status = 200  # whatever is asked for, as the login page of some network
        assert "does not answer (what answers there is something else)" in fails("team/model")


def away() -> str:
    """An address where nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


class TestCommandLine:
    """In processes of their own, where the environment is all there is."""

    def run(self, tmp_path: Path, url: str, **env: str) -> tuple[int, str, str]:
        out = tmp_path / "t.parquet"
        out.unlink(missing_ok=True)
        done = headgraph_process(
            "compute", "team/model", "-o", str(out), "--revision", "v1",
            HF_ENDPOINT=url, HF_HOME=str(tmp_path / "home"), HF_TOKEN=SECRET,
            PYTHONWARNINGS="error", **env,
        )  # fmt: skip
        assert SECRET not in done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.returncode, done.stdout, done.stderr

    def test_from_first_download_to_offline(self, server: HubServer, tmp_path: Path) -> None:
        code, out, said = self.run(tmp_path, server.url)
        assert (code, out) == (0, f"{tmp_path / 't.parquet'}\n"), said
        assert said.startswith("AffinityTable("), said  # no bars, no warnings: no terminal is here
        from headgraph.pk_engine import AffinityTable

        commit = server.repos["team/model"].refs["v1"]
        assert AffinityTable.read(tmp_path / "t.parquet").meta.revision == commit
        server.requests.clear()
        for url, env in ((server.url, {"HF_HUB_OFFLINE": "1"}), (away(), {})):
            code, _, said = self.run(tmp_path, url, **env)
            assert code == 0, said
            assert AffinityTable.read(tmp_path / "t.parquet").meta.revision == commit
        assert server.requests == []

    def test_nothing_in_the_cache(self, server: HubServer, tmp_path: Path) -> None:
        start = (
            "headgraph: 'team/model' is no folder here and not whole in the cache of models, and"
        )
        code, out, said = self.run(tmp_path, server.url, HF_HUB_OFFLINE="1")
        assert (code, out) == (1, "")
        assert said == f"{start} HF_HUB_OFFLINE is set: run it once without\n"
        url = away()
        code, out, said = self.run(tmp_path, url.replace("//", "//user:pass@"))
        assert (code, out) == (1, "")
        (line,) = said.splitlines()
        assert line.startswith(
            f"{start} the hub at {url.removeprefix('http://')} does not answer ("
        )
        assert "pass" not in line

    @pytest.mark.parametrize(
        "url",
        ["http://[::1", "https://localhost:99999", "https://user:pass", "x", "https://a..b",
         f"https://{'x' * 64}.example", "https://\x1b]0;t\x07", "https://"],
    )  # fmt: skip
    def test_an_endpoint_that_is_no_address(self, tmp_path: Path, url: str) -> None:
        code, out, said = self.run(tmp_path, url)
        assert (code, out) == (1, "")
        assert said.startswith("headgraph: HF_ENDPOINT is no address with a host")
        assert len(said.splitlines()) == 1
        assert "pass" not in said

    def test_a_token_that_cannot_be_sent_is_not_shown(
        self, server: HubServer, tmp_path: Path
    ) -> None:
        done = headgraph_process(
            "compute", "team/model", "-o", str(tmp_path / "t"), HF_ENDPOINT=server.url,
            HF_HOME=str(tmp_path / "home"), HF_TOKEN=f"{SECRET}\u00e9",
        )  # fmt: skip
        assert done.returncode == 1
        assert SECRET not in done.stdout + done.stderr
        assert len(done.stderr.splitlines()) == 1


def test_threads_do_not_take_the_guard_from_each_other() -> None:
    """huggingface_hub has one factory of sessions: of two, the first to end ends both."""
    order = []

    def other() -> None:
        with guarding():
            order.append("other")

    thread = threading.Thread(target=other)
    with guarding(), guarding():  # one thread may ask for another file while it has one
        thread.start()
        thread.join(0.2)
        order.append("first")
    thread.join()
    assert order == ["first", "other"]


def test_an_emptied_cache(server: HubServer) -> None:
    found = fetch("team/model")
    shutil.rmtree(found.folder.parents[1] / "blobs")  # links that lead nowhere
    assert cached("team/model") is None
    again = fetch("team/model")
    assert (again.folder / "model.safetensors").is_file()


@pytest.mark.usefixtures("impatient")
def test_a_file_beside_the_weights_is_fetched_where_there_is_one(server: HubServer) -> None:
    commit = server.repos["team/model"].commit({"config.json": b"{}", "tokenizer.json": b"[]"})
    path = optional_file("team/model", commit, "tokenizer.json")
    assert path is not None
    assert path.read_bytes() == b"[]"
    assert optional_file("team/model", main_of(server), "tokenizer.json") is None
    server.status = 503
    assert optional_file("team/model", main_of(server), "vocab.json") is None

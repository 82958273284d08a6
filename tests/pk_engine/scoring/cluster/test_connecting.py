"""Addresses, certificates and recipes, and workers that are refused."""

import pydoc
import re
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from headgraph.pk_engine import bundled, compute
from headgraph.pk_engine.scoring.cluster import client as cluster_module
from headgraph.pk_engine.scoring.cluster import refusal
from headgraph.pk_engine.scoring.cluster.client import connected
from tests.commands import headgraph
from tests.pk_engine.scoring.cluster.jobs import HOW, at_group, said_by
from tests.test_cli import ROOT

dask, distributed = (pytest.importorskip(name) for name in ("dask", "distributed"))


def test_a_worker_with_another_headgraph_is_refused(
    client: Any, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refusal, "VERSION", "9.9.9")
    said = said_by(lambda: compute(model, client=client, **HOW))
    assert said.startswith("the worker tcp://127.0.0.1:")
    assert "is refused: it has headgraph '0." in said
    assert "this machine has headgraph 9.9.9" in said
    monkeypatch.setattr(pydoc, "locate", none_there)
    assert "is refused: it has no headgraph" in said_by(
        lambda: compute(model, client=client, **HOW)
    )


def none_there(name: str) -> None:
    """What pydoc answers where there is no such module."""


def test_a_worker_with_other_weights_is_refused(
    client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bundled name stands for the files of each machine; here this machine's are others."""
    monkeypatch.setattr(bundled, "model_path", lambda name: changed(tmp_path / "0", layer=0))
    said = said_by(lambda: compute("induction-2l", client=client, **HOW))
    assert said.startswith("the worker tcp://127.0.0.1:")
    assert said.endswith("it reads other weights than this machine; give all the same files")
    # a difference that only later layers show, after this machine has done the first group
    monkeypatch.setattr(bundled, "model_path", lambda name: changed(tmp_path / "1", layer=1))
    partial, how = tmp_path / "partial", HOW | {"layer_order": "all"}
    with pytest.raises(InterruptedError):
        compute("induction-2l", partial=partial, progress=at_group(3, stop), **how)
    again: dict[str, Any] = how | {"partial": partial, "progress": lambda *_: None}
    said = said_by(lambda: compute("induction-2l", client=client, **again))
    assert said.startswith("the worker tcp://127.0.0.1:")
    assert said.endswith(
        "it read other weights of layer L1 than this machine; give all the same files"
    )
    assert partial.exists()


def stop() -> None:
    raise InterruptedError


def changed(folder: Path, layer: int) -> Path:
    """induction-2l with other numbers in one layer."""
    if not folder.exists():
        from safetensors.numpy import load_file, save_file

        source = Path(bundled.__path__[0]) / "induction-2l"
        tensors = load_file(source / "model.safetensors")
        inside = (it for it in sorted(tensors) if f".{layer}." in it and "attn" in it)
        name = next(it for it in inside if tensors[it].ndim == 2)
        tensors[name] = tensors[name] + 1
        folder.mkdir()
        (folder / "config.json").write_text((source / "config.json").read_text())
        save_file(tensors, folder / "model.safetensors")
    return folder


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "127.0.0.1", "ftp://a:1", "", "tcp://:x"])
def test_an_address_without_a_scheduler(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_module, "CONNECT", 0.3)

    def connect() -> None:
        with connected(address):
            pass

    said = said_by(connect)
    assert said.startswith(f"no Dask scheduler answers at {address!r} (")
    assert said.endswith("expected an address such as tcp://HOST:8786")


def test_a_scheduler_file(cluster: Any, model: Path, tmp_path: Path) -> None:
    file, output = tmp_path / "scheduler.json", str(tmp_path / "t.parquet")
    command = ["compute", str(model), "-o", output, "--scheduler-file", str(file)]
    done = headgraph(*command)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    file.write_text('{"type": "Scheduler"}')
    assert "holds no address: expected the file that a scheduler" in headgraph(*command).stderr
    file.write_text(f'{{"address": "{cluster.scheduler_address}"}}')
    assert headgraph(*command).returncode == 0
    both = headgraph(*command, "--scheduler", "tcp://a:1")
    assert both.returncode == 2
    assert "--scheduler and --scheduler-file exclude each other" in both.stderr


def test_a_cluster_with_certificates(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variables that the page names, with certificates that only this user can read."""
    pytest.importorskip("cryptography")
    monkeypatch.setattr(cluster_module, "CONNECT", 5)
    security = distributed.Security.temporary()
    names = {"CA_FILE": security.tls_ca_file, "CLIENT__CERT": security.tls_client_cert,
             "CLIENT__KEY": security.tls_client_key}  # fmt: skip
    page, variables = (ROOT / "docs/guides/cluster.md").read_text("utf-8"), {}
    for name, text in names.items():
        (tmp_path / name).touch(mode=0o600)
        (tmp_path / name).write_text(text)
        variables[f"DASK_DISTRIBUTED__COMM__TLS__{name}"] = str(tmp_path / name)
        assert f"DASK_DISTRIBUTED__COMM__TLS__{name}=" in page
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, protocol="tls", security=security,
        dashboard_address=":0", silence_logs=50,
    ) as other:  # fmt: skip
        assert other.scheduler_address.startswith("tls://")

        def connect() -> str:
            with connected(other.scheduler_address) as client:
                return compute(model, client=client, **HOW).sha256

        assert "no Dask scheduler answers" in said_by(connect)
        found = dask.config.merge(dask.config.config, dask.config.collect_env(variables))
        with dask.config.set(distributed=found["distributed"]):
            assert connect() == compute(model, **HOW).sha256


def test_the_job_script_of_the_slurm_recipe_is_what_the_page_says() -> None:
    interrupts = signal.getsignal(signal.SIGINT)
    jobqueue = pytest.importorskip("dask_jobqueue")
    signal.signal(signal.SIGINT, interrupts)  # its import makes Ctrl-C end Python
    page = (ROOT / "docs/guides/cluster.md").read_text("utf-8")
    recipe = page.partition("<!-- slurm -->")[2].partition("<!-- end of slurm -->")[0]
    code, text = re.findall(r"```(?:python|text)\n(.*?)```", recipe, re.DOTALL)
    for each in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        compile(each, "a recipe", "exec")
    made = re.search(r"^cluster = (SLURMCluster\(.*\))$", code, re.MULTILINE)
    assert made is not None
    with eval(made[1], {"SLURMCluster": jobqueue.SLURMCluster}) as cluster:
        script = cluster.job_script()
    script = script.replace(sys.executable, "python")
    assert re.sub(r"tcp://\S+", "tcp://HOST:PORT", script).split() == text.split()

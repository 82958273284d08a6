"""One cluster of two processes for all modules of this folder."""

import gc
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from headgraph.pk_engine.scoring.cluster.client import connected
from tests.pk_engine.hub_server import HubServer
from tests.pk_engine.unequal_checkpoints import checkpoint


@pytest.fixture(scope="package", autouse=True)
def _what_is_there_stays() -> None:
    """As a client closes, it looks for lost tasks among all objects: only among those made here."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="package")
def hub() -> Iterator[HubServer]:
    """The hub from which the workers fetch models."""
    with HubServer() as found:
        yield found


@pytest.fixture(scope="package")
def cluster(hub: HubServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A scheduler with two workers of one thread, each in a process of its own.

    The workers have another cache of the hub than this process, as on another machine, and no
    token.
    """
    dask, distributed = (pytest.importorskip(name) for name in ("dask", "distributed"))
    cache = tmp_path_factory.mktemp("workers")
    env = {"HF_ENDPOINT": hub.url, "HF_HUB_CACHE": str(cache), "HF_TOKEN_PATH": "no"}
    with (
        patch.dict(os.environ),  # Dask sets variables of the C library
        # on a busy machine, a worker that was killed needs longer than 15 s to come back
        dask.config.set({"distributed.deploy.lost-worker-timeout": "4 minutes"}),
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, env=env, dashboard_address=":0", memory_limit=0,
            silence_logs=50,
        ) as found,
    ):  # fmt: skip
        yield found


@pytest.fixture(scope="package")
def client(cluster: Any) -> Iterator[Any]:
    """One for all modules."""
    with connected(cluster.scheduler_address) as found:
        yield found


@pytest.fixture(scope="package")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four layers, so 12 groups of one with one when pairs go forward and backward."""
    return checkpoint(tmp_path_factory.mktemp("m") / "model", "latent")

"""The options that name the scheduler of a Dask cluster."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import click

from headgraph.pk_engine.options import refuse_together

if TYPE_CHECKING:
    from distributed import Client


def scheduler_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--scheduler` and `--scheduler-file`, for `cluster_client`."""
    address = click.option(
        "--scheduler",
        metavar="ADDRESS",
        help="Compute on the workers of a Dask cluster, such as tcp://HOST:8786; see "
        "docs/guides/cluster.md.  [default: DASK_SCHEDULER_ADDRESS, or this machine]",
    )
    file = click.option(
        "--scheduler-file",
        metavar="FILE",
        help="Read the address from the file that `dask scheduler --scheduler-file` writes.",
    )
    return address(file(command))


def cluster_client(
    scheduler: str | None, scheduler_file: str | None
) -> AbstractContextManager[Client | None]:
    """The client of a cluster, or None without one."""
    refuse_together(scheduler=scheduler, scheduler_file=scheduler_file)
    if scheduler_file is None:
        if scheduler is None:
            scheduler = os.environ.get("DASK_SCHEDULER_ADDRESS") or None
        if scheduler is None:
            return nullcontext()
    from headgraph.pk_engine.scoring.cluster.client import connected

    return connected(scheduler, scheduler_file)

"""A job's groups of layers on a Dask cluster.

Each group is a task (`tasks`), and the client merges results as they come. A worker gets
groups whose targets it has (`sharing`), once it has shown that it reads the same weights.
"""

from __future__ import annotations

import gc
import logging
import os
import pickle
import uuid
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

from headgraph.base.files.documents import read_json, shown
from headgraph.base.progress import Progress
from headgraph.base.text import quoted, short
from headgraph.pk_engine.errors import EngineError
from headgraph.pk_engine.linalg.backends import Backend
from headgraph.pk_engine.metrics.layer_order import Group
from headgraph.pk_engine.models.shape import LayerShape
from headgraph.pk_engine.models.weights import ModelWeights
from headgraph.pk_engine.scoring.cluster.refusal import words_of
from headgraph.pk_engine.scoring.cluster.tasks import Work, done_on
from headgraph.pk_engine.scoring.cluster.worker import check, choose_here, done_here
from headgraph.pk_engine.scoring.group import Part
from headgraph.pk_engine.scoring.layers import layer_digest
from headgraph.pk_engine.scoring.progress import WAITING
from headgraph.pk_engine.scoring.spec import Spec

if TYPE_CHECKING:
    from distributed import Client

T = TypeVar("T")
CONNECT = 20
"""Seconds to reach a scheduler."""


@contextmanager
def connected(
    scheduler: str | None = None, scheduler_file: str | os.PathLike[str] | None = None
) -> Iterator[Client]:
    """A client of the scheduler at an address, or at the one that is in a file.

    Raises:
        EngineError: distributed is not installed, the file does not say an address, or no
            scheduler answers there.
    """
    if scheduler_file == "":
        raise EngineError("the scheduler file has no name: expected the file of a scheduler")
    if scheduler_file is not None:
        scheduler = _address_in(Path(scheduler_file))
    try:
        from distributed import Client
        from distributed.comm.addressing import resolve_address
    except ModuleNotFoundError as error:
        raise EngineError(
            "distributed is not installed, which a cluster needs: pip install 'headgraph[cluster]'"
        ) from error
    # errors become sentences here
    logs = [logging.getLogger(name) for name in ("distributed", "asyncio")]
    levels = [log.level for log in logs]
    for log in logs:
        log.setLevel(logging.CRITICAL)
    try:
        try:
            resolve_address(scheduler)  # a client with no such address may wait for itself for ever
            client = Client(scheduler, timeout=CONNECT, set_as_default=False)
        except (OSError, ValueError, TypeError, ImportError) as error:
            raise EngineError(
                f"no Dask scheduler answers at {quoted(scheduler)} ({short(words_of(error), 80)}): "
                "expected an address such as tcp://HOST:8786"
            ) from error
        with client:
            yield client
    finally:
        gc.collect()  # asyncio logs the tasks of lost workers once they are collected
        for log, level in zip(logs, levels, strict=True):
            log.setLevel(level)


def _address_in(path: Path) -> str:
    """The address in a scheduler file, for which a client of Dask would wait forever."""
    found = read_json(path, problem=EngineError)
    address = found.get("address") if isinstance(found, dict) else None
    if not isinstance(address, str):
        raise EngineError(
            f"{shown(path)} holds no address: expected the file that a scheduler of Dask writes"
        )
    return address


def chosen_on(
    client: Client,
    progress: Progress | None,
    backend: str,
    device: str | None,
    dtype: str,
    operations: float,
) -> tuple[Backend, float]:
    """The backend that a worker chooses, and its default of `memory`.

    Raises:
        EngineError: no worker has that backend or device, or this version of headgraph.
    """
    question = (choose_here, backend, device, dtype, operations)
    work = Work({0: 0}, lambda _: question, lambda _: "the choice of a backend", question)

    def waiting(what: str, done: int, total: int) -> None:
        if progress and what == WAITING:  # who is refused is told in the job
            progress(what, done, total)

    ((_, chosen, _),) = done_on(client, work, waiting)
    return cast(tuple[Backend, float], chosen)


def parts_on(
    client: Client,
    spec: Spec,
    groups: Mapping[int, Group],
    part: Part[T],
    progress: Progress | None,
    wrong: Callable[[T, str], str],
) -> Generator[tuple[int, T, str]]:
    """The number of each group, what `part` makes of it, and the worker, as they come.

    Args:
        client: that of the cluster.
        spec: what to score and how.
        groups: number -> group of layers.
        part: `score_group`, or a function like it; it can be pickled.
        progress: as for `compute`.
        wrong: result and worker -> why it is not taken and the worker refused, or an empty text.

    Raises:
        EngineError: the weights are in memory; no worker has this headgraph and these weights;
            a group failed three times; or the scheduler is gone.
    """
    if not isinstance(spec.weights, ModelWeights):
        raise EngineError(
            f"{spec.weights.name} is read through TransformerLens, in this process: expected a "
            "folder, a GGUF file or a hub id, which workers can read too"
        )
    # of this job: a worker keeps no factors for the next, before which the files may change
    pickled, layers = pickle.dumps((spec, uuid.uuid4())), spec.weights.shape.layers
    first = layers[0].index
    work = Work(
        keys={number: group.targets for number, group in groups.items()},
        call=lambda number: (done_here, pickled, part, groups[number]),
        words=lambda number: f"the comparison of {_words(groups[number], layers)}",
        check=(check, pickled, first, layer_digest(spec.weights.raw_layer(first))),
        wrong=lambda _, found, worker: wrong(found, worker),
    )
    yield from done_on(client, work, progress)


def _words(group: Group, layers: Sequence[LayerShape]) -> str:
    """The layers of a group."""
    ends = [
        [layers[at].name for at in dict.fromkeys((part[0], part[-1]))]
        for part in (group.sources, group.targets)
    ]
    return " with ".join(" to ".join(names) for names in ends)

"""The loss of a cluster's scheduler, stated as one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from headgraph.base.errors import HeadgraphError
from headgraph.base.spelling import either
from headgraph.pk_engine.errors import EngineError

if TYPE_CHECKING:
    from distributed import Client

SAME_OUTPUT = either("the call with the same output=", "the command with the same -o")


@contextmanager
def stating_loss(client: Client, again: str = SAME_OUTPUT) -> Iterator[None]:
    """State it as EngineError if the scheduler is gone.

    A client that is being closed fails with whatever it has already dropped: an AttributeError, a
    KeyError, a TypeError. While it is running, these are faults and stay what they are.

    Args:
        client: that of the cluster.
        again: the call or the command that resumes.
    """
    from concurrent.futures import CancelledError

    try:
        yield
    except HeadgraphError:
        raise
    except Exception as error:
        if client.status == "running" and not isinstance(error, OSError | CancelledError):
            raise
        raise EngineError(
            "the connection to the Dask scheduler is lost: start it again, and repeat "
            f"{again}, which resumes"
        ) from error

"""Values of a null model that come from one group of layers after another, or from a cluster."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from headgraph.pk_engine.errors import EngineError
from headgraph.pk_engine.linalg.backends import Backend
from headgraph.pk_engine.nulls.comparison import NullInputs
from headgraph.pk_engine.scoring.cluster.agreement import Agreement, EarlierWrong
from headgraph.pk_engine.scoring.group import Factors, Part
from headgraph.pk_engine.scoring.layers import fingerprint
from headgraph.pk_engine.scoring.spec import Spec
from headgraph.pk_engine.table.selection import Selection

if TYPE_CHECKING:
    from distributed import Client

T = TypeVar("T")


@dataclass(frozen=True)
class GroupValues(Generic[T]):
    """What a null model gets from a group of layers.

    Attributes:
        values: those of the null.
        digests: layer -> sha256 of its raw matrices.
    """

    values: T
    digests: dict[int, bytes]


def by_group(
    inputs: NullInputs,
    what: str,
    part: Part[GroupValues[T]],
    *,
    layer_order: str,
    copies: int = 1,
) -> list[T]:
    """What a part of a null makes of each group of layers, in the order of the groups.

    Args:
        inputs: those of the null. With a client, its workers run the parts.
        what: the step, as the part reports its progress.
        part: a function that can be pickled.
        layer_order: the pairs of layers that the groups cover.
        copies: stacks of factors that the part holds at one time, beside the projectors.

    Raises:
        EngineError: as for `scoring.cluster.client.parts_on`, or workers read other weights than
            those of the table.
    """
    spec = Spec(
        inputs.weights, inputs.table.meta.pairings, ("pk",), Selection(), "native", layer_order,
        Backend(), inputs.memory / copies, decoys=False,
    )  # fmt: skip
    if inputs.client is None:
        return list(_here(inputs, what, part, spec))
    return _on(inputs.client, inputs, what, part, spec)


def _here(inputs: NullInputs, what: str, part: Part[GroupValues[T]], spec: Spec) -> Iterator[T]:
    groups, factors = spec.groups(), Factors()
    for number, group in enumerate(groups):

        def report(step: str, done: int, of: int, number: int = number) -> None:
            if step == what:  # of this group
                done, of = number * of + done, len(groups) * of
            inputs.report(step, done, of)

        found = part(spec, group, factors=factors, threads=inputs.threads, progress=report)
        yield found.values


def _on(
    client: Client, inputs: NullInputs, what: str, part: Part[GroupValues[T]], spec: Spec
) -> list[T]:
    from headgraph.pk_engine.scoring.cluster.client import parts_on

    groups = spec.groups()
    found: dict[int, T] = {}
    digests: dict[int, bytes] = {}
    agreement = Agreement(spec.weights, digests)

    def wrong(values: GroupValues[T], worker: str) -> str:
        return agreement.objection(values.digests, worker)

    inputs.report(what, 0, len(groups))
    parts = parts_on(client, spec, dict(enumerate(groups)), part, inputs.progress, wrong)
    with closing(parts):
        try:
            for number, group, _ in parts:
                digests |= group.digests
                found[number] = group.values
                inputs.report(what, len(found), len(groups))
        except EarlierWrong as error:
            raise EngineError(
                f"{error.message.marked} for a null model: give all workers the same files"
            ) from error
    if fingerprint(spec.weights, digests) != inputs.table.meta.fingerprint:
        raise EngineError(
            "the workers read other weights for a null model than for the scores: give all workers "
            "the same files"
        )
    return [found[number] for number in range(len(groups))]

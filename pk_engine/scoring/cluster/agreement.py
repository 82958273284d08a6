"""Whether workers read the same weights, by the digests of layers that come with results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from headgraph.base.text import quoted
from headgraph.pk_engine.errors import EngineError
from headgraph.pk_engine.models.interface import Weights
from headgraph.pk_engine.scoring.layers import layer_digest


class EarlierWrong(EngineError):
    """What was taken before is of other weights than those of this machine."""


class AllDiffer(EngineError):
    """What was taken before, what comes now and this machine's files are all of other weights."""


@dataclass
class Agreement:
    """The digests that were taken, and who confirms them.

    This machine reads layers only if there is a difference, or if they come first from a worker
    that joined late, whose fault would cost all that was scored before, or that read other weights
    before. Reading all of them would take as long as it takes the workers.

    Attributes:
        weights: those of this machine.
        digests: layer -> the digest that came first.
    """

    weights: Weights
    digests: Mapping[int, bytes]
    _readers: dict[int, set[str]] = field(default_factory=dict)
    _results: Counter[str] = field(default_factory=Counter)
    _doubted: set[str] = field(default_factory=set)

    def objection(self, found: Mapping[int, bytes], worker: str) -> str:
        """Why the worker of a result cannot take part; empty if its weights are those of others.

        Raises:
            EarlierWrong: this machine has the weights of this result, not the earlier ones; or
                what the worker gave before is of other weights too.
            AllDiffer: this machine has neither.
        """
        self._note(worker)
        for layer, digest in found.items():
            if self._expected(layer, digest, worker) == digest:
                continue
            if layer in self.digests:
                self._raise_unless_earlier_right(layer, digest, worker)
            self._raise_if_mixed(worker)
            self._doubted.add(worker)  # it may come back at the same address
            return (
                f"it read other weights of layer {self._name(layer)} than this machine; give all "
                "the same files"
            )
        for layer in found:
            self._readers.setdefault(layer, set()).add(worker)
        return ""

    def _note(self, worker: str) -> None:
        """Count a result. A worker is late if others had their second before its first."""
        if worker not in self._results and max(self._results.values(), default=0) > 1:
            self._doubted.add(worker)
        self._results[worker] += 1

    def _expected(self, layer: int, digest: bytes, worker: str) -> bytes:
        if layer not in self.digests and worker in self._doubted:
            return self._own(layer)
        return self.digests.get(layer, digest)

    def _raise_unless_earlier_right(self, layer: int, digest: bytes, worker: str) -> None:
        own = self._own(layer)
        if own == digest:
            raise EarlierWrong(
                f"a worker before {quoted(worker)} read other weights of layer {self._name(layer)}"
            )
        if own != self.digests[layer]:
            raise AllDiffer(
                f"the worker {quoted(worker)} read other weights of layer {self._name(layer)} than "
                "the workers before, and this machine has yet others: give all the same files"
            )

    def _raise_if_mixed(self, worker: str) -> None:
        """Compare the layers that nobody else has confirmed with those of this machine."""
        for layer, digest in self.digests.items():
            if not self._readers.get(layer, set()) - {worker} and self._own(layer) != digest:
                raise EarlierWrong(
                    f"the worker {quoted(worker)} read other weights of layer {self._name(layer)}"
                )

    def _own(self, layer: int) -> bytes:
        return layer_digest(self.weights.raw_layer(layer))

    def _name(self, layer: int) -> str:
        return self.weights.shape.by_index[layer].name

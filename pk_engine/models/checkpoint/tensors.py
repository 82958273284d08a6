"""A source of stored tensors by name, and views that change what another source gives.

`TensorFiles` is the source for a folder and `GgufFile` for a GGUF file. A view has the same
methods: `Renamed` removes prefixes of training tools, `Dequantised` multiplies FP8 with its scales,
`Adapted` adds an adapter. `pk_engine.models.opening` puts them together.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from headgraph.pk_engine.linalg.buffers import Buffers
from headgraph.pk_engine.models.checkpoint.tensor_files import Stored


class Tensors(Protocol):
    """Tensors by name; `name in tensors` and `tensors.read(name)`.

    Attributes:
        folder: the folder or file that holds them.
        origin: how they are stored, where that is not plain (`pk_engine.models.origin`).
    """

    folder: Path
    origin: dict[str, str]

    def __contains__(self, name: object) -> bool: ...

    def __iter__(self) -> Iterator[str]: ...

    def __len__(self) -> int: ...

    def describe(self, names: Iterable[str]) -> Iterator[tuple[str, Stored]]:
        """Shape and kind of each of these tensors, as `read` gives them."""

    def read(self, name: str, buffers: Buffers | None = None) -> NDArray[Any]:
        """A tensor, in memory of `buffers` where the source can use it."""


class View:
    """A source that gives the tensors of another; subclasses change some of them."""

    def __init__(self, inner: Tensors) -> None:
        self.inner = inner
        self.folder, self.origin = inner.folder, dict(inner.origin)

    def __contains__(self, name: object) -> bool:
        return name in self.inner

    def __iter__(self) -> Iterator[str]:
        return iter(self.inner)

    def __len__(self) -> int:
        return len(self.inner)

    def describe(self, names: Iterable[str]) -> Iterator[tuple[str, Stored]]:
        """Shape and kind of each of these tensors, as `read` gives them."""
        return self.inner.describe(names)

    def read(self, name: str, buffers: Buffers | None = None) -> NDArray[Any]:
        """A tensor, in memory of `buffers` where the source can use it."""
        return self.inner.read(name, buffers)

"""Tensors of a checkpoint folder by name, from safetensors or PyTorch files.

PyTorch files need torch. Only plain tensors are unpickled (`weights_only`). A tensor is read on
request.
"""

import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import ml_dtypes  # noqa: F401  NumPy knows bfloat16 once this is imported
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from headgraph.base.files.documents import kind_of, read_json, reason, shown
from headgraph.base.text import quoted, short
from headgraph.pk_engine.errors import ModelError, WeightsError
from headgraph.pk_engine.linalg.buffers import Buffers
from headgraph.pk_engine.models.checkpoint._torch_files import TorchFile, load
from headgraph.pk_engine.models.checkpoint.refusals import refuse_stand_in

PICKLES = ("*.bin", "*.pt", "*.pth")
NOT_WEIGHTS = ("adapter_model.", "training_args.", "optimizer.", "scheduler.", "rng_state")
FLOATS = {"F32", "F16", "BF16", "F64"}
"""Kinds of numbers that are weights without conversion."""
READ_AT_ONCE = 64 << 10
"""Bytes that are read into a buffer at a time: the C library keeps freed memory of this size."""


@dataclass(frozen=True)
class Stored:
    """Shape and kind (F32, BF16, I8, ...) of a tensor, from the header of its file."""

    shape: tuple[int, ...]
    kind: str


class TensorFiles:
    """The tensors of a folder; `name in files` and `files.read(name)`.

    Looks for model.safetensors (else its index of shards), then any *.safetensors, then
    pytorch_model.bin (else its index), then any *.bin, *.pt or *.pth. A whole file wins over an
    index beside it, as in transformers.

    Raises:
        ModelError: the folder has no weights, two files hold the same tensor, or the files need
            torch and it is not installed.
        WeightsError: a file is damaged.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._loaded: dict[Path, Mapping[str, Any]] = {}
        self._lock = Lock()
        self._where = self._find()

    def __contains__(self, name: object) -> bool:
        return name in self._where

    def __iter__(self) -> Iterator[str]:
        return iter(self._where)

    def __len__(self) -> int:
        return len(self._where)

    def describe(self, names: Iterable[str]) -> Iterator[tuple[str, Stored]]:
        """Shape and kind of each of these tensors; opens each file once.

        Raises:
            WeightsError: a file lacks what the index says it holds.
        """
        places: dict[Path, set[str]] = {}
        for name in names:
            places.setdefault(self._where[name], set()).add(name)
        for path in sorted(places):
            with self._open(path) as file:
                _check_held(path, places[path].difference(file.keys()))
                for name in sorted(places[path]):
                    stored = file.get_slice(name)
                    yield name, Stored(tuple(stored.get_shape()), str(stored.get_dtype()))

    def kinds(self) -> set[str]:
        """The kinds of all tensors."""
        return {stored.kind for _, stored in self.describe(self._where)}

    def read(self, name: str, buffers: Buffers | None = None) -> NDArray[Any]:
        """The tensor, as stored.

        Args:
            name: of the tensor.
            buffers: memory for it, in the place of new memory.
        """
        path = self._where[name]
        with self._open(path) as file:
            try:
                if buffers is None or isinstance(file, TorchFile):  # torch has mapped the tensor
                    return file.get_tensor(name)  # type: ignore[no-any-return]
                return _read_rows(file.get_slice(name), buffers)
            except (SafetensorError, KeyError) as error:
                raise WeightsError(
                    f"{shown(path)} does not give its tensor {quoted(name)} ({error}): fetch it "
                    "again"
                ) from error

    def _find(self) -> dict[str, Path]:
        for stem, patterns in (("model.safetensors", ["*.safetensors"]),
                               ("pytorch_model.bin", PICKLES)):  # fmt: skip
            index, single = self.folder / f"{stem}.index.json", self.folder / stem
            if single.is_file():
                return self._names([single])
            if index.exists():
                return {name: self.folder / file for name, file in read_index(index).items()}
            files = _matching(self.folder, patterns)
            if files:
                return self._names(files)
        raise ModelError(
            f"the folder {shown(self.folder)} holds no *.safetensors and no pytorch_model.bin: "
            "expected the weights beside config.json"
        )

    def _names(self, files: Iterable[Path]) -> dict[str, Path]:
        found: dict[str, Path] = {}
        for path in files:
            with self._open(path) as file:
                for name in file.keys():  # noqa: SIM118
                    if name in found:
                        raise ModelError(
                            f"{shown(found[name].name)} and {shown(path.name)} in "
                            f"{shown(self.folder)} both hold {short(name)}: expected one "
                            "checkpoint in a folder"
                        )
                    found[name] = path
        return found

    def _open(self, path: Path) -> Any:
        _check_file(path)
        if path.suffix != ".safetensors":
            return TorchFile(self._load(path))
        try:
            return safe_open(path, framework="np")
        except (SafetensorError, OSError, ValueError) as error:  # ValueError: an invalid name
            refuse_stand_in(path)
            raise WeightsError(
                f"{shown(path)} cannot be read as safetensors ({short(error, 100)}): fetch it again"
            ) from error

    def _load(self, path: Path) -> Mapping[str, Any]:
        with self._lock:  # layers are read on several threads
            if path not in self._loaded:
                self._loaded[path] = load(path)
            return self._loaded[path]


def _read_rows(stored: Any, buffers: Buffers) -> NDArray[Any]:
    """A tensor in a buffer: safetensors itself can only give each tensor new memory."""
    shape = tuple(stored.get_shape())
    first = stored[:1]
    found = buffers.array("stored", shape, first.dtype)
    rows = max(1, READ_AT_ONCE // max(1, first.nbytes))
    for start in range(0, shape[0], rows):
        stop = min(start + rows, shape[0])
        found[start:stop] = stored[start:stop]
    return found


def _matching(folder: Path, patterns: Iterable[str]) -> list[Path]:
    found = sorted(path for pattern in patterns for path in folder.glob(pattern))
    return [path for path in found if not path.name.startswith(NOT_WEIGHTS)]


def read_index(index: Path) -> dict[str, str]:
    """Tensor -> name of the file that holds it, in the folder of the index.

    Raises:
        ModelError: the file is no index of shards.
        WeightsError: a name leads out of the folder, or no file can have it.
    """
    shards = read_json(index, problem=ModelError).get("weight_map")
    if not isinstance(shards, dict) or not shards:
        raise ModelError(
            f"{shown(index)} is no index of shards: expected a weight_map of tensors and files"
        )
    for file in shards.values():
        if not isinstance(file, str) or not _plain(file):
            raise WeightsError(
                f"the index {shown(index.name)} names {quoted(file)}, which is no name of a file: "
                f"expected one that lies beside it in {shown(index.parent)}"
            )
    return shards


def _plain(name: str) -> bool:
    """Whether a name is one file in a folder, on every system."""
    return (
        name.isprintable()
        and name not in ("", ".", "..")
        and not set(name) & set("/\\:")
        and len(name.encode()) <= 255
    )


def _check_file(path: Path) -> None:
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise WeightsError(
            f"the index names {shown(path)}, which is not there: fetch it again"
        ) from None
    except OSError as error:
        raise WeightsError(f"{shown(path)} cannot be read: {reason(error)}") from error
    if not stat.S_ISREG(mode):
        raise WeightsError(f"{shown(path)} is {kind_of(mode)}: expected a file of weights")


def _check_held(path: Path, missing: set[str]) -> None:
    if missing:
        raise WeightsError(
            f"{shown(path)} does not hold {quoted(min(missing))}, which the index says it does: "
            "fetch the index and its shards again"
        )

"""Tensors of a checkpoint folder by name, from safetensors or PyTorch files.

PyTorch files need torch. Only plain tensors are unpickled (`weights_only`). A tensor is read on
request.
"""

import json
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import ml_dtypes  # NumPy knows bfloat16 once this is imported
import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from headgraph.base.files.documents import kind_of, read_json, reason, shown
from headgraph.base.text import quoted, short
from headgraph.pk_engine.errors import ModelError, WeightsError
from headgraph.pk_engine.linalg.buffers import Buffers
from headgraph.pk_engine.models.checkpoint._torch_files import TorchFile, load, state_dict
from headgraph.pk_engine.models.checkpoint.file_choice import Choice, choose, missing_files
from headgraph.pk_engine.models.checkpoint.refusals import refuse_stand_in

FLOATS = {"F32", "F16", "BF16", "F64"}
"""Kinds of numbers that are weights without conversion."""
FP8 = ("F8_E4M3", "F8_E5M2")
"""Kinds of numbers that are weights once they are multiplied with a scale."""
_NARROW: dict[str, Any] = {
    "F8_E4M3": ml_dtypes.float8_e4m3fn,
    "F8_E5M2": ml_dtypes.float8_e5m2,
    "F8_E8M0": ml_dtypes.float8_e8m0fnu,  # scales that are powers of 2
}
"""Kinds of numbers that safetensors does not give to NumPy."""
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
    index beside it, as in transformers. `file_choice` tells sets of files apart.

    Args:
        folder: of the model.
        variant: such as fp16, for model.fp16.safetensors.
        only: the name of a file to read in the place of what is found.

    Attributes:
        origin: `variant` and `nested`, where a variant or an inner state dict is read.

    Raises:
        ModelError: the folder has no weights, two files hold the same tensor, two sets of weights
            are there, or the files need torch and it is not installed.
        WeightsError: a file is damaged, or shards are missing.
    """

    def __init__(
        self, folder: Path, variant: str | None = None, *, only: str | None = None
    ) -> None:
        self.folder = folder
        self.origin: dict[str, str] = {}
        self._loaded: dict[Path, Mapping[str, Any]] = {}
        self._lock = Lock()
        self._where = self._names([folder / only]) if only else self._find(variant)

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
        if missing := [path for path in places if not path.exists() and not path.is_symlink()]:
            raise missing_files(shown(self.folder), [path.name for path in missing])
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
                if path.suffix == ".safetensors" and file.get_slice(name).get_dtype() in _NARROW:
                    return _read_narrow(path, name)
                if buffers is None or isinstance(file, TorchFile):  # torch has mapped the tensor
                    return file.get_tensor(name)  # type: ignore[no-any-return]
                return _read_rows(file.get_slice(name), buffers)
            except (SafetensorError, KeyError) as error:
                raise WeightsError(
                    f"{shown(path)} does not give its tensor {quoted(name)} ({error}): fetch it "
                    "again"
                ) from error

    def _find(self, variant: str | None) -> dict[str, Path]:
        found = chosen(self.folder, variant)
        if found is None:
            raise ModelError(
                f"the folder {shown(self.folder)} holds no *.safetensors and no "
                "pytorch_model.bin: expected the weights beside config.json"
            )
        if found.variant:
            self.origin["variant"] = found.variant
        if found.index:
            shards = read_index(self.folder / found.index)
            return {name: self.folder / file for name, file in shards.items()}
        return self._names([self.folder / name for name in found.files])

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
                nested, self._loaded[path] = state_dict(load(path), path)
                if nested:
                    self.origin["nested"] = short(nested)
            return self._loaded[path]


def chosen(folder: Path, variant: str | None = None) -> Choice | None:
    """The files in a folder that hold its weights; None if there are none.

    Raises:
        ModelError, WeightsError: as `file_choice.choose`; or the folder cannot be listed.
    """
    try:
        paths = list(folder.iterdir())
    except OSError as error:
        raise ModelError(f"{shown(folder)} cannot be read: {reason(error)}") from error
    # a broken link is no index, while a pipe of that name is refused when it is read
    names = {path.name for path in paths if path.is_file() or
             (path.exists() and path.name.endswith(".json"))}  # fmt: skip
    return choose(names, variant) or choose({path.name for path in paths}, variant)


def _read_narrow(path: Path, name: str) -> NDArray[Any]:
    """An FP8 tensor as float32; safetensors checked the file's header when it was opened."""
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        about = json.loads(file.read(size))[name]
        start, stop = about["data_offsets"]
        file.seek(8 + size + start)
        data = np.frombuffer(file.read(stop - start), np.uint8)
    table = np.arange(256, dtype=np.uint8).view(_NARROW[about["dtype"]]).astype(np.float32)
    found: NDArray[np.float32] = table[data].reshape(about["shape"])
    return found


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

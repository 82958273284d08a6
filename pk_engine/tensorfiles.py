"""Tensors of a checkpoint folder by name: safetensors, or PyTorch's own files where torch is there.

Nothing is unpickled but plain tensors (`weights_only`), and nothing is read before it is asked for.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import ml_dtypes  # noqa: F401  NumPy knows bfloat16 once this is imported
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from pk_engine.errors import ModelError, WeightsError
from pk_engine.torchfiles import TorchFile, load

PICKLES = ("*.bin", "*.pt", "*.pth")
NOT_WEIGHTS = ("adapter_model.", "training_args.", "optimizer.", "scheduler.", "rng_state")


@dataclass(frozen=True)
class Stored:
    """What a file says of a tensor before it is read: shape, and kind (F32, BF16, I8, ...)."""

    shape: tuple[int, ...]
    kind: str


class TensorFiles:
    """The tensors of a folder; `name in files` and `files.read(name)`.

    Looks for model.safetensors (or its index of shards), then any *.safetensors, then
    pytorch_model.bin (or its index), then any *.bin, *.pt or *.pth.

    Raises:
        ModelError: no weights here, two files hold the same tensor, or only torch can read them and
            it is not installed.
        WeightsError: a file is damaged.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._loaded: dict[Path, Mapping[str, Any]] = {}
        self._lock = Lock()
        self._where = self._find()

    def __contains__(self, name: object) -> bool:
        return name in self._where

    def describe(self, names: Iterable[str]) -> Iterator[tuple[str, Stored]]:
        """Shape and kind of each of these tensors, opening each file once."""
        wanted = set(names)
        for path in sorted({self._where[name] for name in wanted}):
            with self._open(path) as file:
                held = [name for name in file.keys() if name in wanted]  # noqa: SIM118
                for name in sorted(held):
                    stored = file.get_slice(name)
                    yield name, Stored(tuple(stored.get_shape()), str(stored.get_dtype()))

    def kinds(self) -> set[str]:
        """The types of all tensors."""
        return {stored.kind for _, stored in self.describe(self._where)}

    def read(self, name: str) -> NDArray[Any]:
        """The tensor, as stored."""
        with self._open(self._where[name]) as file:
            return file.get_tensor(name)  # type: ignore[no-any-return]

    def _find(self) -> dict[str, Path]:
        for stem, patterns in (("model.safetensors", ["*.safetensors"]),
                               ("pytorch_model.bin", PICKLES)):  # fmt: skip
            index, single = self.folder / f"{stem}.index.json", self.folder / stem
            if index.is_file():
                return _read_index(index)
            files = [single] if single.is_file() else _matching(self.folder, patterns)
            if files:
                return self._names(files)
        raise ModelError(
            f"the folder {self.folder} holds no *.safetensors and no pytorch_model.bin: wanted the "
            "weights beside config.json"
        )

    def _names(self, files: Iterable[Path]) -> dict[str, Path]:
        found: dict[str, Path] = {}
        for path in files:
            with self._open(path) as file:
                for name in file.keys():  # noqa: SIM118
                    if name in found:
                        raise ModelError(
                            f"{found[name].name} and {path.name} in {self.folder} both hold "
                            f"{name}: wanted one checkpoint in a folder"
                        )
                    found[name] = path
        return found

    def _open(self, path: Path) -> Any:
        if not path.is_file():
            raise WeightsError(f"the index names {path}, which is not there: fetch it again")
        if path.suffix != ".safetensors":
            return TorchFile(self._load(path))
        try:
            return safe_open(path, framework="np")
        except (SafetensorError, OSError) as error:
            raise WeightsError(f"{path} cannot be read as safetensors ({error})") from error

    def _load(self, path: Path) -> Mapping[str, Any]:
        with self._lock:  # layers are read on several threads
            if path not in self._loaded:
                self._loaded[path] = load(path)
            return self._loaded[path]


def _matching(folder: Path, patterns: Iterable[str]) -> list[Path]:
    found = sorted(path for pattern in patterns for path in folder.glob(pattern))
    return [path for path in found if not path.name.startswith(NOT_WEIGHTS)]


def _read_index(index: Path) -> dict[str, Path]:
    try:
        shards = json.loads(index.read_text("utf-8"))["weight_map"]
        return {name: index.parent / Path(file).name for name, file in shards.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"{index} cannot be read as an index of shards: {error!r}") from error

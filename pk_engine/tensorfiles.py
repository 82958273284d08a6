"""Tensors of a checkpoint folder by name: safetensors, or PyTorch's own files where torch is there.

Nothing is unpickled but plain tensors (`weights_only`), and nothing is read before it is asked for.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import ml_dtypes  # noqa: F401  NumPy knows bfloat16 once this is imported
import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from pk_engine.errors import ModelError, WeightsError

PICKLES = ("*.bin", "*.pt", "*.pth")
TORCH_KINDS = {"float32": "F32", "float16": "F16", "bfloat16": "BF16", "float64": "F64"}
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
            return _Pickle(self._load(path))
        try:
            return safe_open(path, framework="np")
        except (SafetensorError, OSError) as error:
            raise WeightsError(f"{path} cannot be read as safetensors ({error})") from error

    def _load(self, path: Path) -> Mapping[str, Any]:
        with self._lock:  # layers are read on several threads
            if path not in self._loaded:
                self._loaded[path] = _load_pickle(path)
            return self._loaded[path]


class _Pickle:
    """Tensors that torch has mapped, behind the few methods of safe_open that are used here."""

    def __init__(self, tensors: Mapping[str, Any]) -> None:
        self.keys: Callable[[], Iterable[str]] = tensors.keys
        self._tensors = tensors

    def __enter__(self) -> "_Pickle":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def get_slice(self, name: str) -> "_Slice":
        return _Slice(self._tensors[name])

    def get_tensor(self, name: str) -> NDArray[Any]:
        tensor = self._tensors[name].detach()
        narrow = tensor.element_size() < 4  # NumPy takes no bfloat16 from torch
        return np.asarray((tensor.float() if narrow else tensor).numpy())


class _Slice:
    def __init__(self, tensor: Any) -> None:
        self._tensor = tensor

    def get_shape(self) -> list[int]:
        return list(self._tensor.shape)

    def get_dtype(self) -> str:
        kind = str(self._tensor.dtype).removeprefix("torch.")
        return TORCH_KINDS.get(kind, kind)


def _matching(folder: Path, patterns: Iterable[str]) -> list[Path]:
    found = sorted(path for pattern in patterns for path in folder.glob(pattern))
    return [path for path in found if not path.name.startswith(NOT_WEIGHTS)]


def _read_index(index: Path) -> dict[str, Path]:
    try:
        shards = json.loads(index.read_text("utf-8"))["weight_map"]
        return {name: index.parent / Path(file).name for name, file in shards.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"{index} cannot be read as an index of shards: {error!r}") from error


def _load_pickle(path: Path) -> Mapping[str, Any]:
    """Tensors by name, mapped where the file's format allows it.

    `weights_only` refuses whatever is not a plain tensor, so that no code in the file runs.
    """
    try:
        import torch
    except ImportError:
        raise ModelError(
            f"{path} is PyTorch's own format, which only torch reads: pip install "
            "'headgraph[torch]', or convert the checkpoint to safetensors"
        ) from None
    how: dict[str, Any] = {"map_location": "cpu", "weights_only": True}
    try:
        try:
            held = torch.load(path, mmap=True, **how)
        except RuntimeError:  # files from before 2020 are no zip archives and cannot be mapped
            held = torch.load(path, **how)
    except Exception as error:  # torch raises whatever its unpickler met
        first = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
        raise WeightsError(
            f"{path} cannot be read as plain tensors, and nothing else in it is ever unpickled: "
            f"convert the checkpoint to safetensors ({first})"
        ) from error
    if not isinstance(held, dict):
        raise WeightsError(f"{path} holds no tensors by name: wanted a state dict")
    return {name: tensor for name, tensor in held.items() if isinstance(tensor, torch.Tensor)}

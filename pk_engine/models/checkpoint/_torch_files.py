"""PyTorch files, read as plain tensors only. `load` imports torch."""

import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headgraph.base.files.documents import shown
from headgraph.base.text import quoted, short
from headgraph.pk_engine.errors import ModelError, WeightsError
from headgraph.pk_engine.models.checkpoint.refusals import refuse_stand_in

KINDS = {"float32": "F32", "float16": "F16", "bfloat16": "BF16", "float64": "F64"}
"""torch's names of the types that can be read -> the names in safetensors."""

_OTHERS = re.compile("optim|sched|scaler|rng|callback", re.IGNORECASE)
"""Keys of a training checkpoint that hold no weights."""


def load(path: Path) -> Mapping[Any, Any]:
    """What a file holds, with tensors memory-mapped where the file's format allows it.

    `weights_only` refuses everything but plain tensors, so no code in the file runs.

    Raises:
        ModelError: torch is not installed.
        WeightsError: the file is damaged, or holds something else.
    """
    try:
        import torch
    except ImportError:
        raise ModelError(
            f"{shown(path)} is PyTorch's own format, which only torch reads: pip install "
            "'headgraph[torch]', or convert the checkpoint to safetensors"
        ) from None
    how: dict[str, Any] = {"map_location": "cpu", "weights_only": True}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about kinds of tensors that `ModelWeights` refuses
            held = _mapped(torch, path, how)
    except UnpicklingError as error:  # its text explains how to run the code in the file
        refuse_stand_in(path)
        raise WeightsError(
            f"{shown(path)} holds more than plain tensors, and nothing else is ever unpickled: "
            "convert the checkpoint to safetensors where you trust it"
        ) from error
    except Exception as error:  # the unpickler can raise anything
        refuse_stand_in(path)
        said = short(str(error).partition("\n")[0], 100)
        raise WeightsError(
            f"{shown(path)} cannot be read by torch ({type(error).__name__}: {said}): "
            "fetch it again"
        ) from error
    if not isinstance(held, dict):
        raise WeightsError(f"{shown(path)} holds no tensors by name: expected a state dict")
    return held


def state_dict(held: Mapping[Any, Any], path: Path) -> tuple[str, Mapping[str, Any]]:
    """(key, tensors by name) of what a file holds; training tools nest them as `{"model": ...}`.

    The key is empty where the file itself is the state dict. Optimizers hold tensors too, of the
    same shapes, and are left out.

    Raises:
        WeightsError: two parts of the file hold matrices.
    """
    tensors = _tensors_of(held)
    if _holds_matrices(tensors):
        return "", tensors
    inner = dict(_nested(held, "", 2))
    if len(inner) > 1:
        first, second, *_ = sorted(inner)
        raise WeightsError(
            f"{shown(path)} holds tensors by name under {quoted(first)} and under "
            f"{quoted(second)}: save the state dict that you mean alone"
        )
    return next(iter(inner.items()), ("", tensors))


def _nested(held: Mapping[Any, Any], above: str, depth: int) -> Iterator[tuple[str, Any]]:
    for key, value in held.items():
        if not isinstance(key, str) or not isinstance(value, dict) or _OTHERS.search(key):
            continue
        tensors = _tensors_of(value)
        if _holds_matrices(tensors):
            yield f"{above}{key}", tensors
        elif depth > 1:
            yield from _nested(value, f"{above}{key}.", depth - 1)


def _tensors_of(held: Mapping[Any, Any]) -> dict[str, Any]:
    import torch

    return {
        name: tensor
        for name, tensor in held.items()
        if isinstance(name, str) and isinstance(tensor, torch.Tensor)
    }


def _holds_matrices(tensors: Mapping[str, Any]) -> bool:
    return any(tensor.ndim > 1 for tensor in tensors.values())


def _mapped(torch: Any, path: Path, how: dict[str, Any]) -> Any:
    try:
        return torch.load(path, mmap=True, **how)
    except (RuntimeError, UnicodeError):
        # mapping needs a zip archive (torch 1.6 or later) and a UTF-8 name
        return torch.load(path, **how)


class TorchFile:
    """Tensors loaded by torch, with the methods of safe_open that `TensorFiles` uses.

    Args:
        tensors: the result of `load`.
    """

    def __init__(self, tensors: Mapping[str, Any]) -> None:
        self.keys: Callable[[], Iterable[str]] = tensors.keys
        self._tensors = tensors

    def __enter__(self) -> "TorchFile":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def get_slice(self, name: str) -> "_Slice":
        """Shape and type of a tensor, without reading it."""
        return _Slice(self._tensors[name])

    def get_tensor(self, name: str) -> NDArray[Any]:
        """A tensor; half precision is widened to float32."""
        tensor = self._tensors[name].detach().resolve_conj().resolve_neg()
        narrow = tensor.element_size() < 4  # torch cannot convert bfloat16 to NumPy
        return np.asarray((tensor.float() if narrow else tensor).numpy())


class _Slice:
    def __init__(self, tensor: Any) -> None:
        self._tensor = tensor

    def get_shape(self) -> list[int]:
        return list(self._tensor.shape)

    def get_dtype(self) -> str:
        """The type of the numbers, with the layout or device before it where that is not plain."""
        tensor = self._tensor
        kind = str(tensor.dtype).removeprefix("torch.")
        if tensor.is_nested or str(tensor.layout) != "torch.strided":
            return f"{str(tensor.layout).removeprefix('torch.')} {kind}"
        if tensor.device.type != "cpu":
            return f"{tensor.device.type} {kind}"
        if tensor.is_quantized:
            return kind
        if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
            return f"repeated {kind}"  # few numbers stored for a large shape
        return KINDS.get(kind, kind)

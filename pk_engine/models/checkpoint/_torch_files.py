"""PyTorch's own files, read as plain tensors alone; torch is imported when one is met."""

import warnings
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headgraph.base.documents import shown
from headgraph.base.text import short
from headgraph.pk_engine.errors import ModelError, WeightsError
from headgraph.pk_engine.models.checkpoint.refusals import refuse_stand_in

KINDS = {"float32": "F32", "float16": "F16", "bfloat16": "BF16", "float64": "F64"}
"""torch's names of types that can be read, and those of safetensors."""


def load(path: Path) -> Mapping[str, Any]:
    """Tensors by name, mapped where the file's format allows it.

    `weights_only` refuses whatever is not a plain tensor, so that no code in the file runs.

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
            warnings.simplefilter("ignore")  # of kinds of tensors that are refused by name
            held = _mapped(torch, path, how)
    except UnpicklingError as error:  # its own text tells how to run the code in the file
        refuse_stand_in(path)
        raise WeightsError(
            f"{shown(path)} holds more than plain tensors, and nothing else is ever unpickled: "
            "convert the checkpoint to safetensors where you trust it"
        ) from error
    except Exception as error:  # torch raises whatever its unpickler met
        refuse_stand_in(path)
        said = short(str(error).partition("\n")[0], 100)
        raise WeightsError(
            f"{shown(path)} cannot be read by torch ({type(error).__name__}: {said}): "
            "fetch it again"
        ) from error
    if not isinstance(held, dict):
        raise WeightsError(f"{shown(path)} holds no tensors by name: expected a state dict")
    return {
        name: tensor
        for name, tensor in held.items()
        if isinstance(name, str) and isinstance(tensor, torch.Tensor)
    }


def _mapped(torch: Any, path: Path, how: dict[str, Any]) -> Any:
    try:
        return torch.load(path, mmap=True, **how)
    except (RuntimeError, UnicodeError):
        # files from before 2020 are no zip archives, and a name must be UTF-8 to be mapped
        return torch.load(path, **how)


class TorchFile:
    """Tensors that torch has mapped, behind the few methods of safe_open that are used here.

    Args:
        tensors: what `load` gave.
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
        """A tensor; half precision comes as float32."""
        tensor = self._tensors[name].detach().resolve_conj().resolve_neg()
        narrow = tensor.element_size() < 4  # NumPy takes no bfloat16 from torch
        return np.asarray((tensor.float() if narrow else tensor).numpy())


class _Slice:
    def __init__(self, tensor: Any) -> None:
        self._tensor = tensor

    def get_shape(self) -> list[int]:
        return list(self._tensor.shape)

    def get_dtype(self) -> str:
        """The type of its numbers, or what else it is where they are not laid out one by one."""
        tensor = self._tensor
        kind = str(tensor.dtype).removeprefix("torch.")
        if tensor.is_nested or str(tensor.layout) != "torch.strided":
            return f"{str(tensor.layout).removeprefix('torch.')} {kind}"
        if tensor.device.type != "cpu":
            return f"{tensor.device.type} {kind}"
        if tensor.is_quantized:
            return kind
        if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
            return f"repeated {kind}"  # a few numbers stored, any number of them claimed
        return KINDS.get(kind, kind)

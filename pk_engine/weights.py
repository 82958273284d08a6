"""Attention matrices of a model, by name from safetensors, a layer at a time.

The network is never built and no code of a checkpoint is run. Half precision is widened to float32.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ml_dtypes  # noqa: F401  NumPy knows bfloat16 once this is imported
import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from pk_engine.errors import ModelError, WeightsError
from pk_engine.family import Family, ModelShape, TensorSpec, check_finite, family_of
from pk_engine.names import ROLES
from pk_engine.source import locate, read_config

Layer = dict[str, NDArray[np.float32]]
FLOATS = {"F32", "F16", "BF16", "F64"}


class ModelWeights:
    """A model whose attention matrices can be read.

    Args:
        model: name of a bundled model, folder, or hub id.
        revision: branch, tag or commit of a hub id.

    Attributes:
        name, revision: as a table records them.
        family: the family file in use.
        shape: the model's sizes.

    Raises:
        ModelError: no model there, or a kind that no family describes.
        WeightsError: tensors missing or of another shape than the configuration says.
    """

    def __init__(self, model: str | os.PathLike[str], revision: str | None = None) -> None:
        self.folder, self.name = locate(model, revision)
        self.revision = revision
        config = read_config(self.folder)
        self.family: Family = family_of(config)
        self.shape: ModelShape = self.family.shape(config)
        self._files = _index(self.folder)
        self._prefix = self._find_prefix()
        self._check_tensors()

    def __repr__(self) -> str:
        return f"ModelWeights({self.name!r}, {self.family.name}, {self.shape})"

    def layer(self, layer: int) -> Layer:
        """One layer's matrices: role -> heads x d_model x d_head, float32, contiguous.

        O is transposed, so that its columns span what the head writes.

        Raises:
            WeightsError: a matrix holds NaN or Inf.
        """
        parts: dict[str, NDArray[Any]] = {}
        for spec in self.family.tensors:
            parts |= spec.split(self._read(self._name(spec, layer)), self.shape)
        matrices = {role: np.ascontiguousarray(parts[role], dtype=np.float32) for role in ROLES}
        for role, matrix in matrices.items():
            check_finite(matrix, layer, role)
        return matrices

    def layers(self) -> Iterator[Layer]:
        """Each layer's matrices in turn; see `layer`."""
        return map(self.layer, range(self.shape.n_layers))

    def _name(self, spec: TensorSpec, layer: int) -> str:
        return self._prefix + spec.name.format(layer=layer)

    def _read(self, name: str) -> NDArray[Any]:
        with _open(self._files[name]) as file:
            return file.get_tensor(name)  # type: ignore[no-any-return]

    def _find_prefix(self) -> str:
        first = self.family.tensors[0].name.format(layer=0)
        for prefix in self.family.prefixes:
            if prefix + first in self._files:
                return prefix
        raise WeightsError(
            f"the weights in {self.folder} have no tensor {first} (tried the prefixes "
            f"{', '.join(repr(p) for p in self.family.prefixes)}): wanted a "
            f"{self.family.name} checkpoint, as config.json says"
        )

    def _check_tensors(self) -> None:
        wanted = {
            self._name(spec, layer): spec.stored_shape(self.shape)
            for layer in range(self.shape.n_layers)
            for spec in self.family.tensors
        }
        missing = sorted(wanted.keys() - self._files.keys())
        if missing:
            raise WeightsError(
                f"the weights in {self.folder} lack {len(missing)} attention tensors: "
                f"{', '.join(missing[:4])}{' ...' if len(missing) > 4 else ''}"
            )
        for path in sorted(set(self._files.values())):
            with _open(path) as file:
                for name in wanted.keys() & file.keys():
                    _check_tensor(name, file.get_slice(name), wanted[name])


def _check_tensor(name: str, stored: Any, wanted: tuple[int, int]) -> None:
    shape, kind = tuple(stored.get_shape()), stored.get_dtype()
    if shape != wanted:
        raise WeightsError(
            f"the tensor {name} has the shape {shape}: wanted {wanted}, as config.json says"
        )
    if kind not in FLOATS:
        raise WeightsError(
            f"the tensor {name} is stored as {kind}: wanted float32, float16 or bfloat16; a "
            "quantised checkpoint must be converted first"
        )


def _index(folder: Path) -> dict[str, Path]:
    """Tensor name -> the file that holds it."""
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        try:
            shards = json.loads(index.read_text("utf-8"))["weight_map"]
            return {name: folder / Path(file).name for name, file in shards.items()}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ModelError(f"{index} cannot be read as an index of shards: {error!r}") from error
    single = folder / "model.safetensors"
    files = [single] if single.is_file() else sorted(folder.glob("*.safetensors"))
    if not files:
        raise ModelError(
            f"the folder {folder} holds no *.safetensors: convert the checkpoint to safetensors"
        )
    found: dict[str, Path] = {}
    for path in files:
        with _open(path) as file:
            found |= dict.fromkeys(file.keys(), path)
    return found


def _open(path: Path) -> Any:
    try:
        return safe_open(path, framework="np")
    except FileNotFoundError:
        raise WeightsError(f"the index names {path}, which is not there: fetch it again") from None
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{path} cannot be read as safetensors ({error})") from error

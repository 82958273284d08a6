"""LoRA adapters: W + scale * B A, added to the matrices of a model while they are read.

B is (out x r) and A is (r x in), and a stored Linear is (out x in). `adapter_settings` has the
scale. Matrices other than those of attention are left out, since no score reads them.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headgraph.base.files.documents import shown
from headgraph.base.text import quoted, short
from headgraph.pk_engine.errors import ModelError, WeightsError
from headgraph.pk_engine.linalg.buffers import Buffers
from headgraph.pk_engine.models.checkpoint.adapter_settings import (
    CONFIG,
    AdapterFolder,
    read_settings,
)
from headgraph.pk_engine.models.checkpoint.renamed import WRAPPERS
from headgraph.pk_engine.models.checkpoint.tensor_files import FLOATS, Stored, TensorFiles
from headgraph.pk_engine.models.checkpoint.tensors import Tensors, View

FILES = ("adapter_model.safetensors", "adapter_model.bin")
_PART = re.compile(
    r"(?:base_model\.model\.)?(?P<module>.+)\.lora_(?P<part>[AB])(?:\.(?P<adapter>\w+))?\.weight"
)
_COPY = re.compile(r"\.(?:modules_to_save|original_module|base_layer)(?:\.\w+)?(?=\.weight$)")
"""What peft puts into the name of a whole matrix."""
_NO_MATRIX = re.compile(r"\.bias$|\.lora_embedding_[AB](\.\w+)?$|\.token_adapter\.")


class Adapter:
    """A LoRA adapter in a folder.

    Args:
        at: its folder, with adapter_config.json and adapter_model.safetensors, and its name.

    Attributes:
        name, sha256: the name, and the hash of the file of tensors.
        settings: the scale of each module.
        modules: module -> names of A and B.
        replaced: names of tensors that replace those of the model (modules_to_save).

    Raises:
        ModelError: the folder holds no adapter, or one of a kind that is not supported.
        WeightsError: a tensor has no partner, or is not known.
    """

    def __init__(self, at: AdapterFolder) -> None:
        folder, self.name = at
        self.settings = read_settings(folder)
        file = next((name for name in FILES if (folder / name).is_file()), None)
        if file is None:
            raise ModelError(f"the folder {shown(folder)} has {CONFIG} and no {FILES[0]}: fetch it")
        self.files = TensorFiles(folder, only=file)  # says what is wrong with a file
        with (folder / file).open("rb") as stream:
            self.sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
        self.modules: dict[str, dict[str, str]] = {}
        self.replaced: list[str] = []
        for name in self.files:
            self._sort(name)
        for module, parts in self.modules.items():
            if len(parts) != 2:
                raise WeightsError(
                    f"the adapter {quoted(self.name)} has lora_{min(parts)} of {short(module, 80)} "
                    "and not the other of A and B: fetch or save it again"
                )

    def _sort(self, name: str) -> None:
        """Put a tensor's name where it belongs."""
        part = _PART.fullmatch(WRAPPERS.sub("", name))
        if part is None and "lora_" not in name:
            plain = _COPY.sub("", WRAPPERS.sub("", name))
            self.replaced.append(plain.removeprefix("base_model.model."))
        elif part is None and not _NO_MATRIX.search(name):
            kind = "DoRA's" if "lora_magnitude_vector" in name else "not LoRA's"
            raise WeightsError(
                f"the tensor {quoted(name, 100)} of the adapter is {kind}: merge the adapter into "
                "its model first (merge_and_unload in peft)"
            )
        elif part is not None:
            parts = self.modules.setdefault(part["module"], {})
            if part["part"] in parts:
                raise WeightsError(
                    f"the folder of {quoted(self.name)} holds two adapters of "
                    f"{short(part['module'], 80)}: keep one of them"
                )
            parts[part["part"]] = name

    def change(self, module: str) -> NDArray[np.float32]:
        """What is added to the matrix of a module: scale * B A, out x in."""
        a, b = (self._read(self.modules[module][part]) for part in "AB")
        with np.errstate(over="ignore", invalid="ignore"):  # `ModelWeights` refuses NaN and Inf
            found: NDArray[np.float32] = (b @ a) * np.float32(self.settings.scale_of(module))
        return found

    def shape(self, module: str) -> tuple[int, int]:
        """(out, in) of a module, from the shapes of A and B.

        Raises:
            WeightsError: they do not fit each other or the rank, or are no floats.
        """
        a, b = (self._stored(self.modules[module][part]) for part in "AB")
        rank = self.settings.rank_of(module)
        fits = len(a.shape) == len(b.shape) == 2 and a.shape[0] == b.shape[1] == rank
        if not fits or not {a.kind, b.kind} <= FLOATS:
            raise WeightsError(
                f"the adapter of {short(module, 80)} is {a.kind} of {quoted(a.shape)} and {b.kind} "
                f"of {quoted(b.shape)}: expected floats of the rank {rank}, as {CONFIG} says"
            )
        return b.shape[0], a.shape[1]

    def _stored(self, name: str) -> Stored:
        return dict(self.files.describe([name]))[name]

    def _read(self, name: str) -> NDArray[np.float32]:
        return np.asarray(self.files.read(name), np.float32)


class Adapted(View):
    """Another source, with an adapter in its attention matrices.

    Args:
        inner: the source.
        adapter: the adapter.
        prefixes: of tensor names in the family, which the adapter's names may have or lack.
        attention: matches the ends of the names of attention modules; only those that a prefix
            alone stands before are counted, since others are of another part of the model.

    Raises:
        WeightsError: a matrix of attention is not in the source, has another shape, or is replaced;
            or no module of the adapter is in the source.
    """

    def __init__(
        self,
        inner: Tensors,
        adapter: Adapter,
        prefixes: Sequence[str],
        attention: re.Pattern[str],
    ) -> None:
        super().__init__(inner)
        self._adapter, self._prefixes = adapter, prefixes
        self._replaced = {self._name_of(name): name for name in adapter.replaced}
        for name in adapter.replaced:
            if attention.search(name.removesuffix(".weight")):
                raise self._refusal(name)
        self._modules: dict[str, str] = {}
        for module in adapter.modules:
            if attention.search(module):
                self._modules[self._weight_of(module)] = module
        self._check_shapes()
        if not self._modules:
            self._check_modules()
        ends = [attention.search(name.removesuffix(".weight")) for name in self._modules]
        count = sum(end is not None and end.string[: end.start("module")] in prefixes
                    for end in ends)  # fmt: skip
        self.origin["adapter"] = f"{adapter.name} (LoRA, attention matrices changed: {count})"
        self.origin["adapter_sha256"] = adapter.sha256

    def describe(self, names: Iterable[str]) -> Iterator[tuple[str, Stored]]:
        """Shape and kind of each of these tensors.

        Raises:
            WeightsError: the adapter replaces one of them.
        """
        for name, stored in self.inner.describe(names):
            if name in self._replaced:
                raise self._refusal(self._replaced[name])
            floats = name in self._modules and stored.kind in FLOATS
            yield name, Stored(stored.shape, "F32") if floats else stored

    def read(self, name: str, buffers: Buffers | None = None) -> NDArray[Any]:
        """A tensor, with the adapter in it."""
        stored = self.inner.read(name, buffers)
        if name not in self._modules:
            return stored
        change = self._adapter.change(self._modules[name])
        matrix = np.asarray(stored, np.float32)
        with np.errstate(over="ignore", invalid="ignore"):
            return matrix + (change.T if self._adapter.settings.transposed else change)

    def _name_of(self, name: str) -> str | None:
        """A tensor of the source by its name in the adapter, which may have another prefix."""
        return next((found for found in self._names(name) if found in self.inner), None)

    def _names(self, name: str) -> list[str]:
        """The names that what the adapter calls `name` may have in the source."""
        ends = [name, *(name.removeprefix(p) for p in self._prefixes if p and name.startswith(p))]
        return [*ends, *(prefix + end for prefix in self._prefixes for end in ends)]

    def _weight_of(self, module: str) -> str:
        found = self._name_of(f"{module}.weight")
        if found is None:
            raise WeightsError(
                f"the adapter {quoted(self._adapter.name)} changes {quoted(module, 80)}, which the "
                "model does not have: give the model that it was trained on"
            )
        return found

    def _check_modules(self) -> None:
        """Refuse an adapter of another model: without this, it would change nothing."""
        held = {name.rpartition(".")[0] for name in self.inner}
        adapted = self._adapter.modules
        adapter = f"the adapter {quoted(self._adapter.name)}"
        if not adapted:
            raise WeightsError(f"{adapter} holds no matrices of LoRA: fetch or save it again")
        if held.isdisjoint(found for module in adapted for found in self._names(module)):
            raise WeightsError(
                f"{adapter} changes {quoted(next(iter(adapted)), 80)} and the like, and the model "
                "has none of these modules: give the model that it was trained on"
            )

    def _check_shapes(self) -> None:
        for name, stored in self.inner.describe(self._modules):
            shape = self._adapter.shape(self._modules[name])
            expected = shape[::-1] if self._adapter.settings.transposed else shape
            if stored.shape != expected:
                raise WeightsError(
                    f"the adapter changes a matrix of {expected}, and {short(name, 80)} of the "
                    f"model has the shape {quoted(stored.shape)}: give the model that it was "
                    "trained on"
                )

    def _refusal(self, name: str) -> WeightsError:
        return WeightsError(
            f"the adapter {quoted(self._adapter.name)} replaces {quoted(name, 80)} "
            "(modules_to_save): merge it into its model first (merge_and_unload in peft)"
        )

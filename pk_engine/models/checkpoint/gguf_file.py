"""A GGUF file of llama.cpp: its tensors as float32, and its settings in place of config.json.

The `gguf` package reads and dequantises. `families/gguf.toml` says what the tensors are.
"""

import re
import struct
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headgraph.base.files.documents import shown
from headgraph.base.text import listed, quoted, short
from headgraph.pk_engine.errors import ModelError, WeightsError
from headgraph.pk_engine.linalg.buffers import Buffers
from headgraph.pk_engine.models.checkpoint._gguf_reader import reader_of
from headgraph.pk_engine.models.checkpoint.tensor_files import Stored

ENDING = ".gguf"
_PART = re.compile(r"(?P<stem>.+)-(?P<number>\d{5})-of-(?P<total>\d{5})\.gguf")
_ATTENTION = re.compile(r"blk\.\d+\.attn_(q|k|v|qkv|output)\.weight")
_KINDS = {"F32": "F32", "F16": "F16", "BF16": "BF16", "F64": "F64"}
_NOT_HEADS = ("general.", "tokenizer.", "quantize.", "split.", "GGUF.")
_LONGEST = 10_000
"""Numbers of a setting that are read: one for each layer."""


class GgufFile:
    """The tensors of a GGUF file, or of all its parts; see `tensors.Tensors`.

    Args:
        path: of the file, or of one of its parts (`-00001-of-00003.gguf`).

    Raises:
        ModelError: the `gguf` package is not installed.
        WeightsError: the file is damaged or something else, or a part is missing.
    """

    def __init__(self, path: Path) -> None:
        self.folder = path
        readers = [reader_of(part) for part in parts_of(path)]
        self._tensors = {tensor.name: tensor for reader in readers for tensor in reader.tensors}
        if len(self._tensors) < sum(len(reader.tensors) for reader in readers):
            raise WeightsError(
                f"two parts of {shown(path)} hold the same tensor: fetch the parts of one file"
            )
        kinds = Counter(
            _kind(tensor) for name, tensor in self._tensors.items() if _ATTENTION.fullmatch(name)
        )
        self.origin = {"format": f"GGUF ({short(architecture(readers[0], path), 40)})"}
        if quantised := [kind for kind, _ in kinds.most_common() if kind not in _KINDS]:
            self.origin["quantisation"] = ", ".join(quantised)

    def __contains__(self, name: object) -> bool:
        return name in self._tensors

    def __iter__(self) -> Iterator[str]:
        return iter(self._tensors)

    def __len__(self) -> int:
        return len(self._tensors)

    def describe(self, names: Iterable[str]) -> Iterator[tuple[str, Stored]]:
        """Shape and kind of each of these tensors; quantised ones are given as F32."""
        for name in names:
            tensor = self._tensors[name]
            kind = _kind(tensor)
            whole = kind[0] == "I" and kind[1:].isdigit()
            # GGUF writes the axis that varies fastest first
            shape = tuple(int(size) for size in reversed(tensor.shape))
            yield name, Stored(shape, _KINDS.get(kind, kind if whole else "F32"))

    def read(self, name: str, buffers: Buffers | None = None) -> NDArray[Any]:
        """A tensor as floats.

        Raises:
            WeightsError: the `gguf` package does not dequantise its kind.
        """
        from gguf.quants import dequantize

        tensor = self._tensors[name]
        shape = tuple(int(size) for size in reversed(tensor.shape))
        if _kind(tensor) == "F64":
            return np.asarray(tensor.data).reshape(shape)
        try:
            found: NDArray[Any] = dequantize(np.asarray(tensor.data), tensor.tensor_type)
        except (NotImplementedError, ValueError, IndexError) as error:
            raise WeightsError(
                f"the tensor {quoted(name, 80)} is {_kind(tensor)}, which the gguf package does "
                f"not dequantise ({short(error, 60)}): upgrade it"
            ) from error
        return found.reshape(shape)


def settings_of_gguf(path: Path) -> dict[str, Any]:
    """The settings of a GGUF file under their names without the architecture, for `gguf.toml`.

    Raises:
        ModelError: the `gguf` package is not installed, or the file is an adapter, the vision part
            of a model or the like, or names no architecture.
        WeightsError: the file is damaged or something else.
    """
    first = parts_of(path)[0]
    reader = reader_of(first)
    _check_type(reader, path)
    name = architecture(reader, path)
    found = {
        key.removeprefix(f"{name}."): _value(field)
        for key, field in reader.fields.items()
        if not key.startswith(_NOT_HEADS)
    }
    names = {tensor.name for part in parts_of(path)
             for tensor in reader_of(part).tensors}  # fmt: skip
    extra, blocks = found.get("nextn_predict_layers"), found.get("block_count")
    if type(extra) is int and type(blocks) is int:  # layers that predict a second token
        found["block_count"] = blocks - extra
    layered = "attention.layer_norm_epsilon" in found
    scaled = any(f"blk.0.attn_norm{end}.weight" in names for end in ("", "_2"))
    kind = "none" if not scaled else "LayerNorm" if layered else "RMSNorm"
    return found | {"model_type": "gguf", "architecture": name, "norm": kind}


def tokens_of_gguf(path: Path) -> tuple[str, list[str]]:
    """(kind of the tokenizer, the piece of each token) of a GGUF file; no pieces if it has none.

    Raises:
        ModelError, WeightsError: as `settings_of_gguf`.
    """
    first = parts_of(path)[0]
    fields = reader_of(first).fields
    kind, pieces = (fields.get(f"tokenizer.ggml.{name}") for name in ("model", "tokens"))
    raw = b"" if pieces is None else bytes(pieces.parts[pieces.data[0]])
    found, start = [], 0
    while start < len(raw):
        (length,) = struct.unpack_from("<Q", raw, start)
        found.append(raw[start + 8 : start + 8 + length].decode("utf-8", "replace"))
        start += 8 + length
    return "" if kind is None else str(_value(kind)), found


def parts_of(path: Path) -> list[Path]:
    """The files that a GGUF file was split into, in order; else the file alone.

    Raises:
        WeightsError: a part is missing.
    """
    part = _PART.fullmatch(path.name)
    if part is None or not 1 <= int(part["number"]) <= int(part["total"]):
        return [path]
    stem, total = part["stem"], int(part["total"])
    parts = [
        path.with_name(f"{stem}-{number:05}-of-{total:05}.gguf") for number in range(1, total + 1)
    ]
    if lacks := [file.name for file in parts if not file.is_file()]:
        raise WeightsError(
            f"of the {total} parts of {short(path.name)}, these are missing: {listed(lacks, 3)}; "
            "fetch them again"
        )
    return parts


def is_gguf(path: Path) -> bool:
    """Whether a model is a GGUF file and not a folder."""
    return path.suffix.lower() == ENDING and not path.is_dir()


def gguf_in(folder: Path) -> Path | None:
    """The one model in GGUF in a folder; None if there is none.

    Raises:
        ModelError: there are several.
    """
    files = sorted(path for path in folder.iterdir() if is_gguf(path) and path.is_file())
    found: dict[str, Path] = {}
    for path in files:
        part = _PART.fullmatch(path.name)
        if not path.name.startswith("mmproj"):  # the vision part of a model
            found.setdefault(part["stem"] if part else path.name, path)
    if len(found) > 1:
        raise ModelError(
            f"the folder {shown(folder)} holds {len(found)} GGUF files: "
            f"{listed([path.name for path in found.values()], 3)}; give the path of one"
        )
    return next(iter(found.values()), None)


def _check_type(reader: Any, path: Path) -> None:
    """Refuse a GGUF file that is no model: adapter, mmproj (the vision part), imatrix."""
    field = reader.fields.get("general.type")
    kind = None if field is None else _value(field)
    if kind not in (None, "model"):
        raise ModelError(
            f"{shown(path)} has general.type = {quoted(kind)}: expected 'model'; give the GGUF "
            "file of the model itself"
        )


def architecture(reader: Any, path: Path) -> str:
    """general.architecture.

    Raises:
        ModelError: the file has none.
    """
    field = reader.fields.get("general.architecture")
    found = None if field is None else _value(field)
    if not isinstance(found, str) or not found:
        raise ModelError(
            f"{shown(path)} has general.architecture = {quoted(found)}: expected a text such as "
            "'llama'"
        )
    return found


def _kind(tensor: Any) -> str:
    return str(tensor.tensor_type.name)


def _value(field: Any) -> Any:
    """A setting; a list of equal numbers, one for each layer, is that number."""
    types = [kind.name for kind in field.types]
    if types == ["ARRAY", "STRING"] or len(field.parts[field.data[0]]) > _LONGEST:
        return None  # words, or more numbers than layers
    try:
        found = field.contents()
    except (ValueError, IndexError, TypeError, UnicodeDecodeError):
        return None
    if isinstance(found, list) and found and all(one == found[0] for one in found):
        return found[0]
    return found

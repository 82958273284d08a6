"""The reader of the `gguf` package, bounded by the file's end and by the time that it takes."""

import struct
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from headgraph.base.files.documents import shown
from headgraph.pk_engine.errors import ModelError, WeightsError
from headgraph.pk_engine.models.checkpoint.refusals import refuse_stand_in

INSTALL = "pip install 'headgraph[gguf]' (in a clone: pip install -e '.[gguf]')"
_UNKNOWN = "it is damaged, or of a version that the gguf package does not read"
_MOST = 2**16
"""Settings, and tensors: the reader makes objects for each, and files have a few thousand."""


class Damaged(ValueError):
    """What a file says of itself cannot be; the text says what."""


def reader_of(path: Path) -> Any:
    """The reader of a file, opened once.

    Raises:
        ModelError: the `gguf` package is not installed.
        WeightsError: the file is damaged or something else.
    """
    return _reader(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=64)
def _reader(path: Path, changed: int) -> Any:
    """The reader of a file; `changed` is when, so that another file is not taken for this one."""
    try:
        from gguf import GGUFReader, GGUFValueType
    except ImportError:
        raise ModelError(
            f"{shown(path)} is a GGUF file, which only the gguf package reads: {INSTALL}"
        ) from None

    class Bounded(GGUFReader):  # type: ignore[misc]
        """A reader that stops at the end of the file, and takes a list in one step.

        The package itself makes an object for each of the tokens of a vocabulary.
        """

        def _get(self, offset: int, dtype: Any, count: int = 1, *more: Any, **how: Any) -> Any:
            if int(offset) + np.dtype(dtype).itemsize * int(count) > len(self.data):
                raise Damaged("it ends too early")
            return super()._get(offset, dtype, count, *more, **how)

        def _build_fields(self, offs: int, count: int) -> int:
            if self.byte_order != "I":
                raise Damaged("its byte order is the other one")
            self._check_count("settings", count)
            return int(super()._build_fields(offs, count))

        def _build_tensor_info(self, offs: int, count: int) -> Any:
            self._check_count("tensors", count)
            return super()._build_tensor_info(offs, count)

        def _build_tensors(self, start: int, fields: Any) -> None:
            super()._build_tensors(start, fields)
            if any(tensor.data_offset < start for tensor in self.tensors):
                raise Damaged("a tensor lies outside of the data")

        def _check_count(self, what: str, count: int) -> None:
            # each takes 12 bytes of the file or more
            if 12 * int(count) > len(self.data):
                raise Damaged("it ends too early")
            if count > _MOST:
                raise Damaged(f"{count:,} {what}: expected at most {_MOST:,}")

        def _get_field_parts(self, at: int, raw_type: int) -> Any:
            if GGUFValueType(raw_type) != GGUFValueType.ARRAY:
                return super()._get_field_parts(at, raw_type)
            kind = GGUFValueType(self._get(at, np.uint32)[0])
            count, start = int(self._get(at + 4, np.uint64)[0]), at + 12
            number = self.gguf_scalar_to_np.get(kind)
            if kind == GGUFValueType.STRING:
                lengths = _lengths(self.data, start, count)
                values = self.data[start : start + sum(8 + length for length in lengths)]
            elif number is not None:
                values = self._get(start, number, count)
            else:
                raise Damaged("a list of lists")
            return 12 + int(values.nbytes), [values], [0], [GGUFValueType.ARRAY, kind]

    try:
        with np.errstate(all="ignore"):
            reader = Bounded(path)
    except Exception as error:  # the package checks little, so a damaged file raises anything
        refuse_stand_in(path)
        why = str(error) if isinstance(error, Damaged) else _UNKNOWN
        raise WeightsError(
            f"{shown(path)} cannot be read as GGUF ({why}): fetch or convert it again"
        ) from error
    return reader


def _lengths(data: Any, start: int, count: int) -> Iterator[int]:
    """The lengths in bytes of strings one after another, each with its length before it."""
    view, size = memoryview(data), len(data)
    for _ in range(count):
        (length,) = struct.unpack_from("<Q", view, start)
        start += 8 + length
        if start > size:
            raise Damaged("it ends too early")
        yield length

"""A table's columns and Parquet, without pandas.

`pyarrow.array` imports pandas to learn whether it was handed a series; arrays made of buffers are
the same and do not.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from headgraph.base.documents import reason, shown
from headgraph.base.text import short
from headgraph.pk_engine.errors import TableError
from headgraph.pk_engine.table.columns import Columns

ROWS_PER_BYTE = 1
"""Rows that a byte of a file can hold at most. `write` needs more than one for a row, as
each has a place in the ranking of its own; a footer that claims more is not believed."""

BYTES_PER_VALUE = 32
"""Bytes that a value takes at most, before compression, and `_FEW` for what is not values. A number
takes 8; a file that takes more holds something else, and is decompressed whole."""

_FEW = 2**20
_LONGEST = 100  # characters of a text; a pairing has two letters


def write_columns(columns: Columns, metadata: dict[bytes, str], stream: IO[bytes]) -> None:
    """Write the columns; texts become a dictionary, in the order they come in."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    arrays = [_texts(a) if a.dtype.kind == "U" else _numbers(a) for a in columns.values()]
    table = pa.Table.from_arrays(arrays, names=list(columns)).replace_schema_metadata(metadata)
    pq.write_table(table, stream, compression="zstd", compression_level=9)


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """A regular file as pyarrow's `ParquetFile`, whose footer does not claim too much.

    Raises:
        TableError: no Parquet, damaged, or more rows than its bytes can hold; so too for what the
            block comes upon when it reads columns.
    """
    import pyarrow.parquet as pq

    # opened here: pyarrow takes no name that is not UTF-8
    with _stated(path), path.open("rb") as stream:
        footer = pq.read_metadata(stream)
        _check_rows(footer.num_rows, path)
        # texts stay a dictionary: a long one may stand in every row
        paths = [footer.schema.column(place).path for place in range(footer.num_columns)]
        texts = [name for name in paths if name == "pairing"]
        with pq.ParquetFile(stream, metadata=footer, read_dictionary=texts) as file:
            yield file


def columns_in(file: Any) -> Columns:
    """The columns of an opened file; one of whole numbers with gaps comes as floats.

    Raises:
        TableError: two columns of one name, one of another kind than a table has, or one that takes
            more memory than its rows can.
    """
    import pyarrow as pa

    names = file.schema_arrow.names
    if len(set(names)) < len(names):
        raise TableError("it has two columns of one name")
    _check_kinds(file.schema_arrow)
    _check_sizes(file.metadata)
    # as many rows as the footer claims for the file, whatever it claims for a column
    batches = file.iter_batches(batch_size=max(1, file.metadata.num_rows))
    table = pa.Table.from_batches(batches, schema=file.schema_arrow)
    return {name: _array(table[name]) for name in names}


def _check_rows(claimed: int, path: Path) -> None:
    """Memory is asked for by what the footer claims, so the claim is held against the file."""
    most = ROWS_PER_BYTE * path.stat().st_size
    if not 0 <= claimed <= most:
        raise TableError(
            f"{shown(path)} is damaged: it claims {claimed:,} rows, and a file of its size holds "
            f"{most:,} at most"
        )


def _check_kinds(schema: Any) -> None:
    """Columns are of numbers, and `pairing` of texts; a list in each row takes any memory."""
    from pyarrow import types

    for field in schema:
        kind = field.type.value_type if types.is_dictionary(field.type) else field.type
        if field.name == "pairing":
            fits = types.is_string(kind) or types.is_large_string(kind)
        else:
            fits = types.is_integer(field.type) or types.is_floating(field.type)
        if not fits:
            raise TableError(f"its column {short(field.name)} has the type {short(field.type)}")


def _check_sizes(footer: Any) -> None:
    """The values are no larger than numbers and short texts, as far as the footer says."""
    # a group's own sum: pyarrow ends the process where it is asked for some damaged columns
    groups = [footer.row_group(place) for place in range(footer.num_row_groups)]
    size = sum(group.total_byte_size for group in groups)
    if size > BYTES_PER_VALUE * footer.num_rows * footer.num_columns + _FEW:
        raise TableError(f"its {footer.num_rows:,} rows take {size:,} bytes")


@contextmanager
def _stated(path: Path) -> Iterator[None]:
    """What pyarrow raises for a damaged file, and the system for one that cannot be read."""
    import pyarrow as pa

    damaged = f"{shown(path)} is damaged: copy it again, or make it again with headgraph compute"
    try:
        yield
    except OSError as error:  # pyarrow's own have no number
        if error.errno is None:
            raise TableError(damaged) from error
        raise TableError(f"{shown(path)} cannot be read: {reason(error)}") from error
    except (pa.ArrowException, UnicodeDecodeError, OverflowError) as error:
        raise TableError(damaged) from error


def _numbers(values: NDArray[Any]) -> Any:
    import pyarrow as pa

    values = np.ascontiguousarray(values)
    kind = pa.from_numpy_dtype(values.dtype)
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(values)])


def _texts(values: NDArray[Any]) -> Any:
    import pyarrow as pa

    words, codes = _coded(values)
    ends = pa.py_buffer(np.cumsum([0, *map(len, words)]).astype(np.int32))
    dictionary = pa.StringArray.from_buffers(len(words), ends, pa.py_buffer(b"".join(words)))
    return pa.DictionaryArray.from_arrays(_numbers(codes), dictionary)


def _coded(values: NDArray[Any]) -> tuple[list[bytes], NDArray[np.int32]]:
    """The different texts, first come first, and the place of each row's text among them."""
    names = list(dict.fromkeys(values.tolist()))
    codes = np.zeros(len(values), np.int32)
    for place, name in enumerate(names):
        codes[values == name] = place
    return [name.encode() for name in names], codes


def _array(column: Any) -> NDArray[Any]:
    import pyarrow as pa

    if pa.types.is_dictionary(column.type):
        words = [word for chunk in column.chunks for word in chunk.dictionary.to_pylist()]
        longest = max((len(word or "") for word in words), default=0)
        if longest > _LONGEST:
            raise TableError(f"it has a pairing of {longest:,} characters: expected two letters")
        column = column.cast(column.type.value_type)
    found: NDArray[Any] = column.to_numpy()
    return found

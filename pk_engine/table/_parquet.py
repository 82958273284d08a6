"""Columns of a table to and from Parquet, without pandas.

`pyarrow.array` imports pandas to detect a series. Arrays built from buffers are equal and avoid it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from headgraph.base.files.documents import reason, shown
from headgraph.base.text import short
from headgraph.pk_engine.errors import COMPUTE, TableError
from headgraph.pk_engine.table.columns import Columns

ROWS_PER_BYTE = 1
"""Largest number of rows per byte of a file. `write` needs more than a byte for a row, as each row
has its own rank. A footer that claims more rows is refused."""

BYTES_PER_VALUE = 32
"""Largest size of a value before compression; a number takes 8. Larger values are something else,
which decompression would load whole."""

_FEW = 2**20  # bytes of a file beside its values
_LONGEST = 100  # characters of a text; a pairing has two letters


def write_columns(columns: Columns, metadata: dict[bytes, str], stream: IO[bytes]) -> None:
    """Write the columns; texts become a dictionary, in order of first occurrence."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    arrays = [_texts(a) if a.dtype.kind == "U" else _numbers(a) for a in columns.values()]
    table = pa.Table.from_arrays(arrays, names=list(columns)).replace_schema_metadata(metadata)
    pq.write_table(table, stream, compression="zstd", compression_level=9)


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """A regular file as pyarrow's `ParquetFile`, once its footer is checked.

    Raises:
        TableError: the file is no Parquet, is damaged, or claims more rows than its bytes can hold.
            The same error replaces those of pyarrow within the block.
    """
    import pyarrow.parquet as pq

    # pyarrow accepts only UTF-8 names, so the file is opened here
    with _stated(path), path.open("rb") as stream:
        footer = pq.read_metadata(stream)
        _check_rows(footer.num_rows, path)
        # texts stay a dictionary: a long text may be in every row
        paths = [footer.schema.column(place).path for place in range(footer.num_columns)]
        texts = [name for name in paths if name == "pairing"]
        with pq.ParquetFile(stream, metadata=footer, read_dictionary=texts) as file:
            yield file


def columns_in(file: Any) -> Columns:
    """The columns of an opened file; integers with missing values come as floats.

    Raises:
        TableError: two columns have one name, or a column has a type or a size that no table has.
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
    """Compare the claimed rows with the size of the file: memory is allocated by the claim."""
    most = ROWS_PER_BYTE * path.stat().st_size
    if not 0 <= claimed <= most:
        raise TableError(
            f"{shown(path)} is damaged: it claims {claimed:,} rows, and a file of its size holds "
            f"{most:,} at most: copy it again, or make it again with {COMPUTE}"
        )


def _check_kinds(schema: Any) -> None:
    """Refuse columns other than numbers and the texts of `pairing`; lists could take any memory."""
    from pyarrow import types

    for field in schema:
        kind = field.type.value_type if types.is_dictionary(field.type) else field.type
        if field.name == "pairing":
            fits = types.is_string(kind) or types.is_large_string(kind)
        else:
            fits = types.is_integer(field.type) or types.is_floating(field.type)
        if not fits:
            expected = "texts" if field.name == "pairing" else "numbers"
            raise TableError(
                f"its column {short(field.name)} has the type {short(field.type)}: expected "
                f"{expected}"
            )


def _check_sizes(footer: Any) -> None:
    """Refuse values that are larger than numbers and short texts, by the sizes in the footer."""
    # the sum of a group: pyarrow aborts the process for the sizes of some damaged columns
    groups = [footer.row_group(place) for place in range(footer.num_row_groups)]
    size = sum(group.total_byte_size for group in groups)
    most = BYTES_PER_VALUE * footer.num_rows * footer.num_columns + _FEW
    if size > most:
        raise TableError(
            f"its {footer.num_rows:,} rows take {size:,} bytes: expected at most {most:,}"
        )


@contextmanager
def _stated(path: Path) -> Iterator[None]:
    """Turn errors of pyarrow (damaged file) and of the system (unreadable) into TableError."""
    import pyarrow as pa

    damaged = f"{shown(path)} is damaged: copy it again, or make it again with {COMPUTE}"
    try:
        yield
    except OSError as error:  # errors of pyarrow itself have no errno
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
    """(distinct texts in order of first occurrence, index of each row's text among them)."""
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

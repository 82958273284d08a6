"""A table's columns and Parquet, without pandas.

`pyarrow.array` imports pandas to learn whether it was handed a series; arrays made of buffers are
the same and do not.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pk_engine.columns import Columns


def to_arrow(columns: Columns, metadata: dict[bytes, str]) -> Any:
    """A pyarrow table of the columns; texts become a dictionary, in the order they come in."""
    import pyarrow as pa

    arrays = [_texts(a) if a.dtype.kind == "U" else _numbers(a) for a in columns.values()]
    return pa.Table.from_arrays(arrays, names=list(columns)).replace_schema_metadata(metadata)


def from_arrow(table: Any) -> Columns:
    """The columns of a pyarrow table; one of whole numbers with gaps comes as floats."""
    return {name: _array(table[name]) for name in table.column_names}


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
        column = column.cast(column.type.value_type)
    found: NDArray[Any] = column.to_numpy()
    return found

"""Libraries that are wanted at the end, imported while the arithmetic runs.

Importing pandas and pyarrow takes a good part of what scoring GPT-2 small takes. Neither is needed
before the rows of a table are put together, so a command can import them on a thread of its own,
beside products that leave the interpreter free.
"""

import importlib
import threading

LIBRARIES = ("pandas", "pyarrow.parquet")


def import_early() -> threading.Thread:
    """Begin; a failure shows where the library is wanted, as without this."""
    thread = threading.Thread(target=_import_all, name="imports", daemon=True)
    thread.start()
    return thread


def _import_all() -> None:
    for name in LIBRARIES:
        importlib.import_module(name)

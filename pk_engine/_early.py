"""A library that is wanted at the end, imported while the arithmetic runs.

Importing pyarrow takes a good part of what scoring GPT-2 small takes. It is not needed before the
table is written, so a command can import it on a thread of its own, beside products that leave the
interpreter free.
"""

import importlib
import threading

WANTED = "pyarrow.parquet"


def import_early() -> threading.Thread:
    """Begin; a failure shows where the library is wanted, as without this."""
    thread = threading.Thread(
        target=importlib.import_module, args=(WANTED,), name="imports", daemon=True
    )
    thread.start()
    return thread

"""Files that are there whole or not at all."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any


@contextmanager
def beside(path: Path) -> Iterator[IO[Any]]:
    """A binary stream whose file takes the place of `path` when the block ends.

    It lies in the same folder until then, and is gone when the block fails: whoever reads `path`
    finds what was there before or what was written, and never a part. Permissions are those of any
    new file of the user.

    Raises:
        OSError: the folder is missing or cannot be written, or the disk is full.
    """
    with tempfile.NamedTemporaryFile(
        dir=path.parent, prefix=f".{path.name}.", delete=False
    ) as stream:
        name = Path(stream.name)
        try:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
            name.chmod(0o666 & ~_umask())
            name.replace(path)
        except BaseException:
            name.unlink(missing_ok=True)
            raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask

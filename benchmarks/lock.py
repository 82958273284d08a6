"""What requirements/ pins."""

import re
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement

FOLDER = Path(__file__).parents[1] / "requirements"


def pins(name: str) -> Iterator[tuple[Requirement, list[str]]]:
    """Each pinned requirement of a file, and the SHA-256 sums of its wheels and archives."""
    text = (FOLDER / name).read_text(encoding="utf-8").replace("\\\n", " ")
    for line in text.splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            pinned, *sums = re.split(r"\s+--hash=sha256:", line)
            yield Requirement(pinned.strip()), [value.strip() for value in sums]

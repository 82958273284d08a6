"""The version of headgraph, which tables and runs record; pyproject.toml reads it here."""

VERSION = "0.1.0"


def version_of(package: str) -> str:
    """The version of an installed package."""
    from importlib.metadata import (
        version,  # imported late, because it takes a tenth of the import time of scoring
    )

    return version(package)

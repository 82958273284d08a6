"""Which headgraph this is, as tables and runs record it; pyproject.toml reads it here."""

VERSION = "0.1.0"


def version_of(package: str) -> str:
    """The version of another package that is installed."""
    from importlib.metadata import version  # a tenth of the imports that scoring needs

    return version(package)

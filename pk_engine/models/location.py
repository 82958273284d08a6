"""From what a user types to a folder with a configuration and safetensors.

A model is the name of a bundled one (`induction-2l`), a local folder, or a hub id, which
`pk_engine.models.hub` fetches.
"""

import os
import stat
from pathlib import Path
from typing import Any, NamedTuple

from headgraph.base.documents import expanded, kind_of, read_json, reason, shown
from headgraph.base.text import printable, quoted
from headgraph.pk_engine.errors import ModelError
from headgraph.pk_engine.models.checkpoint.refusals import refuse_stand_in


class Located(NamedTuple):
    """Where a model is, and what a table records of that: its name, and the commit of a hub id."""

    folder: Path
    name: str
    commit: str | None


def locate(
    model: str | os.PathLike[str], revision: str | None = None, *, weights: bool = True
) -> Located:
    """Find a model, and fetch it if it is on the hub.

    Args:
        model: name of a bundled model, folder, or hub id.
        revision: branch, tag or commit of a hub id.
        weights: whether the weights are wanted too, or only config.json.

    Raises:
        ModelError: neither a bundled model, nor a folder with one, nor an id that the hub has; or
            the revision of something that has none.
    """
    local = _local(model)
    if local is None:
        from headgraph.pk_engine.models.hub.download import fetch

        folder, commit = fetch(os.fspath(model), revision, weights=weights)
        return Located(folder, os.fspath(model), commit)
    if revision is not None:
        raise ModelError(
            f"{shown(model)} is a folder here, which has no revision {quoted(revision)}: leave "
            "it out"
        )
    return Located(*local, None)


def _local(model: str | os.PathLike[str]) -> tuple[Path, str] | None:
    """(folder, name) of a bundled model or a folder; None for what may be a hub id."""
    from headgraph.pk_engine.bundled import MODELS, TABLES, model_path

    text = os.fspath(model)
    folder = expanded(text, problem=ModelError)
    mode = _mode(folder)
    if text in MODELS and mode is None:
        return model_path(text), text
    if text in TABLES and mode is None:
        raise ModelError(
            f"{text} is bundled as a table of scores, not as a model: headgraph load {text} puts "
            "it into Neo4j; the model itself is on the hub, as openai-community/gpt2"
        )
    if mode is not None and not stat.S_ISDIR(mode):
        what = "a file" if stat.S_ISREG(mode) else kind_of(mode)
        raise ModelError(f"{shown(folder)} is {what}: expected the folder that holds config.json")
    if mode is not None:
        if _mode(folder / "config.json") is None:
            raise ModelError(
                f"the folder {shown(folder)} holds no model: expected a config.json beside "
                "*.safetensors"
            )
        # a table keeps the name as UTF-8, which a folder's need not be
        return folder, printable(folder.resolve().name)
    looks_local = isinstance(model, Path) or text.startswith((".", "/", "~")) or text.count("/") > 1
    if looks_local:
        raise ModelError(
            f"no folder {shown(text)}: expected one with config.json and *.safetensors"
        )
    return None


def _mode(path: Path) -> int | None:
    """What is at a path, None where nothing is.

    Raises:
        ModelError: that cannot be found out.
    """
    try:
        return path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise ModelError(f"{shown(path)} cannot be read: {reason(error)}") from error


def read_config(folder: Path) -> dict[str, Any]:
    """The model's config.json.

    Raises:
        ModelError: it cannot be read as a JSON object.
    """
    path = folder / "config.json"
    try:
        config: dict[str, Any] = read_json(path, problem=ModelError)
    except ModelError:
        if path.is_file() and os.access(path, os.R_OK):
            refuse_stand_in(path, ModelError)
        raise
    return config

"""The folder of a model, which is given as a bundled name, a path or a hub id.

`pk_engine.models.hub` downloads a hub id.
"""

import os
import stat
from pathlib import Path
from typing import Any, NamedTuple

from headgraph.base.files.documents import expanded, kind_of, read_json, reason, shown
from headgraph.base.spelling import either
from headgraph.base.text import printable, quoted
from headgraph.pk_engine.errors import ModelError
from headgraph.pk_engine.models.checkpoint.refusals import refuse_stand_in


class Located(NamedTuple):
    """A model's folder, the name that a table records, and the commit of a hub id."""

    folder: Path
    name: str
    commit: str | None


def locate(
    model: str | os.PathLike[str], revision: str | None = None, *, weights: bool = True
) -> Located:
    """Find a model, and download it if it is on the hub.

    Args:
        model: name of a bundled model, folder, or hub id.
        revision: branch, tag or commit of a hub id.
        weights: whether to download the weights too, and not only config.json.

    Raises:
        ModelError: no bundled name, no folder with a model and no id of the hub; or a revision is
            given for a folder.
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
        loading = either(f"headgraph.load({text!r}, graph)", f"headgraph load {text}")
        raise ModelError(
            f"{text} is bundled as a table of scores, not as a model: {loading} puts it into "
            "Neo4j; the model itself is on the hub, as openai-community/gpt2"
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
        # a table stores the name as UTF-8, and a folder's name can be any bytes
        return folder, printable(folder.resolve().name)
    looks_local = isinstance(model, Path) or text.startswith((".", "/", "~")) or text.count("/") > 1
    if looks_local:
        raise ModelError(
            f"no folder {shown(text)}: expected one with config.json and *.safetensors"
        )
    return None


def _mode(path: Path) -> int | None:
    """The mode of what is at a path, None where nothing is.

    Raises:
        ModelError: the system does not say.
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
        ModelError: the file cannot be read as a JSON object.
    """
    path = folder / "config.json"
    try:
        config: dict[str, Any] = read_json(path, problem=ModelError)
    except ModelError:
        if path.is_file() and os.access(path, os.R_OK):
            refuse_stand_in(path, ModelError)
        raise
    return config

"""From what a user types to a folder with a configuration and safetensors.

A model is the name of a bundled one (`induction-2l`), a local folder, or a hub id, which
`pk_engine.hub` fetches.
"""

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

from pk_engine.errors import ModelError


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
        from pk_engine.hub import fetch

        folder, commit = fetch(os.fspath(model), revision, weights=weights)
        return Located(folder, os.fspath(model), commit)
    if revision is not None:
        raise ModelError(
            f"{os.fspath(model)} is a folder here, which has no revision {revision!r}: leave it out"
        )
    return Located(*local, None)


def _local(model: str | os.PathLike[str]) -> tuple[Path, str] | None:
    """(folder, name) of a bundled model or a folder; None for what may be a hub id."""
    from pk_engine.bundled import MODELS, TABLES, model_path

    text = os.fspath(model)
    folder = Path(text).expanduser()
    if text in MODELS and not folder.exists():
        return model_path(text), text
    if text in TABLES and not folder.exists():
        raise ModelError(
            f"{text} is bundled as a table of scores, not as a model: headgraph load {text} puts "
            "it into Neo4j; the model itself is on the hub, as openai-community/gpt2"
        )
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise ModelError(
                f"the folder {folder} holds no model: wanted a config.json beside *.safetensors"
            )
        return folder, folder.resolve().name
    if folder.exists():
        raise ModelError(f"{folder} is a file: wanted the folder that holds config.json")
    looks_local = isinstance(model, Path) or text.startswith((".", "/", "~")) or text.count("/") > 1
    if looks_local:
        raise ModelError(f"no folder {text}: wanted one with config.json and *.safetensors")
    return None


def read_config(folder: Path) -> dict[str, Any]:
    """The model's config.json.

    Raises:
        ModelError: it cannot be read as a JSON object.
    """
    try:
        config = json.loads((folder / "config.json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{folder / 'config.json'} cannot be read as JSON: {error}") from error
    if not isinstance(config, dict):
        raise ModelError(f"{folder / 'config.json'} holds no JSON object")
    return config

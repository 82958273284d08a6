"""From what a user types to a folder with a configuration and safetensors.

A model is the name of a bundled one (`induction-2l`), a local folder, or a hub id. From the hub
only the configuration and the safetensors are fetched; no code of a repository is ever run.
"""

import json
import os
from pathlib import Path
from typing import Any

from pk_engine.errors import ModelError

PATTERNS = ["config.json", "*.safetensors", "model.safetensors.index.json"]


def locate(model: str | os.PathLike[str], revision: str | None = None) -> tuple[Path, str]:
    """(folder, name) of a model; the name is what a table records.

    Raises:
        ModelError: neither a bundled model, nor a folder with one, nor an id that the hub has.
    """
    from pk_engine.bundled import MODELS, model_path

    text = os.fspath(model)
    folder = Path(text).expanduser()
    if text in MODELS and not folder.exists():
        return model_path(text), text
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
    return _download(text, revision), text


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


def _download(model: str, revision: str | None) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(model, revision=revision, allow_patterns=PATTERNS))
    except HFValidationError:
        raise ModelError(
            f"{model!r} is no folder and no hub id: wanted a folder with config.json, or an id "
            "such as openai-community/gpt2"
        ) from None
    except LocalEntryNotFoundError:
        raise ModelError(
            f"{model!r} is no folder here, and the hub could not be reached to look for it: check "
            "the name, or give the path of a folder that holds the model"
        ) from None
    except HfHubHTTPError as error:
        first = str(error).strip().splitlines()[0]
        raise ModelError(f"the hub does not give {model!r}: {first}") from error
    except OSError as error:
        raise ModelError(f"{model!r} could not be fetched from the hub: {error}") from error

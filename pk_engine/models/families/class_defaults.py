"""What transformers' configuration classes say of a model type, a line for each.

`python -m benchmarks.architectures` writes the files.
"""

import json
import tomllib
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent


def row_of(name: str, model_type: object) -> dict[str, Any]:
    """The line for a model type of a file with a line for each; empty without one."""
    if not isinstance(model_type, str):
        return {}
    lines = (FOLDER / name).read_text("utf-8").splitlines()
    start = f"{json.dumps(model_type)} = "
    found = next((line for line in lines if line.startswith(start)), "")
    return dict(tomllib.loads(found).get(model_type, {})) if found else {}


def why_refused(model_type: object) -> str:
    """Why no family describes a model type, where its attention is of another kind; or empty."""
    return str(row_of("_refused.toml", model_type).get("reason", ""))


def class_defaults(model_type: object) -> dict[str, Any]:
    """What the configuration class of a model type uses for absent keys, where it is read here."""
    return row_of("_defaults.toml", model_type)

"""Open a model to run it; a folder that lacks tensors is refused, never run on random ones."""

import os
from pathlib import Path
from typing import Any

from headgraph.analysis.errors import RunningError
from headgraph.pk_engine.errors import INSTALL_LENS, WeightsError
from headgraph.pk_engine.models.checkpoint.tensor_files import TensorFiles
from headgraph.pk_engine.models.location import locate, read_config


def open_model(model: Any, revision: str | None = None) -> Any:
    """A TransformerBridge in float32 that is ready to run, with a tokenizer where there is one.

    Args:
        model: folder, bundled model's name or hub id; a bridge comes back as it is.
        revision: branch, tag or commit of a hub id.

    Raises:
        RunningError: torch or TransformerLens is missing, or the folder lacks tensors.
        ModelError: an architecture that transformers or TransformerLens does not know.
    """
    if not isinstance(model, str | os.PathLike):
        return model
    try:
        import transformer_lens.model_bridge.sources  # noqa: F401

        from headgraph.pk_engine.models.lens._network import (
            network_bridge,  # its imports are inside
        )
    except ImportError as error:
        raise RunningError(
            f"running a model needs torch and TransformerLens, which cannot be imported ({error}): "
            f"{INSTALL_LENS}"
        ) from None
    folder, name, _ = locate(model, revision)
    TensorFiles(folder)  # says what is wrong with the files before anything is built
    try:
        bridge = network_bridge(folder, name, read_config(folder), "float32")
    except WeightsError as error:
        raise RunningError(
            f"{name} cannot be run: {str(error).partition(';')[0]}; scores alone need no more than "
            "its attention weights"
        ) from error
    bridge.eval()
    bridge.tokenizer = _tokenizer(folder)
    return bridge


def _tokenizer(folder: Path) -> Any:
    """The folder's tokenizer, or None where it has no tokenizer.json."""
    if not (folder / "tokenizer.json").is_file():
        return None
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder, trust_remote_code=False)

"""Open a model to run it, and turn text into its tokens.

A folder that lacks tensors is refused, since TransformerLens would fill them with random numbers.
"""

import os
from pathlib import Path
from typing import Any

from headgraph.analysis.errors import PatchingError, RunningError
from headgraph.base.spelling import argument
from headgraph.base.text import listed, quoted
from headgraph.pk_engine.errors import INSTALL_LENS, ModelError, WeightsError
from headgraph.pk_engine.models.checkpoint.tensor_files import TensorFiles
from headgraph.pk_engine.models.families.catalogue import family_of
from headgraph.pk_engine.models.location import locate, read_config


def open_model(model: Any, revision: str | None = None) -> Any:
    """A TransformerBridge in float32 that is ready to run, with a tokenizer where there is one.

    Args:
        model: folder, bundled model's name or hub id; a bridge comes back as it is.
        revision: branch, tag or commit of a hub id.

    Raises:
        RunningError: torch or TransformerLens is missing, the folder lacks tensors, or the model
            has more than one stack of layers.
        ModelError: an architecture that transformers or TransformerLens does not know.
    """
    if not isinstance(model, str | os.PathLike):
        return model
    try:
        import transformer_lens.model_bridge.sources  # noqa: F401

        # this module imports torch inside its functions
        from headgraph.pk_engine.models.lens._network import network_bridge
        from headgraph.pk_engine.models.lens.boot import check_plain
    except ImportError as error:
        raise RunningError(
            f"running a model needs torch and TransformerLens, which cannot be imported ({error}): "
            f"{INSTALL_LENS}"
        ) from None
    folder, name, _, adapter, _ = locate(model, revision)
    check_plain(folder, adapter)
    config = read_config(folder)
    _check_stacks(name, config)
    TensorFiles(folder)  # says what is wrong with the files before anything is built
    try:
        bridge = network_bridge(folder, name, config, "float32")
    except WeightsError as error:
        raise RunningError(
            f"{name} cannot be run: {error.message.marked.partition(';')[0]}; scores need only "
            "its attention weights"
        ) from error
    bridge.eval()
    bridge.tokenizer = _tokenizer(folder)
    return bridge


def _check_stacks(name: str, config: dict[str, Any]) -> None:
    """Refuse models whose heads are not all of one stack of layers, or not in each layer."""
    try:
        shape = family_of(config).shape(config)
    except ModelError:  # TransformerLens may know it
        return
    names = [layer.name for layer in shape.layers]
    if names != [f"L{layer}" for layer in range(shape.n_layers)]:
        raise RunningError(
            f"{name} has attention heads in {listed(names, 4)} and not in one stack of layers with "
            "heads in each: expected such a model, as GPT-2 is; scores need only its weights"
        )


def _tokenizer(folder: Path) -> Any:
    """The folder's tokenizer, or None where it has no tokenizer.json."""
    if not (folder / "tokenizer.json").is_file():
        return None
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder, trust_remote_code=False)


def first_token(model: Any) -> int | None:
    """The beginning-of-sequence token, or None if the model has none."""
    return special_token(model, "bos_token_id")


def special_token(model: Any, name: str) -> int | None:
    """A special token from the model's own config; TransformerLens makes up others."""
    number = getattr(getattr(model.original_model, "config", None), name, None)
    known = isinstance(number, int) and 0 <= number < model.cfg.d_vocab
    return number if known else None


def tokens_of(model: Any, text: str) -> list[int]:
    """Token numbers of a text, without a beginning-of-sequence token.

    Raises:
        PatchingError: the model has no tokenizer, or the text is not valid UTF-8.
    """
    if getattr(model, "tokenizer", None) is None:
        raise PatchingError(
            "the model has no tokenizer to read text with: give a file of token numbers with "
            f"{argument('prompts', 'FILE')}"
        )
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise PatchingError(
            f"the text holds {quoted(text[error.start])}, half of a character: give it in UTF-8"
        ) from error
    return list(model.tokenizer(text, add_special_tokens=False)["input_ids"])

"""A folder or hub id through TransformerLens, for what no family file describes.

transformers builds the network and TransformerLens says which of its matrices are which. No code of
a checkpoint is run, nothing is fetched but configuration and weights, and no tokenizer is needed.

`TransformerBridge.boot_transformers` is not used: it leaves tensors that a folder lacks random
without a word, wants a tokenizer, and for models with images installs packages. The network is
built here by the same steps, and the loader's own report says what was missing.
"""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pk_engine.errors import ModelError, WeightsError
from pk_engine.family import Norm
from pk_engine.folding import check_folding
from pk_engine.lens import BridgeWeights, Lens, check_settings, first_line
from pk_engine.source import locate, read_config
from pk_engine.tensorfiles import TensorFiles

KINDS = {"BF16": "bfloat16", "F16": "float16"}
NORMS = {"LN": "LayerNorm", "LNPre": "LayerNorm", "RMS": "RMSNorm", "RMSPre": "RMSNorm"}


def boot(
    model: str | os.PathLike[str],
    revision: str | None = None,
    *,
    fold_ln: bool = False,
    center_writing: bool = False,
) -> BridgeWeights:
    """Read a model through TransformerLens.

    Args:
        model: name of a bundled model, folder, or hub id.
        revision: branch, tag or commit of a hub id.
        fold_ln: let TransformerLens fold the norm before attention into Q, K and V.
        center_writing: let it take the mean over d_model from what is written.

    Raises:
        ModelError: TransformerLens is not installed, does not know the architecture, or does not
            do what is asked; the architecture needs code of the checkpoint's own.
        WeightsError: the folder lacks tensors that the network has.
    """
    _require_lens()
    folder, name, commit = locate(model, revision)
    config = read_config(folder)
    check_settings(config)
    asked = fold_ln, center_writing
    bridge = _bridge(folder, name, config, "float32" if any(asked) else _dtype(folder))
    weights = BridgeWeights(bridge, name=name, revision=commit)
    return _process(bridge, weights, fold_ln, center_writing) if any(asked) else weights


def _require_lens() -> None:
    try:
        import transformer_lens.model_bridge.sources  # noqa: F401
    except ImportError as error:
        raise ModelError(
            f"--via transformer-lens needs torch and TransformerLens, which cannot be imported "
            f"({first_line(error)}): pip install 'headgraph[lens]'"
        ) from None


def _dtype(folder: Path) -> str:
    """The narrowest type that holds the tensors as they are stored."""
    kinds = TensorFiles(folder).kinds()
    return KINDS.get(kinds.pop(), "float32") if len(kinds) == 1 else "float32"


def _bridge(folder: Path, name: str, config: dict[str, Any], dtype: str) -> Any:
    import torch
    from transformer_lens.model_bridge.sources import build_bridge_from_module

    with _quiet():
        architecture, settings = _architecture(folder, config)
        network = _network(folder, architecture, settings, getattr(torch, dtype))
        try:
            return build_bridge_from_module(
                network, architecture, hf_config=network.config, model_name=name
            )
        except Exception as error:  # an adapter raises whatever it stumbled over
            raise ModelError(
                f"TransformerLens cannot wrap the {architecture} in {folder}: {first_line(error)}"
            ) from error


def _architecture(folder: Path, config: dict[str, Any]) -> tuple[str, Any]:
    """TransformerLens's name of what is in a folder, and its configuration for transformers."""
    from transformer_lens.model_bridge.sources.transformers import (
        determine_architecture_from_hf_config,
    )
    from transformers import AutoConfig

    what = f"{config.get('model_type')!r} ({', '.join(config.get('architectures') or ['?'])})"
    try:
        settings = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    except Exception as error:
        if "auto_map" in config:
            raise ModelError(
                f"the model in {folder} needs Python code that comes with it (auto_map in "
                f"config.json) because transformers has no {what}, and such code is never run"
            ) from None
        raise ModelError(
            f"transformers cannot use {folder / 'config.json'}, a {what}: {first_line(error)}"
        ) from error
    try:
        return determine_architecture_from_hf_config(settings), settings
    except ValueError:
        raise ModelError(
            f"TransformerLens knows no architecture {what}, which config.json in {folder} names"
        ) from None


def _network(folder: Path, architecture: str, settings: Any, dtype: Any) -> Any:
    from transformer_lens.model_bridge.sources.transformers import (
        get_hf_model_class_for_architecture,
    )

    try:
        network, report = get_hf_model_class_for_architecture(architecture).from_pretrained(
            folder,
            config=settings,
            dtype=dtype,
            attn_implementation="eager",
            trust_remote_code=False,
            output_loading_info=True,
        )
    except Exception as error:
        raise ModelError(
            f"transformers cannot load the {architecture} in {folder}: {first_line(error)}"
        ) from error
    if missing := sorted(report["missing_keys"]):
        raise WeightsError(
            f"the weights in {folder} lack {len(missing)} tensors of the {architecture}, which "
            f"would be random: {', '.join(missing[:4])}{' ...' if len(missing) > 4 else ''}; "
            "attention weights alone can be read without --via, if a family describes them"
        )
    return network


def _process(
    bridge: Any, weights: BridgeWeights, fold_ln: bool, center_writing: bool
) -> BridgeWeights:
    """The same weights after TransformerLens folded and centred them, and what they were before."""
    kind = NORMS.get(bridge.cfg.normalization_type, "none")
    check_folding(Lens().name, Norm(kind), fold_ln=fold_ln, center_writing=center_writing)
    raw = [
        {role: matrix.copy() for role, matrix in weights.raw_layer(layer).items()}
        for layer in range(weights.shape.n_layers)
    ]
    with warnings.catch_warnings():
        # it warns where it leaves something undone; below is seen what was done
        warnings.simplefilter("ignore")
        try:
            bridge.process_weights(
                fold_ln=fold_ln,
                center_writing_weights=center_writing,
                center_unembed=False,
                fold_value_biases=False,
            )
        except Exception as error:
            raise _undone(weights.name, bridge, first_line(error)) from error
    done = BridgeWeights(bridge, name=weights.name, revision=weights.revision, raw=raw)
    if (fold_ln and not done.fold_ln) or (center_writing and not done.center_writing):
        raise _undone(weights.name, bridge, "its norms stand elsewhere or cannot be folded")
    return done


def _undone(name: str, bridge: Any, why: str) -> ModelError:
    return ModelError(
        f"TransformerLens does not fold or centre the weights of {name}, a "
        f"{bridge.cfg.architecture} ({why}): leave --fold-ln and --center-writing out"
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """No bars and no reports of transformers; what matters of them is stated by an error."""
    from transformers.utils import logging

    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()

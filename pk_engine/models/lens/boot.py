"""A folder or hub id read through TransformerLens, for models that no family file describes.

transformers builds the network and TransformerLens finds its matrices. No code of a checkpoint
runs, only configuration and weights are fetched, and no tokenizer is needed.
"""

import os
import warnings
from pathlib import Path
from typing import Any

from headgraph.base.files.documents import shown
from headgraph.base.spelling import argument
from headgraph.pk_engine.errors import INSTALL_LENS, ModelError, UnknownFamily
from headgraph.pk_engine.models.checkpoint.adapter_settings import AdapterFolder
from headgraph.pk_engine.models.checkpoint.gguf_file import is_gguf
from headgraph.pk_engine.models.checkpoint.refusals import refuse_adapter, refuse_adapter_tensors
from headgraph.pk_engine.models.checkpoint.tensor_files import FLOATS, TensorFiles
from headgraph.pk_engine.models.families.catalogue import family_of
from headgraph.pk_engine.models.folding import Norm, check_folding
from headgraph.pk_engine.models.lens._network import network_bridge
from headgraph.pk_engine.models.lens.weights import BridgeWeights, Lens, check_settings, first_line
from headgraph.pk_engine.models.location import locate, read_config

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
        center_writing: let it subtract the mean over d_model from O.

    Raises:
        ModelError: TransformerLens is not installed, does not know the architecture, or does not
            do what is asked; the architecture needs code of the checkpoint's own.
        WeightsError: the folder lacks tensors that the network has.
    """
    _require_lens()
    folder, name, commit, adapter, _ = locate(model, revision)
    check_plain(folder, adapter)
    config, asked = read_config(folder), (fold_ln, center_writing)
    check_settings(config)
    refuse_adapter(folder)
    _check_family(config, fold_ln, center_writing)
    stored = _dtype(folder)
    # folded matrices are rounded to the type of the network
    bridge = network_bridge(folder, name, config, "float32" if any(asked) else stored)
    weights = BridgeWeights(bridge, name=name, revision=commit, folder=folder)
    return _process(bridge, weights, fold_ln, center_writing) if any(asked) else weights


def check_plain(folder: Path, adapter: AdapterFolder | None) -> None:
    """Refuse what only `pk_engine.models.weights` reads: GGUF, and a folder with an adapter.

    Raises:
        ModelError: it does.
    """
    if is_gguf(folder):
        raise ModelError(
            f"{shown(folder)} is a GGUF file, which TransformerLens does not read: give the folder "
            "of the original model"
        )
    if adapter is not None:
        raise ModelError(
            f"the folder {shown(adapter.folder)} holds an adapter, which TransformerLens does not "
            "merge: merge it into its model first (merge_and_unload in peft)"
        )


def _require_lens() -> None:
    try:
        import transformer_lens.model_bridge.sources  # noqa: F401
    except ImportError as error:
        raise ModelError(
            f"{argument('via', 'transformer-lens')} needs torch and TransformerLens, which cannot "
            f"be imported ({first_line(error)}): {INSTALL_LENS}"
        ) from None


def _check_family(config: dict[str, Any], fold_ln: bool, center_writing: bool) -> None:
    """Refuse folding by the family file, where one describes the model too."""
    try:
        family = family_of(config).for_model(config)
    except UnknownFamily:
        return
    check_folding(family.name, family.norm, fold_ln=fold_ln, center_writing=center_writing)


def _dtype(folder: Path) -> str:
    """The narrowest type that holds the tensors as they are stored."""
    files = TensorFiles(folder)
    refuse_adapter_tensors(files)
    kinds = files.kinds() & FLOATS  # the others are masks and positions
    return KINDS.get(kinds.pop(), "float32") if len(kinds) == 1 else "float32"


def _process(
    bridge: Any, weights: BridgeWeights, fold_ln: bool, center_writing: bool
) -> BridgeWeights:
    """The weights as TransformerLens folded and centred them, with the raw layers kept."""
    kind = NORMS.get(bridge.cfg.normalization_type, "none")
    check_folding(Lens().name, Norm(kind), fold_ln=fold_ln, center_writing=center_writing)
    raw = [
        {role: matrix.copy() for role, matrix in weights.raw_layer(layer).items()}
        for layer in range(weights.shape.n_layers)
    ]
    with warnings.catch_warnings():
        # TransformerLens warns of what it leaves undone, which is checked below, and torch of
        # numbers taken from parameters
        warnings.simplefilter("ignore", UserWarning)
        try:
            bridge.process_weights(
                fold_ln=fold_ln,
                center_writing_weights=center_writing,
                center_unembed=False,
                fold_value_biases=False,
            )
        except Exception as error:
            raise _undone(weights.name, bridge, first_line(error)) from error
    done = BridgeWeights(
        bridge, name=weights.name, revision=weights.revision, raw=raw, folder=weights.folder
    )
    if (fold_ln and not done.fold_ln) or (center_writing and not done.center_writing):
        raise _undone(weights.name, bridge, "its norms stand elsewhere or cannot be folded")
    return done


def _undone(name: str, bridge: Any, why: str) -> ModelError:
    return ModelError(
        f"TransformerLens does not fold or centre the weights of {name} "
        f"({bridge.cfg.architecture}; {why}): leave {argument('fold_ln')} and "
        f"{argument('center_writing')} out"
    )

"""Opens the source of a model's weights: its files or TransformerLens."""

import os

from headgraph.base.names import VIA
from headgraph.base.spelling import argument
from headgraph.base.text import quoted
from headgraph.pk_engine.errors import EngineError
from headgraph.pk_engine.models.interface import Model, Weights


def open_weights(
    model: Model,
    revision: str | None = None,
    *,
    via: str = "files",
    fold_ln: bool = False,
    center_writing: bool = False,
    tower: str | None = None,
) -> Weights:
    """Open the source of a model's weights.

    Raises:
        ModelError: the model cannot be read.
        EngineError: `via` is unknown, or a tower is given for what is not read from files.
    """
    if via not in VIA:
        raise EngineError(f"unknown via {quoted(via)}: expected {' or '.join(VIA)}")
    if tower is not None and (via != "files" or not isinstance(model, str | os.PathLike)):
        raise EngineError(
            f"{argument('tower', tower)}: TransformerLens holds one tower only; leave it out"
        )
    if not isinstance(model, str | os.PathLike):
        from headgraph.pk_engine.models.lens.weights import of_bridge

        return of_bridge(model, revision, fold_ln=fold_ln, center_writing=center_writing)
    if via == "transformer-lens":
        from headgraph.pk_engine.models.lens.boot import boot

        return boot(model, revision, fold_ln=fold_ln, center_writing=center_writing)
    from headgraph.pk_engine.models.weights import ModelWeights

    return ModelWeights(
        model, revision, fold_ln=fold_ln, center_writing=center_writing, tower=tower
    )

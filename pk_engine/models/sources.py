"""Opens the source of a model's weights: its files or TransformerLens."""

import os

from headgraph.base.names import VIA
from headgraph.base.spelling import argument
from headgraph.base.text import quoted, short
from headgraph.pk_engine.errors import EngineError
from headgraph.pk_engine.models.interface import Model, Weights


def open_weights(
    model: Model,
    revision: str | None = None,
    *,
    via: str = "files",
    fold_ln: bool = False,
    center_writing: bool = False,
    variant: str | None = None,
    adapter: str | os.PathLike[str] | None = None,
    tower: str | None = None,
) -> Weights:
    """Open the source of a model's weights.

    Raises:
        ModelError: the model cannot be read.
        EngineError: `via` is unknown, or a variant, an adapter or a tower is given for what is
            read through TransformerLens.
    """
    if via not in VIA:
        raise EngineError(f"unknown via {quoted(via)}: expected {' or '.join(VIA)}")
    for option, given in (("variant", variant), ("adapter", adapter), ("tower", tower)):
        if given is not None and (via != "files" or not isinstance(model, str | os.PathLike)):
            what = argument(option, short(str(given)))
            raise EngineError(
                f"{what}: it applies to files only; leave it out, or leave out {argument('via')}"
            )
    if not isinstance(model, str | os.PathLike):
        from headgraph.pk_engine.models.lens.weights import of_bridge

        return of_bridge(model, revision, fold_ln=fold_ln, center_writing=center_writing)
    if via == "transformer-lens":
        from headgraph.pk_engine.models.lens.boot import boot

        return boot(model, revision, fold_ln=fold_ln, center_writing=center_writing)
    from headgraph.pk_engine.models.weights import ModelWeights

    return ModelWeights(
        model, revision, fold_ln=fold_ln, center_writing=center_writing, variant=variant,
        adapter=adapter, tower=tower,
    )  # fmt: skip

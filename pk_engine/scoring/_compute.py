"""`compute`: from a model to its table of scores."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial as bound
from pathlib import Path
from typing import TYPE_CHECKING

from headgraph.base.names import GRAPH_PAIRINGS, parse_pairings
from headgraph.base.progress import Progress
from headgraph.base.spelling import argument
from headgraph.base.text import listed, quoted, together
from headgraph.base.version import VERSION
from headgraph.pk_engine.errors import EngineError
from headgraph.pk_engine.linalg.backends import MEMORY, Backend, choose
from headgraph.pk_engine.metrics import registry
from headgraph.pk_engine.metrics.decoys import DIRECTED
from headgraph.pk_engine.metrics.layer_order import check_order
from headgraph.pk_engine.metrics.random_reference import reference_mean, reference_sd
from headgraph.pk_engine.metrics.registry import METRICS
from headgraph.pk_engine.models.interface import Model, Weights
from headgraph.pk_engine.models.shape import ModelShape
from headgraph.pk_engine.models.sources import open_weights
from headgraph.pk_engine.models.towers import named
from headgraph.pk_engine.nulls.columns import add_nulls, check_arithmetic, check_nulls
from headgraph.pk_engine.planning import costs
from headgraph.pk_engine.scoring.finishing import write_table
from headgraph.pk_engine.scoring.job import Job, facts, rows
from headgraph.pk_engine.scoring.resume import State
from headgraph.pk_engine.scoring.spec import Spec
from headgraph.pk_engine.table.affinity import AffinityTable, table_file
from headgraph.pk_engine.table.columns import Columns, taken
from headgraph.pk_engine.table.layers import layer_data
from headgraph.pk_engine.table.meta import TableMeta
from headgraph.pk_engine.table.selection import Selection, is_number, shown_argument

if TYPE_CHECKING:
    from distributed import Client

DEFAULT_SELECTION = Selection(top_percent=3)
Chooser = Callable[[str, str | None, str, float], tuple[Backend, float]]
"""The backend, and gigabytes that factors may take there by default, for the arguments of `compute`
and the operations of the kernel."""


def compute(
    model: Model,
    *,
    pairings: Sequence[str] | str = GRAPH_PAIRINGS,
    metrics: Sequence[str] | str = ("pk",),
    selection: Selection | None = None,
    kv: str | None = None,
    layer_order: str = "forward",
    decoys: bool = True,
    fold_ln: bool = False,
    center_writing: bool = False,
    via: str = "files",
    tower: str | None = None,
    backend: str = "auto",
    device: str | None = None,
    dtype: str = "float32",
    memory: float | None = None,
    revision: str | None = None,
    variant: str | None = None,
    adapter: str | os.PathLike[str] | None = None,
    name: str | None = None,
    seed: int | None = None,
    samples: int | None = None,
    progress: Progress | None = None,
    output: str | os.PathLike[str] | None = None,
    partial: str | os.PathLike[str] | None = None,
    force: bool = False,
    client: Client | None = None,
) -> AffinityTable:
    """Score every pair of heads; by default, pairs whose source layer is before the target layer.

    PK = ||U^T U'||_F^2 and z = (PK - r s / d) / sd of the random reference for these ranks.

    Args:
        model: a bundled model's name, a folder with config.json and safetensors, a GGUF file, a
            folder with a LoRA adapter, a hub id, or a TransformerBridge, which is scored as it is
            in memory (`pk_engine.models.lens.weights`).
        pairings: such as `("OQ", "OK")`, `"OQ,OK"` or `"all"`: source role, then target role.
        metrics: such as `("pk", "cs")` or `"pk,cs"`; `pk` is always computed. See
            `pk_engine.metrics.registry` for the others. `cs` gives a row per query head.
        selection: what to keep, by default the strongest 3 % of each pairing; `Selection()` keeps
            all pairs.
        kv: `native` scores each key/value head once, `expand` gives a row per query head. None is
            native unless a metric exists per query head only.
        layer_order: `forward`, `all`, or `within` a layer. Two heads in the same role are one pair.
        decoys: score backward pairs too, and give each row `decoys` and `decoy_q`
            (`pk_engine.metrics.decoys`). Only OQ, OK and OV in forward order have decoys.
        fold_ln: fold the norm before attention into Q, K and V.
        center_writing: subtract the mean over d_model from what heads write.
        via: `files`, or `transformer-lens` for models that no family file describes.
        tower: `language` or `vision` of a model of several parts, by default language.
        backend: `numpy`, `torch`, or `auto` (`pk_engine.linalg.backends`).
        device: `cpu`, `cuda`, `cuda:N` or `mps`; by default the fastest that the backend has.
        dtype: `float32`, whose error of PK is under 1e-4, or `float64`.
        memory: gigabytes that factors may take, by default 2, or half of a CUDA device's memory.
            Less memory means more passes over the files.
        revision: branch, tag or commit of a hub id.
        variant: such as fp16, for model.fp16.safetensors beside other weights in the folder.
        adapter: folder or hub id of a LoRA adapter, merged into Q, K, V and O while they are read.
            A folder that holds only an adapter can be the model, if its base is a folder or on the
            hub.
        name: name of the model in the table; by default the hub id or the folder's name.
        seed: random seed for the selection's null models, 0 by default. Requires a null model.
        samples: number of samples for a null model, in its own unit; see `pk_engine.nulls`.
        progress: called with the current step, how much of it is done, and its total.
        output: file to write the table to as well, before `partial` is removed.
        partial: file for the results so far, if layers are compared in groups, by default
            `OUTPUT.partial`. After an interruption the same call resumes from this file. It is
            removed at the end.
        force: replace an existing `output`, and a `partial` of another call, which are otherwise
            refused.
        client: a `distributed.Client`: its workers score the groups of layers. They read the model
            from the same folder, or download it. Of null models, they compute what grows with the
            pairs (`pk_engine.nulls`).

    Returns:
        The table; `table.meta.deficient` lists matrices of less than full rank,
        `table.meta.decoys` has the share of decoys among the rows of each pairing, and
        `table.meta.heads` the copying and self-overlap of each head. `table.meta.origin` says how
        the weights were stored, where that is not plain.

    Raises:
        ModelError, WeightsError, UnknownFamily: the model cannot be read.
        EngineError: an unknown pairing, metric, kv, layer order, via, backend or device; a
            selection of another type; max_decoy without decoys; seed or samples without a null
            model; a null model with a backend, device or dtype that it does not support; a
            `partial` of another call; no worker that has these weights and this version of
            headgraph; or a group that failed three times.
        OutputExists: `output` is there and `force` is false.
        TableError: `output` cannot be written.

    Example:
        >>> table = compute("induction-2l", selection=Selection(top=1))
        >>> table.frame.pairing.tolist()
        ['OQ', 'OK', 'OV']
    """
    state_file = None if partial is None else Path(partial)
    if output is not None:
        state_file = state_file or Path(f"{output}.partial")
        # a killed command may have written it, and left the other; `scored` knows
        output = table_file(output, force=force or state_file.is_file())
    spec, selection = prepared(
        model, pairings=pairings, metrics=metrics, selection=selection, kv=kv,
        layer_order=layer_order, decoys=decoys, fold_ln=fold_ln, center_writing=center_writing,
        via=via, tower=tower, backend=backend, device=device, dtype=dtype, memory=memory,
        revision=revision, variant=variant, adapter=adapter, seed=seed, samples=samples,
        progress=progress, client=client,
    )  # fmt: skip
    job = Job(spec, progress, output, state_file, force, client)
    with job.scored() as (state, fingerprint, key):
        meta = meta_of(spec, state, fingerprint, name)
        columns = rows(state, spec.weights.shape, spec.kv, spec.selection)
        if selection.nulls:
            whole = add_nulls(AffinityTable(columns, meta), spec.weights, selection.nulls,
                              seed=seed or 0, samples=samples, progress=progress,
                              memory=MEMORY if memory is None else memory,
                              client=client)  # fmt: skip
            table = whole.select(selection)
        else:
            table = kept_table(columns, meta, selection)
        if output is not None:
            write_table(table, output, state_file if key else None, force=force)
    return table


def prepared(
    model: Model,
    *,
    pairings: Sequence[str] | str,
    metrics: Sequence[str] | str,
    selection: Selection | None,
    kv: str | None,
    layer_order: str,
    decoys: bool,
    fold_ln: bool,
    center_writing: bool,
    via: str,
    tower: str | None,
    backend: str,
    device: str | None,
    dtype: str,
    memory: float | None,
    revision: str | None,
    variant: str | None,
    adapter: str | os.PathLike[str] | None,
    seed: int | None,
    samples: int | None,
    progress: Progress | None,
    client: Client | None,
) -> tuple[Spec, Selection]:
    """The spec of a job, and the rules for its table; arguments and errors as for `compute`.

    The spec keeps all pairs if the rules need null models.
    """
    pairings, metrics = check_options(pairings, metrics, kv, layer_order)
    selection = _rules(selection)
    check_nulls(selection.nulls, layer_order, samples, seed)
    check_arithmetic(selection.nulls, backend, device, dtype)
    weights = open_weights(model, revision, via=via, fold_ln=fold_ln,
                           center_writing=center_writing, variant=variant, adapter=adapter,
                           tower=tower)  # fmt: skip
    chooser = _here if client is None else _on(client, progress)
    spec = spec_of(weights, pairings, metrics, kv, layer_order, backend, device, dtype, memory,
                   decoys=decoys, chooser=chooser)  # fmt: skip
    # Benjamini-Hochberg needs every pair
    spec = replace(spec, selection=Selection() if selection.nulls else selection)
    check_decoys(selection, spec)
    return spec, selection


def kept_table(columns: Columns, meta: TableMeta, selection: Selection) -> AffinityTable:
    """The table of what a selection keeps, once `job.rows` applied its rules on ranks."""
    kept = taken(columns, selection.keep(columns, meta.scored))
    return AffinityTable(kept, meta.selected(selection.to_json()))


def check_decoys(selection: Selection, spec: Spec) -> None:
    """Raise EngineError if the selection needs decoys that are not scored."""
    lacks = [pairing for pairing in spec.pairings if pairing not in spec.decoy_pairings]
    if selection.max_decoy is not None and lacks:
        raise EngineError(
            f"{argument('max_decoy', selection.max_decoy)}: there are no decoys of "
            f"{together(lacks)} here; expected pairings out of {', '.join(DIRECTED)}, "
            f"{argument('layer_order', 'forward')} and {argument('decoys', True)}"
        )


def _unicode(name: str) -> str:
    """The name with escapes for bytes that are not UTF-8, which databases and Parquet refuse."""
    return name.encode(errors="backslashreplace").decode()


def _rules(selection: Selection | None) -> Selection:
    if selection is None:
        return DEFAULT_SELECTION
    if not isinstance(selection, Selection):
        raise EngineError(
            f"selection is {quoted(selection)}: expected rules such as Selection(top=100), "
            "Selection() for all pairs, or None for the strongest 3 % of each pairing"
        )
    return selection


def check_options(
    pairings: Sequence[str] | str,
    metrics: Sequence[str] | str,
    kv: str | None,
    layer_order: str,
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Pairings and metrics in canonical order; arguments as for `compute`.

    Raises:
        EngineError: an unknown pairing, metric, kv or layer order.
    """
    found = parse_pairings(pairings)
    if kv not in (None, "native", "expand"):
        raise EngineError(f"unknown kv {quoted(kv)}: expected native or expand")
    check_order(layer_order)
    named = metrics.split(",") if isinstance(metrics, str) else metrics
    return found, registry.check_metrics(named, found)


def _here(backend: str, device: str | None, dtype: str, work: float) -> tuple[Backend, float]:
    chosen = choose(backend, device, dtype, operations=work)
    return chosen, chosen.memory()


def _on(client: Client, progress: Progress | None) -> Chooser:
    from headgraph.pk_engine.scoring.cluster.client import chosen_on

    return bound(chosen_on, client, progress)


def spec_of(
    weights: Weights,
    pairings: Sequence[str],
    metrics: Sequence[str],
    kv: str | None,
    layer_order: str,
    backend: str,
    device: str | None,
    dtype: str,
    memory: float | None,
    *,
    decoys: bool = True,
    chooser: Chooser = _here,
) -> Spec:
    """The spec of `compute` for these options. `auto` chooses the backend by the amount of work.

    Raises:
        EngineError: memory is not a number above 0, or the backend or device is not available.
    """
    if memory is not None and not (is_number(memory) and memory > 0):  # refuses nan too
        given = shown_argument("memory", memory)
        raise EngineError(f"{given}: expected gigabytes above 0, such as {MEMORY:g}")
    rows = _kv(kv, weights, metrics)
    _check_widths(weights, metrics)
    first, room = Backend(dtype=dtype), MEMORY if memory is None else memory
    spec = Spec(weights, pairings, metrics, DEFAULT_SELECTION, rows, layer_order, first, room,
                decoys=decoys)  # fmt: skip
    work = sum(costs.total_amounts(spec)[:3])  # forming, products, blocks
    chosen, room = chooser(backend, device, dtype, work)
    return replace(spec, backend=chosen, memory=room if memory is None else memory)


def _check_widths(weights: Weights, metrics: Sequence[str]) -> None:
    """Raise EngineError for a metric that needs heads of one width, where there are others."""
    widths = {width for layer in weights.shape.layers for width in layer.widths.values()}
    needs = [name for name in metrics if METRICS[name].one_width]
    if needs and len(widths) > 1:
        raise EngineError(
            f"{', '.join(needs)} compares the dimensions within heads, and those of {weights.name} "
            f"have {listed(sorted(widths))} of them: leave {needs[0]} out"
        )


def _kv(kv: str | None, weights: Weights, metrics: Sequence[str]) -> str:
    """`native` or `expand`: the given value, or the one that the metrics require."""
    grouped = [name for name in metrics if METRICS[name].per_query_head]
    needs = grouped if weights.shape.grouped else []
    if needs and kv == "native":
        raise EngineError(
            f"{', '.join(needs)} exists per query head only, and {weights.name} shares key/value "
            f"heads: leave out {argument('kv', 'native')} or the metric"
        )
    return "expand" if needs else kv or "native"


def meta_of(spec: Spec, state: State, fingerprint: str, name: str | None) -> TableMeta:
    """The metadata of the table, before any selection; `name` as for `compute`."""
    weights, shape = spec.weights, spec.weights.shape
    tower = "vision" if getattr(weights, "tower", None) == "vision" else None
    return TableMeta(
        model=_unicode(name or named(weights.name, tower)),
        revision=weights.revision,
        family=weights.family.name,
        fingerprint=fingerprint,
        n_layers=shape.n_layers,
        n_heads=shape.n_heads,
        n_kv_heads=shape.n_kv_heads,
        d_model=shape.d_model,
        d_head=shape.d_head,
        fold_ln=weights.fold_ln,
        center_writing=weights.center_writing,
        layer_order=spec.layer_order,
        kv=spec.kv,
        pairings=list(spec.pairings),
        metrics=list(spec.metrics),
        selection=[],
        moments={pairing: _moments(shape, pairing) for pairing in spec.pairings},
        dtype=spec.backend.dtype,
        backend=str(spec.backend),
        version=VERSION,
        tower=tower,
        origin=weights.origin,
        layers=[layer_data(layer, shape.d_model) for layer in shape.unequal],
        **facts(state, shape),
    )


def _moments(shape: ModelShape, pairing: str) -> dict[str, float]:
    """Mean and sd of the random reference at full rank, of the widest heads and stream."""
    r, s = (shape.rank_of(role) for role in pairing)
    mean, sd = reference_mean(r, s, shape.d_model), reference_sd(r, s, shape.d_model)
    return {"mean": mean, "sd": sd}

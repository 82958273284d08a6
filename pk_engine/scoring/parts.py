"""Parts of a table: pairs into some target layers, scored apart and joined by `merge`.

The file of a part has what the rules can still keep and all counts, as the file from which an
interrupted compute resumes. So ranks, decoys and the rules themselves are those of all pairs, once
the parts are joined.
"""

from __future__ import annotations

import json
import os
import re
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from headgraph.base.files.arrays import NOT_OURS, read_arrays, write_arrays
from headgraph.base.files.documents import reason, shown
from headgraph.base.files.output import writable
from headgraph.base.spelling import argument
from headgraph.base.text import listed, short
from headgraph.pk_engine.errors import EngineError
from headgraph.pk_engine.models.interface import Model
from headgraph.pk_engine.models.shape import ModelShape
from headgraph.pk_engine.scoring._compute import compute, meta_of, prepared
from headgraph.pk_engine.scoring.finishing import write_once
from headgraph.pk_engine.scoring.job import Job
from headgraph.pk_engine.table._diagnosis import PART
from headgraph.pk_engine.table.columns import Columns

_OWN = ("name", "output", "partial", "force")
"""Arguments of `compute` that have no part in the scores."""


def compute_part(
    model: Model,
    target_layers: str,
    output: str | os.PathLike[str],
    *,
    force: bool = False,
    **options: Any,
) -> Path:
    """Score the pairs into some target layers, and write them as a part for `merge`.

    Parts of all layers, made with the same options, become the table of one `compute`. A
    selection applies to the joined table.

    Args:
        model: as for `compute`.
        target_layers: the first and the last, such as "0-5", or one, as tables number layers.
        output: the file to write, whose name ends in `.part`.
        force: replace an existing file.
        options: other arguments of `compute`, without null models. `partial` is
            `OUTPUT.partial` by default.

    Raises:
        EngineError: the model lacks such a layer, the name has another ending, a selection
            requires null models, or an error of `compute`.
        OutputExists: the file is there and `force` is false.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from headgraph import compute_part, merge
        >>> with TemporaryDirectory() as folder:
        ...     files = [compute_part("induction-2l", n, f"{folder}/{n}.part") for n in ("0", "1")]
        ...     len(merge(*files))
        6
    """
    name = options.pop("name", None)
    partial = Path(options.pop("partial", None) or f"{output}.partial")
    # a killed command may have written it, and left the other; `scored` knows
    output = part_file(output, force=force or partial.is_file())
    defaults = {k: v for k, v in (compute.__kwdefaults__ or {}).items() if k not in _OWN}
    if null := getattr(options.get("selection"), "null", None):
        raise EngineError(
            f"{argument('null', null)} with {_given(target_layers)}: a null model needs all pairs; "
            "leave one or the other out"
        )
    spec, selection = prepared(model, **defaults | options)
    first, last = _numbers(target_layers, spec.weights.shape)
    places = [n for n, it in enumerate(spec.weights.shape.layers) if first <= it.index <= last]
    spec = replace(spec, targets=range(places[0], places[-1] + 1))
    job = Job(spec, options.get("progress"), output, partial, force, options.get("client"))
    with job.scored() as (state, fingerprint, key):
        meta = meta_of(spec, state, fingerprint, name).selected(selection.to_json())
        about, arrays = state.saved()
        about |= {"meta": meta.to_json(), "target_layers": [first, last], "key": key}
        write_once(
            output,
            lambda: _write(output, about, arrays),
            lambda: _facts(output) == json.loads(json.dumps(about)),
            partial if key else None,
            force=force,
        )
    return output


def clear_left(part: Path) -> None:
    """Remove what a killed command left beside a whole part: the file from which it would resume.

    Another command's file stays.
    """
    left = Path(f"{part}.partial")
    if left.is_file() and (key := _facts(part).get("key")) and _facts(left).get("key") == key:
        with suppress(OSError):  # in a folder that this user cannot change
            left.unlink(missing_ok=True)


def _facts(path: Path) -> dict[str, Any]:
    """What a file says about its arrays; nothing if it is damaged."""
    try:
        about, _ = read_arrays(path)
    except NOT_OURS:
        return {}
    return about if isinstance(about, dict) else {}


def _write(output: Path, about: dict[str, Any], arrays: Columns) -> None:
    try:
        write_arrays(output, about, arrays)
    except OSError as error:
        raise EngineError(f"cannot write {shown(output)}: {reason(error)}") from error


def part_file(path: str | os.PathLike[str], *, force: bool) -> Path:
    """The path, if a part can be written there.

    Raises:
        OutputExists: the file is there and `force` is false.
        EngineError: the name has another ending, or cannot be written.
    """
    path = Path(path)
    if path.suffix != PART:
        raise EngineError(
            f"{shown(path)} would be a part of a table: expected a name that ends in {PART}, such "
            f"as {shown(short(path.stem, 40) + PART)}"
        )
    return writable(path, force=force, problem=EngineError)


def _numbers(target_layers: str, shape: ModelShape) -> tuple[int, int]:
    """The first and the last target layer.

    Raises:
        EngineError: the text is no range, or the model has no head in these layers.
    """
    given = _given(target_layers)
    found = re.fullmatch(r"([0-9]{1,6})(?:-([0-9]{1,6}))?", str(target_layers).strip())
    first, last = (int(it) for it in (found[1], found[2] or found[1])) if found else (1, 0)
    if first > last:
        raise EngineError(f"{given}: expected the first and the last layer, such as 0-5")
    if last >= shape.n_layers:
        raise EngineError(f"{given}: the model has layers 0 to {shape.n_layers - 1}")
    if not any(first <= layer.index <= last for layer in shape.layers):
        raise EngineError(
            f"{given}: no head is in these layers; expected some of "
            f"{listed([layer.index for layer in shape.layers], 8)}"
        )
    return first, last


def _given(target_layers: object) -> str:
    return argument("target_layers", short(str(target_layers), 24))

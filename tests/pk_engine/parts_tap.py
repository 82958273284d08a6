"""What the attention modules of `parts_zoo` make of the axes of the streams that they read.

`run` gives an attention module the axes of the stream that its queries read, and of the one that
its keys and values read, and catches what its projections make of them.
"""

import re
from contextlib import suppress
from inspect import Parameter, signature
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the small models are run with torch")

from torch.nn import functional as F  # noqa: E402

from tests.pk_engine.parts_zoo import ROWS, D, Kind  # noqa: E402

PACKED = F._in_projection_packed
"""Makes queries, keys and values in torch's own attention, whose matrices are one parameter."""


class _Seen(Exception):
    """All projections ran: what attention makes of them does not matter."""


def run(kind: Kind, letter: str, attention: Any, x: Any, memory: Any) -> dict[str, np.ndarray]:
    """What each projection gives for these inputs, rows x heads of the role m."""
    seen: dict[str, Any] = {}
    modules = kind.named(letter)[:3]

    def see(roles: str, output: Any) -> None:
        for role, part in zip(roles, output.chunk(len(roles), -1), strict=True):
            # LongT5 and Pegasus-X also call their projections with other tokens
            seen.setdefault(role, part.detach().reshape(-1, part.shape[-1]).numpy())
        if len(seen) == 3:
            raise _Seen

    def pack(*args: Any) -> Any:
        parts = PACKED(*args)
        for role, part in zip("QKV", parts, strict=True):
            see(role, part)
        return parts

    hooks = [
        attention.get_submodule(name).register_forward_hook(
            lambda _, __, output, roles=roles: see(roles, output)
        )
        for name in dict.fromkeys(modules if modules[0] else ())
        if (roles := "".join(r for r, it in zip("QKV", modules, strict=True) if it == name))
    ]
    shape = (1, 4, 9, D) if kind.image else (1, ROWS, D) if kind.batch == 0 else (ROWS, 1, D)
    read = (x if memory is None else memory).reshape(shape)
    given = arguments(kind, attention, x.reshape(shape), read, cross=memory is not None)
    if memory is not None:
        given[kind.memory] = read
    with torch.no_grad(), suppress(_Seen), patch.object(F, PACKED.__name__, pack):
        attention(x.reshape(shape), **given)
    for hook in hooks:
        hook.remove()
    return seen


ZEROS = re.compile("position|point_embedding|object_queries|sine|global_hidden|pos_emb")
"""Names of what is added to a stream for queries and keys, or stands beside it."""
OF_MEMORY = re.compile("spatial|encoder|key_value")
"""Names of what is added to the stream that cross-attention reads."""


def arguments(kind: Kind, module: Any, x: Any, read: Any, *, cross: bool = False) -> dict[str, Any]:
    """What a module takes beside its first argument: positions that change nothing."""
    given: dict[str, Any] = {}
    for name, parameter in list(signature(module.forward).parameters.items())[1:]:
        if parameter.kind in (Parameter.VAR_KEYWORD, Parameter.VAR_POSITIONAL):
            continue
        if name == "position_embeddings" and kind.rotary:
            turn = torch.ones(1, 1, kind.rotary), torch.zeros(1, 1, kind.rotary)
            given[name] = turn
        elif name == "position_bias":  # otherwise only the first layer of a T5 has one
            given[name] = torch.zeros(1, 1, 1, 1)
        elif name in ("key", "value"):
            given[name] = read
        elif ZEROS.search(name) and (cross or not OF_MEMORY.search(name)):
            given[name] = torch.zeros_like(x)
        elif name == "attention_mask" and parameter.default is Parameter.empty:
            given[name] = torch.zeros(1, ROWS)
        elif parameter.default is Parameter.empty:
            given[name] = torch.zeros_like(x) if name == "encoder_hidden_states" else None
    return given


def taken(kind: Kind, layer: Any, attention: Any, norm: str | None, x: Any) -> Any:
    """What the attention of a layer that is given x takes, and what the norm makes of x."""
    seen: dict[str, Any] = {}

    def take(_: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        given = [*args, *kwargs.values()][0]
        seen["taken"] = given.detach().reshape(-1, D)
        raise _Seen

    hooks = [attention.register_forward_pre_hook(take, with_kwargs=True)]
    if kind.before:
        writing = layer.get_submodule(kind.before)
        hooks.append(writing.register_forward_hook(lambda *call: torch.zeros_like(call[2])))
    shape = (1, 4, 9, D) if kind.image else (1, ROWS, D) if kind.batch == 0 else (ROWS, 1, D)
    x = x.reshape(shape)
    with torch.no_grad():
        with suppress(_Seen):
            layer(x, **arguments(kind, layer, x, x))
        made = layer.get_submodule(norm)(x) if norm else x
    for hook in hooks:
        hook.remove()
    return seen["taken"], made.reshape(-1, D)

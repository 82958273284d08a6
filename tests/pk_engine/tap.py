"""A tap on the attention of a running network: what its heads are fed, read and write.

Nothing here uses pk_engine: what the heads of a running model read and write is found by feeding
its attention modules the axes of their input, one by one.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the small models are run with torch")
pytest.importorskip("transformers", reason="and built by transformers")

from transformers import AttentionInterface, AttentionMaskInterface  # noqa: E402
from transformers.masking_utils import eager_mask  # noqa: E402

if TYPE_CHECKING:
    from tests.pk_engine.zoo import Kind
else:
    Kind = Any

PROBE = "headgraph_probe"
"""Name of an attention implementation that tells the tap what it is given."""


class Tap:
    """What the next pass through one layer's attention is fed, and what is seen there.

    x replaces the module's input, z what the heads give before the output matrix.
    """

    def __init__(self) -> None:
        self.x: Any = None
        self.z: Any = None
        self.seen: dict[str, Any] = {}

    def see(self, query: Any, key: Any, value: Any) -> None:
        """One position: batch x heads x m, whatever the order of axes."""
        batch = len(query)
        for role, tensor in zip("QKV", (query, key, value), strict=True):
            self.seen[role] = tensor.detach().reshape(batch, -1, tensor.shape[-1])


def moved(run: Any, role: str, head: int, basis: np.ndarray, rng: Any) -> Any:
    """What a head gives for an input, for 6 moves of it inside a subspace, and for 6 outside."""
    d, m = basis.shape
    x = rng.standard_normal(d)
    inside = basis @ rng.standard_normal((m, 6))
    outside = rng.standard_normal((d, 6))
    outside -= basis @ (basis.T @ outside)
    seen = getattr(run(np.vstack([x, x + inside.T, x + outside.T])), role)
    # where key/value heads were broadcast, those of a group stand together
    return seen[:, head * (seen.shape[1] // run.heads[role])]


TAP: list[Tap] = []


def _probe(module: Any, query: Any, key: Any, value: Any, *_: Any, **__: Any) -> Any:
    if isinstance(getattr(module, "query", None), torch.nn.Parameter):
        # a mixture of what blocks of layers wrote, and no head
        mixed = torch.nn.functional.scaled_dot_product_attention(query, key, value)
        return mixed.transpose(1, 2), None
    group = query.shape[1] // value.shape[1]
    given = value.repeat_interleave(group, dim=1)
    if TAP and TAP[-1].x is not None and getattr(module, "tapped", False):
        TAP[-1].see(query, key, value)
        if TAP[-1].z is not None:
            given = TAP[-1].z[:, :, None]
    return given.transpose(1, 2), None


AttentionInterface.register(PROBE, _probe)
AttentionMaskInterface.register(PROBE, eager_mask)


def at(model: Any, path: str, layer: int) -> Any:
    return model.get_submodule(path_of(path, layer))


def path_of(path: str, layer: int) -> str:
    """A module's name in a layer; {pair} and {odd} are of models with two layers in one."""
    return path.format(layer=layer, pair=layer // 2, odd=layer % 2)


@contextmanager
def tapped(kind: Kind, model: Any, layer: int) -> Iterator[Callable[..., SimpleNamespace]]:
    """A function (x, z=None) -> seen q, k, v (batch x heads x m) and what is written."""
    attention, tap = at(model, kind.attention, layer), Tap()
    written: list[Any] = []

    def feed(_: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        x = tap.x[:, None]
        if "hidden_states" in kwargs:  # others are of keys and values
            named = {"hidden_states", "key_hidden_states", "value_hidden_states"}
            return args, {**kwargs, **dict.fromkeys(named & kwargs.keys(), x)}
        return (x, *args[1:]), kwargs

    def take(_: Any, __: Any, output: Any) -> None:
        written.append((output[0] if isinstance(output, tuple) else output).detach())

    def run(x: Any, z: Any = None) -> SimpleNamespace:
        tap.x, tap.z = torch.as_tensor(x, dtype=torch.float32), z
        written.clear()
        if kind.kv == 1 and z is not None:
            attention.num_kv_heads = kind.heads  # Falcon shares one value; z has one for each head
        with torch.no_grad():
            model(torch.zeros(len(x), 1, dtype=torch.long), use_cache=False)
        return SimpleNamespace(**tap.seen, written=written[0][:, 0])

    run.heads = {"Q": kind.heads, "K": kind.kv or kind.heads, "V": kind.kv or kind.heads}
    out = at(model, kind.out or kind.attention, layer)
    hooks = [attention.register_forward_pre_hook(feed, with_kwargs=True),
             out.register_forward_hook(take)]  # fmt: skip
    _patch(kind, attention, tap)
    attention.tapped = True
    TAP.append(tap)
    try:
        yield run
    finally:  # the model is used by the next test
        TAP.pop()
        attention.tapped = False
        for hook in hooks:
            hook.remove()
        if kind.inner:
            del attention.__dict__[kind.inner]
        if kind.kv == 1:
            attention.num_kv_heads = 1


def _patch(kind: Kind, attention: Any, tap: Tap) -> None:
    if kind.inner is None:
        return
    original = getattr(attention, kind.inner)

    def split(fused: Any) -> Any:
        query, key, value = original(fused)
        tap.see(query, key, value)
        if tap.z is not None:
            axis = 1 if kind.inner == "_reshape" else 2  # where the heads are
            value = tap.z.unsqueeze(3 - axis)
            key = key.expand_as(value)
        return query, key, value

    def attend(query: Any, key: Any, value: Any, *_: Any, **__: Any) -> Any:
        tap.see(query, key, value)
        return (value if tap.z is None else tap.z[:, :, None]), None

    object.__setattr__(attention, kind.inner, attend if kind.inner == "_attn" else split)


def live_heads(kind: Kind, model: Any, layer: int) -> dict[str, np.ndarray]:
    """Role -> heads x d x m of the running model: what each axis of its input does."""
    kv, found = kind.kv or kind.heads, {}
    axes = torch.cat([torch.eye(kind.d), torch.zeros(1, kind.d)])
    with tapped(kind, model, layer) as run:
        seen = run(axes)
        for role in "QKV":
            heads = getattr(seen, role)
            w = (heads[:-1] - heads[-1:]).permute(1, 0, 2)  # biases go with the zero input
            if role != "Q" and len(w) > kv:  # broadcast to the query heads already
                groups = w.reshape(kv, -1, *w.shape[1:])
                assert torch.equal(groups, groups[:, :1].expand_as(groups))
                w = groups[:, 0]
            found[role] = w.numpy() / (kind.q_scale if role == "Q" else 1)
        many = kind.heads * kind.m
        z = torch.cat([torch.eye(many), torch.zeros(1, many)]).reshape(-1, kind.heads, kind.m)
        out = run(torch.zeros(many + 1, kind.d), z).written
        found["O"] = (out[:-1] - out[-1:]).reshape(kind.heads, kind.m, -1).transpose(1, 2).numpy()
    return found

"""What the heads of any running network read and write, found without its module names.

Products of attention are caught where they happen: Q K^T holds queries and keys, and the product
after it the values. The matrices before them can be given other vectors, and the heads another
output, of which the next matrix makes what they write.
"""

import re
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self

import pytest

torch = pytest.importorskip("torch", reason="the small models are run with torch")
pytest.importorskip("transformers", reason="and built by transformers")

from torch.overrides import TorchFunctionMode  # noqa: E402
from transformers.models.ibert.quant_modules import QuantLinear  # noqa: E402
from transformers.pytorch_utils import Conv1D  # noqa: E402

PRODUCTS = {torch.matmul, torch.Tensor.matmul, torch.Tensor.__matmul__, torch.bmm,
            torch.Tensor.bmm, torch.baddbmm, torch.Tensor.baddbmm}  # fmt: skip
MATRICES = torch.nn.Linear, Conv1D, QuantLinear
NUMBERED = re.compile(r"(?:^|\.)\d+$")
HEAD_NORMS = re.compile(r"\.(q|k|query|key)_(norm|layernorm)$|\.inner_attn_ln$")


@dataclass
class Seen:
    """One attention in one pass: heads x positions x m, and positions x d."""

    module: Any
    entering: Any = None
    read: Any = None
    query: Any = None
    key: Any = None
    value: Any = None
    written: Any = None


@dataclass
class Probe:
    """A network that is watched as long as the probe is open.

    Attributes:
        m: the width of its heads.
        value: the width of their values, where that is another.
        norm: how names of the norm before attention end, where other sublayers stand before
            it: what it is given is the residual stream, not what the layer is given.
        beside: how many inputs of the output matrix are not those of heads.
        seen: what each attention did in a pass in which nothing was replaced.
    """

    model: Any
    inputs: dict[str, Any]
    m: int
    norm: str | tuple[str, ...] | None = None
    value: int = 0
    beside: int = 0
    attentions: list[Any] = field(default_factory=list)
    matrices: dict[Any, set[Any]] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    handles: list[Any] = field(default_factory=list)
    now: Any = None

    def __post_init__(self) -> None:
        self.value = self.value or self.m
        self.names = {module: name for name, module in self.model.named_modules()}
        self.matrices = {
            module: {part for part in module.modules() if isinstance(part, MATRICES)}
            for module in self.names
        }
        for module, name in self.names.items():
            # others are neither an attention nor a layer nor a norm
            if self.matrices[module] or NUMBERED.search(name) or self.is_norm(module):
                self.handles += [
                    module.register_forward_pre_hook(self.enter, with_kwargs=True),
                    module.register_forward_hook(self.leave),
                ]
        self.seen = self.run()
        self.attentions = [seen.module for seen in self.seen]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for handle in self.handles:
            handle.remove()

    def is_norm(self, module: Any) -> bool:
        """Whether the module is the norm before attention, where that has a name."""
        return bool(self.norm and self.names[module].endswith(self.norm))

    def enter(self, *given: Any) -> Any:
        return self.now.enter(*given)

    def leave(self, *given: Any) -> None:
        self.now.leave(*given)

    def run(self, layer: int = -1, feed: Any = None, z: Any = None) -> list[Seen]:
        """What each attention did in one pass.

        Args:
            layer: index of the attention whose input and output are replaced; the pass ends with
                what its heads write.
            feed: what its matrices are given, positions x d.
            z: what its heads give, heads x positions x m.
        """
        self.now = one = _Pass(self, layer, feed, z)
        with torch.no_grad(), one, suppress(_Seen):
            self.model(**self.inputs)
        return one.found


class _Seen(BaseException):
    """Ends a pass; no `except Exception` of a model takes it."""


class _Pass(TorchFunctionMode):
    def __init__(self, probe: Probe, layer: int, feed: Any, z: Any) -> None:
        super().__init__()
        self.probe, self.layer, self.feed, self.z = probe, layer, feed, z
        self.stack: list[Any] = []
        self.inputs: list[Any] = []  # what each module of the stack was given
        self.found: list[Seen] = []
        self.calls: dict[Any, Any] = {}  # matrix -> its input
        self.batch = 1
        self.stream: Any = None  # what the last norm before attention was given

    def enter(self, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        given = args[0] if args else kwargs.get("hidden_states", kwargs.get("hidden_state"))
        self.stack.append(module)
        self.inputs.append(given)
        if self.probe.is_norm(module):
            self.stream = given.detach().reshape(_batch(given), -1, given.shape[-1])[0]
        if not isinstance(module, MATRICES):
            return None
        self.calls[module] = given.detach()
        if (
            self.feed is None
            or len(self.found) != self.layer
            or given.shape[-1] != self.feed.shape[1]
            or given.numel() != self.feed.size * _batch(given)  # keys may read fewer positions
        ):
            return None
        if self.probe.attentions[self.layer] in self.stack:
            feed = torch.as_tensor(self.feed, dtype=given.dtype)
            feed = feed.reshape(given.shape[1:]) if feed.dim() < given.dim() else feed
            feed = feed.expand(given.shape)
            return (feed, *args[1:]), kwargs
        return None

    def leave(self, module: Any, _: Any, output: Any) -> None:
        self.stack.pop()
        self.inputs.pop()
        if isinstance(module, MATRICES) and self.found and self.found[-1].written is None:
            seen = self.found[-1]
            size = module.weight.shape[0 if isinstance(module, Conv1D) else 1]
            ours = len(seen.query) * self.probe.value + self.probe.beside
            if seen.value is not None and size == ours:
                output = output[0] if isinstance(output, tuple) else output
                every = output.detach().reshape(-1, output.shape[-1])
                seen.written = every[: len(seen.read)]
                if len(self.found) - 1 == self.layer:
                    raise _Seen

    def __torch_function__(self, function: Any, _: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = function(*args, **(kwargs or {}))
        if function in PRODUCTS:
            left, right = args[-2:] if len(args) > 1 else (kwargs["batch1"], kwargs["batch2"])
            return self.product(left, right, result)
        return result

    def product(self, left: Any, right: Any, result: Any) -> Any:
        owner = next((m for m in reversed(self.stack) if self.probe.matrices[m]), None)
        if owner is None or left.dim() < 3 or right.dim() < 3:
            return result
        if type(owner).__name__.endswith("Subsample"):  # from one stream to another
            return result
        done = self.found[-1] if self.found else None
        if done is None or done.value is not None:
            # keys of relative positions are more than the queries
            keys = right.shape[-1] <= left.shape[-2]
            if left.shape[-1] == self.probe.m == right.shape[-2] and keys and self.mine(owner):
                self.batch, read = self.first(owner)
                query, key = self.heads(left), self.heads(right.transpose(-1, -2))
                self.found.append(Seen(owner, self.entering(read.shape[1]), read, query, key))
            return result
        if right.shape[-1] != self.probe.value:
            return result
        done.value = self.heads(right)
        if self.z is None or len(self.found) - 1 != self.layer:
            return result
        z = torch.as_tensor(self.z, dtype=result.dtype).repeat(self.batch, 1, 1)
        return z.reshape(result.shape)

    def mine(self, owner: Any) -> bool:
        """Whether matrices of the owner ran before."""
        return any(module in self.calls for module in self.probe.matrices[owner])

    def first(self, owner: Any) -> tuple[int, Any]:
        """How many sequences the attention's first matrix was given, and one, positions x d."""
        given = next(x for m, x in self.calls.items() if m in self.probe.matrices[owner])
        return _batch(given), given.reshape(_batch(given), -1, given.shape[-1])[0]

    def heads(self, tensor: Any) -> Any:
        """Heads x positions x m of the first sequence."""
        every = tensor.detach().reshape(-1, *tensor.shape[-2:])
        return every[: len(every) // self.batch]

    def entering(self, width: int) -> Any:
        """What the layer around was given: the residual stream, positions x width."""
        if self.probe.norm:
            return self.stream
        for module, given in zip(reversed(self.stack), reversed(self.inputs), strict=True):
            if NUMBERED.search(self.probe.names[module]) and isinstance(given, torch.Tensor):
                if given.dim() == 4 and given.shape[-1] != width:  # an image, channels first
                    given = given.movedim(1, -1)
                return given.detach().reshape(_batch(given), -1, width)[0]
        return None


def _batch(given: Any) -> int:
    """The number of sequences, or of images, that a matrix is given."""
    return len(given) if given.dim() > 2 else 1


def without_head_norms(model: Any) -> None:
    """Take out norms of queries, keys and what heads give, which are not linear."""
    for name, _ in list(model.named_modules()):
        if HEAD_NORMS.search(name):
            parent, child = name.rsplit(".", 1)
            setattr(model.get_submodule(parent), child, torch.nn.Identity())

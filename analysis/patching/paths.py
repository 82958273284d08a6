"""Path patching: replace what one head writes in one input of one later head, nowhere else.

Wang et al. 2022, doi:10.48550/arXiv.2211.00593. TransformerLens gives each head, and each key/value
head, its own copy of the residual stream before the norm (`use_split_qkv_input`). We add the
difference to that copy. Its `get_act_patch_direct_path` patches all later heads at once, returns
one number, and refuses K and V of grouped-query models; tests compare our numbers with it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, Self

from headgraph.analysis.errors import PatchingError
from headgraph.analysis.running.prompts import Prompts
from headgraph.analysis.running.unpatched import BaseRun, writing
from headgraph.base.names import head_name
from headgraph.base.seeds import check_seed

Head = tuple[int, int]


class Effect(NamedTuple):
    """The effect of patching one path.

    Attributes:
        effect: mean over the predictions that count of KL(unpatched || patched), nats per token.
        effect_se: its standard error over prompts.
        loss_change: mean change of the loss, nats per token.
        local: ||change of what the target writes|| / ||what it writes||, Frobenius norms over all
            prompts and positions; 0 where it writes nothing.
        written: ||what the source wrote - its replacement|| / ||residual stream that the target
            reads||: how much was replaced, whichever head reads it.
        gain: local / written, the target's response to it; 0 where nothing was replaced.
    """

    effect: float
    effect_se: float
    loss_change: float
    local: float
    written: float
    gain: float


class PathPatcher:
    """Paths of one model on one set of prompts; a context, in which the model's inputs are split.

    Args:
        model: a TransformerBridge; unchanged at the end.
        prompts: the prompts to run on.
        replace: replacement for what the source writes: its `mean` over the prompts at each
            position, what it writes in another prompt (`resample`), or `zero`.
        seed: random seed for `resample`.

    Raises:
        PatchingError: a model without separate inputs, or one that changes what heads write on the
            way to the residual stream.
    """

    def __init__(self, model: Any, prompts: Prompts, *, replace: str = "mean", seed: int = 0):
        seed = check_seed(seed, PatchingError)
        self.model, self.prompts, self.replace, self.seed = model, prompts, replace, seed
        self.group = model.cfg.n_heads // (model.cfg.n_key_value_heads or model.cfg.n_heads)
        self._split = split_inputs(model)

    def __enter__(self) -> Self:
        self._split.__enter__()
        try:
            self.base = BaseRun(self.model, self.prompts)
        except BaseException:
            self._split.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._split.__exit__(None, None, None)

    def effect(self, source: Head, target: Head, role: str) -> Effect:
        """Patch what `source` writes in the input that `target` reads as its Q, K or V.

        Args:
            source: (layer, head).
            target: (layer, query head) of a later layer. In a grouped-query model K and V belong
                to the key/value head that it reads through, and so all heads of the group see it.
            role: `Q`, `K` or `V`.

        Raises:
            PatchingError: the target is not later than the source.
        """
        if target[0] <= source[0]:
            raise PatchingError(
                f"{head_name(*source)} > {head_name(*target)}: expected a source in an earlier "
                "layer than the target"
            )
        reader, heads = self._reader(target[1], role)
        difference = self._difference(source)
        patch, mixed = _Adding(difference, reader), _Seen()
        attention = f"blocks.{target[0]}.attn"
        distance = self.base.distance(
            [(f"{attention}.hook_{role.lower()}_input", patch), (f"{attention}.hook_z", mixed)]
        )
        if not patch.ran or mixed.value is None:  # else an unpatched run would pass for one
            raise PatchingError(
                f"TransformerLens did not run the heads of layer {target[0]} on inputs of their own"
            )
        local = self._local(target[0], heads, mixed.value)
        written = float(difference.double().norm()) / self.base.size[target[0]]
        return Effect(*distance, local, written, local / written if written else 0.0)

    def _reader(self, head: int, role: str) -> tuple[int, slice]:
        """The copy of the input to patch, and the query heads that see it."""
        if role == "Q":
            return head, slice(head, head + 1)
        shared = head // self.group
        return shared, slice(shared * self.group, (shared + 1) * self.group)

    def _difference(self, source: Head) -> Any:
        """The replacement minus what the head wrote: prompts x position x d_model."""
        layer, head = source
        other = self.base.replaced(layer, self.replace, self.seed)
        return (other - self.base.z[layer])[:, :, head] @ writing(self.model, layer)[head]

    def _local(self, layer: int, heads: slice, z: Any) -> float:
        import torch

        before, w_o = self.base.z[layer][:, :, heads], writing(self.model, layer)[heads]
        change, whole = (
            torch.einsum("bphe,hed->bphd", part.double(), w_o.double()).norm()
            for part in (z[:, :, heads] - before, before)
        )
        return float(change / whole) if whole > 0 else 0.0


@contextmanager
def split_inputs(model: Any) -> Iterator[None]:
    """Give each head its own copy of the residual stream for Q, K and V while the context lasts.

    Raises:
        PatchingError: TransformerLens cannot do this for the model.
    """
    split, joint = (bool(getattr(model.cfg, f"use_{n}", False)) for n in _FLAGS)
    try:
        if joint:  # the two exclude each other
            model.set_use_attn_in(False)
        model.set_use_split_qkv_input(True)
    except (AttributeError, NotImplementedError, RuntimeError, ValueError) as error:
        raise PatchingError(
            f"TransformerLens cannot give each head of this {type(model).__name__} its own input "
            f"({error}), which path patching needs"
        ) from error
    try:
        yield
    finally:
        model.set_use_split_qkv_input(split)
        if joint:
            model.set_use_attn_in(True)


_FLAGS = ("split_qkv_input", "attn_in")


class _Adding:
    """A hook that adds to one head's copy of the input: prompts x position x head x d_model."""

    def __init__(self, difference: Any, head: int) -> None:
        self.difference, self.head, self.ran = difference, head, False

    def __call__(self, copies: Any, hook: Any) -> Any:
        self.ran = True
        patched = copies.clone()
        patched[:, :, self.head] += self.difference
        return patched


class _Seen:
    """A hook that keeps the value it is called with."""

    value: Any = None

    def __call__(self, value: Any, hook: Any) -> None:
        self.value = value.detach()

"""One unpatched run of a model over prompts, and how far another run is from it."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from headgraph.analysis.errors import PatchingError
from headgraph.analysis.running.prompts import Prompts
from headgraph.base.spelling import argument

REPLACEMENTS = ("mean", "resample", "zero")
Hooks = Sequence[tuple[str, Any]]
_ROWS = 256  # predictions whose distributions are held in float64 at once


class Distance(NamedTuple):
    """How far a run's predictions are from the unpatched run's, over the predictions that count.

    Attributes:
        kl: mean of KL(unpatched || patched), nats per token.
        kl_se: its standard error over prompts.
        loss_change: mean loss (-log p of the token that follows) minus the unpatched run's.
    """

    kl: float
    kl_se: float
    loss_change: float


class BaseRun:
    """The unpatched run: z of each head, and the predictions.

    Args:
        model: a TransformerBridge; not changed.
        prompts: the prompts to run on.

    Attributes:
        z: layer -> prompts x position x head x d_head, before W_O.
        size: layer -> Frobenius norm of the residual stream that it reads, all prompts together.
        loss: mean loss over the predictions that count, nats per token.

    Raises:
        PatchingError: a layer whose attention output is not the sum of z W_O over its heads.
    """

    def __init__(self, model: Any, prompts: Prompts) -> None:
        import torch

        self.model, self.prompts = model, prompts
        self.tokens = torch.as_tensor(prompts.tokens, device=model.cfg.device)
        self._counts = torch.as_tensor(prompts.counts, device=model.cfg.device)
        self._prompt = np.nonzero(prompts.counts)[0]  # of each prediction that counts
        self._next = self.tokens[:, 1:][self._counts]
        wanted = ("attn.hook_z", "hook_resid_pre", "hook_resid_mid")
        with torch.no_grad():
            logits, cache = model.run_with_cache(
                self.tokens, prepend_bos=False, names_filter=lambda name: name.endswith(wanted)
            )
        layers = range(model.cfg.n_layers)
        self.z = {layer: cache[f"blocks.{layer}.attn.hook_z"] for layer in layers}
        self.size = {
            layer: float(cache[f"blocks.{layer}.hook_resid_pre"].double().norm())
            for layer in layers
        }
        for layer in layers:
            self._check_writes(layer, cache)
        self._logits = self._kept(logits)
        self.loss = float(self._losses(self._logits).mean())

    def replaced(self, layer: int, how: str, seed: int) -> Any:
        """The replacement for z of a layer: prompts x position x head x d_head.

        Args:
            layer: the layer.
            how: `mean` over the prompts at each position, `resample` for another prompt, drawn
                once for all heads, or `zero`.
            seed: random seed for `resample`.
        """
        z = self.z[layer]
        if how == "mean":
            return z.mean(dim=0, keepdim=True).expand_as(z)
        if how == "zero":
            return z * 0
        if how == "resample":
            order = np.random.default_rng(seed).permutation(len(z))
            other = np.empty_like(order)
            other[order] = np.roll(order, 1)  # one cycle: no prompt replaces itself
            return z[other]
        raise PatchingError(f"{argument('replace', how)}: expected {', '.join(REPLACEMENTS)}")

    def distance(self, hooks: Hooks) -> Distance:
        """Run again with hooks (name, function) and compare."""
        import torch

        with torch.no_grad():
            patched = self._kept(
                self.model.run_with_hooks(self.tokens, prepend_bos=False, fwd_hooks=list(hooks))
            )
        kl = np.concatenate([
            _kl(p, q) for p, q in zip(self._logits.split(_ROWS), patched.split(_ROWS), strict=True)
        ])  # fmt: skip
        change = self._losses(patched) - self._losses(self._logits)
        return Distance(float(kl.mean()), self._standard_error(kl), float(change.mean()))

    def _kept(self, logits: Any) -> Any:
        """Logits of the predictions that count: predictions x vocabulary."""
        return logits[:, :-1][self._counts]

    def _losses(self, logits: Any) -> NDArray[np.float64]:
        parts = []
        for rows, following in zip(logits.split(_ROWS), self._next.split(_ROWS), strict=True):
            log_p = rows.double().log_softmax(-1)
            parts.append(-log_p.gather(1, following[:, None])[:, 0].cpu().numpy())
        return np.concatenate(parts)

    def _standard_error(self, values: NDArray[np.float64]) -> float:
        """Standard error of the mean over prompts; a prompt weighs by its predictions."""
        n = np.bincount(self._prompt, minlength=len(self.prompts))
        sums = np.bincount(self._prompt, weights=values, minlength=len(self.prompts))
        sums, n = sums[n > 0], n[n > 0]
        residual = sums - values.mean() * n
        prompts = len(n)
        if prompts < 2:
            return 0.0
        return float(np.sqrt(prompts / (prompts - 1) * (residual**2).sum()) / n.sum())

    def _check_writes(self, layer: int, cache: Any) -> None:
        """The sum of z W_O must be what the residual stream gains, up to the bias."""
        before, after = (f"blocks.{layer}.hook_resid_{when}" for when in ("pre", "mid"))
        if after not in cache:
            return  # parallel attention and MLP: only their sum is cached
        import torch

        gained = cache[after] - cache[before]
        written = torch.einsum("bphe,hed->bpd", self.z[layer], writing(self.model, layer))
        rest = (gained - written).double()
        off = float((rest - rest.mean(dim=(0, 1))).abs().max())
        if off > 1e-3 * max(float(gained.abs().max()), 1e-6):
            raise PatchingError(
                f"what the heads of layer {layer} write is changed before it reaches the residual "
                f"stream (by up to {off:.2g}): expected a model that adds z W_O as it is"
            )


def writing(model: Any, layer: int) -> Any:
    """W_O of a layer's heads: head x d_head x d_model."""
    return model.blocks[layer].attn.W_O.detach()


def _kl(logits: Any, patched: Any) -> NDArray[np.float64]:
    """KL(p || q) in nats of each row, as a sum of terms none of which is below 0."""
    log_p, log_q = (part.double().log_softmax(-1) for part in (logits, patched))
    p, q = log_p.exp(), log_q.exp()
    terms = p * (log_p - log_q) - p + q
    return np.asarray(terms.sum(-1).cpu().numpy())

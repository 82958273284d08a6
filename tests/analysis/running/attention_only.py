"""An attention-only GPT-2 run by hand in float64, one head at a time, with paths patched."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

Array = NDArray[np.float64]
Path_ = tuple[tuple[int, int], tuple[int, int], str]
"""Source, target, and the role in which the target reads."""


@dataclass
class ByHand:
    """What a run gives: log-probabilities (prompt pos vocab), each head's write, by head."""

    log_p: Array
    writes: dict[tuple[int, int], Array]


class AttentionOnly:
    """The model of a Hugging Face GPT-2 folder, its MLPs left out."""

    def __init__(self, folder: Path, n_heads: int) -> None:
        raw = load_file(folder / "model.safetensors")
        strip = {name.removeprefix("transformer."): name for name in raw}
        self.t = {short: raw[name].astype(np.float64) for short, name in strip.items()}
        self.n_heads = n_heads
        self.n_layers = 1 + max(int(name.split(".")[1]) for name in self.t if name[:2] == "h.")

    def run(
        self,
        tokens: NDArray[np.int64],
        instead: dict[tuple[int, int], Array] | None = None,
        path: Path_ | None = None,
        write: Array | None = None,
    ) -> ByHand:
        """Run; `instead` replaces whole heads' writes, `path` what one head sees of `write`."""
        x = self.t["wte.weight"][tokens] + self.t["wpe.weight"][: tokens.shape[1]]
        writes: dict[tuple[int, int], Array] = {}
        for layer in range(self.n_layers):
            added = np.broadcast_to(self.t[f"h.{layer}.attn.c_proj.bias"], x.shape).copy()
            for head in range(self.n_heads):
                inputs = dict.fromkeys("QKV", x)
                if path is not None and write is not None and path[1] == (layer, head):
                    inputs[path[2]] = x - writes[path[0]] + write
                out = self.head(layer, head, inputs)
                out = (instead or {}).get((layer, head), out)
                writes[layer, head] = out
                added += out
            x = x + added
        logits = self.norm("ln_f", x) @ self.t["wte.weight"].T
        logits -= logits.max(-1, keepdims=True)
        return ByHand(logits - np.log(np.exp(logits).sum(-1, keepdims=True)), writes)

    def head(self, layer: int, head: int, inputs: dict[str, Array]) -> Array:
        """What one head writes: prompt pos d_model."""
        w, b = (self.t[f"h.{layer}.attn.c_attn.{part}"] for part in ("weight", "bias"))
        d, size = w.shape[0], w.shape[0] // self.n_heads
        mine = slice(head * size, (head + 1) * size)
        q, k, v = (
            self.norm(f"h.{layer}.ln_1", inputs[role]) @ w[:, n * d : (n + 1) * d][:, mine]
            + b[n * d : (n + 1) * d][mine]
            for n, role in enumerate("QKV")
        )
        scores = q @ k.swapaxes(1, 2) / np.sqrt(size)
        scores = np.where(np.tri(scores.shape[1], dtype=bool), scores, -np.inf)
        pattern = np.exp(scores - scores.max(-1, keepdims=True))
        pattern /= pattern.sum(-1, keepdims=True)
        return pattern @ v @ self.t[f"h.{layer}.attn.c_proj.weight"][mine]

    def norm(self, name: str, x: Array) -> Array:
        """LayerNorm."""
        x = x - x.mean(-1, keepdims=True)
        x = x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-5)
        return x * self.t[f"{name}.weight"] + self.t[f"{name}.bias"]


def mean_kl(before: ByHand, after: ByHand, counts: NDArray[np.bool_]) -> float:
    """Mean KL(before || after) over the predictions that count."""
    p, q = (run.log_p[:, :-1][counts] for run in (before, after))
    return float((np.exp(p) * (p - q)).sum(-1).mean())


def mean_loss(run: ByHand, tokens: NDArray[np.int64], counts: NDArray[np.bool_]) -> float:
    """Mean of -log p of the next token over the predictions that count."""
    log_p = np.take_along_axis(run.log_p[:, :-1], tokens[:, 1:, None], -1)[..., 0]
    return float(-log_p[counts].mean())

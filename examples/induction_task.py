"""The task that `train_induction.py` trains on, and the behaviour scores of heads.

A sequence is x x: symbols in random order, all different, and then the same again. Several such
pairs are packed one after another until the context is full, as documents are when a language model
is trained. For training, the second copy is cut into pieces that come in random order. Without the
cuts the loss can fall just as low while no head looks like an induction head: blurred averages over
several earlier symbols tell places apart as well as the previous symbol does. Behind a cut only the
symbol directly before says what comes next, and sharp previous-token heads appear. Packing puts
first copies at late positions too; without it these heads do their work in the first half only.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

PREVIOUS, INDUCTION, DUPLICATE = "previous_token", "induction", "duplicate_token"


@dataclass(frozen=True)
class Task:
    """The shape of the sequences; a period is the length of one copy."""

    vocab_size: int = 96
    context: int = 64
    shortest_period: int = 10
    longest_period: int = 32
    cut: float = 0.3  # chance of a cut before each symbol of the second copy
    measured_period: int = 24  # scores and losses are measured on whole, uncut repetitions
    measured_sequences: int = 128
    measured_seed: int = 12345


def training_batch(task: Task, batch: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Tokens (batch length), and which next tokens are predictable (batch length-1)."""
    period = int(
        torch.randint(task.shortest_period, task.longest_period + 1, (), generator=generator)
    )
    pairs = task.context // (2 * period)
    # all symbols of a row differ, so each earlier occurrence has one successor
    symbols = torch.rand(batch, task.vocab_size, generator=generator).argsort(dim=1)
    first = symbols[:, : pairs * period].view(batch, pairs, period)

    cut = torch.rand(batch, pairs, period, generator=generator) < task.cut
    cut[..., 0] = False
    piece = cut.cumsum(dim=2)  # batch pairs period: which piece each symbol belongs to
    place = torch.rand(batch, pairs, period, generator=generator).gather(2, piece)
    order = place.argsort(dim=2, stable=True)  # pieces shuffled, the order within each kept

    tokens = torch.cat([first, first.gather(2, order)], dim=2)  # batch pairs 2*period
    known = torch.zeros_like(tokens, dtype=torch.bool)
    known[..., period + 1 :] = order[..., 1:] == order[..., :-1] + 1  # not the start of a piece
    return tokens.view(batch, -1), known.view(batch, -1)[:, 1:]


def repeated(task: Task) -> Tensor:
    """The fixed sequences that scores are measured on: x followed by x."""
    generator = torch.Generator().manual_seed(task.measured_seed)
    symbols = torch.rand(task.measured_sequences, task.vocab_size, generator=generator)
    x = symbols.argsort(dim=1)[:, : task.measured_period]
    return torch.cat([x, x], dim=1)  # sequences 2*period


@dataclass(frozen=True)
class Measured:
    """Scores as layer x head tensors, by name, and the losses in nats per symbol."""

    scores: dict[str, Tensor]
    loss_first_copy: float
    loss_second_copy: float

    def best(self, name: str, layer: int) -> float:
        """The highest score of that name in a layer."""
        return float(self.scores[name][layer].max())


def head_scores(patterns: Tensor, period: int) -> dict[str, Tensor]:
    """Mean attention (layer head) from each position to the one that the head's name stands for.

    On x followed by x, of length `period` each. Previous token: from i to i - 1, for all i > 0.
    Induction: from period + i to i + 1, which is what followed this symbol before. Duplicate token:
    from period + i to i, this symbol before.

    Args:
        patterns: attention patterns, layer x batch x head x query x key.
        period: length of x.
    """
    mean = patterns.mean(dim=1)  # layer head query key
    again = mean[:, :, period:]  # queries of the second copy
    return {
        PREVIOUS: mean.diagonal(-1, 2, 3).mean(dim=2),
        INDUCTION: again.diagonal(1, 2, 3).mean(dim=2),
        DUPLICATE: again.diagonal(0, 2, 3).mean(dim=2),
    }


@torch.no_grad()
def measure(model: Callable[[Tensor], tuple[Tensor, Tensor]], task: Task) -> Measured:
    """Run the model on the seeded repetitions."""
    tokens, period = repeated(task), task.measured_period
    logits, patterns = model(tokens)
    losses = F.cross_entropy(logits[:, :-1].transpose(1, 2), tokens[:, 1:], reduction="none")
    return Measured(
        scores=head_scores(patterns, period),
        loss_first_copy=float(losses[:, : period - 1].mean()),
        # the first symbol of the second copy is not predictable, so the loss starts after it
        loss_second_copy=float(losses[:, period:].mean()),
    )

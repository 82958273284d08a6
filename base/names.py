"""Names of roles, pairings, heads and null models.

A head reads the residual stream for its query (Q), key (K) and value (V), and writes to it (O). A
pairing names the source's role, then the target's: in `OK` the source's output is read as a key.
"""

import re
from collections.abc import Iterable

from headgraph.base.errors import BadName, UnknownHead
from headgraph.base.text import listed, quoted, short

ROLES = ("Q", "K", "V", "O")
PAIRINGS = tuple(source + target for source in ROLES for target in ROLES)
GRAPH_PAIRINGS = ("OQ", "OK", "OV")
"""The pairings along which information flows: a source writes what a target reads."""
CHANGES = ("gained", "lost", "stronger", "weaker")
"""Kinds of change of a pair from one table to another, in the order of legends."""
NULLS = ("isotropic", "covariance", "rotations", "backward", "within")
"""Null models; see `pk_engine.nulls`."""
VIA = ("files", "transformer-lens")
"""The ways to find a model's tensors: a family file, or TransformerLens."""
TOWERS = ("language", "vision")
"""The parts of a model of several that may be read."""

_HEAD = re.compile(
    r"L(?P<l>\d{1,9})H(?P<h>\d{1,9})|(?P<layer>\d{1,9})\.(?P<head>\d{1,9})", re.I | re.ASCII
)
PARTS = "LEDX"
"""First letters of names of heads: L in models of one stack of layers; E and D in the encoder and
the decoder, and X where a layer reads another stack (cross-attention)."""
_OF_PART = re.compile(r"(?P<part>[EDX])(?P<layer>\d{1,9})H(?P<head>\d{1,9})", re.I | re.ASCII)


def head_name(layer: int, head: int) -> str:
    """The name of a head, counted from 0: `L4H7`."""
    return f"L{layer}H{head}"


def parse_head(name: str) -> tuple[int, int]:
    """(layer, head) of a name such as `L4H7` or `4.7`.

    Raises:
        BadName: the text is not a head name.
    """
    match = _HEAD.fullmatch(name.strip())
    if match is None and _OF_PART.fullmatch(name.strip()):
        raise BadName(
            f"{quoted(name)} is a head of an encoder-decoder or of cross-attention: expected one "
            "of a model with one stack of layers, such as L4H7"
        )
    if match is None:
        raise BadName(
            f"{quoted(name)} is not a head: expected a name such as L4H7 or 4.7 (layer 4, head 7)"
        )
    return int(match["l"] or match["layer"]), int(match["h"] or match["head"])


def head_key(name: str) -> tuple[int, int, int]:
    """(place of its letter in `PARTS`, layer, head) of a name such as `L4H7`, `4.7` or `X4H7`.

    Raises:
        BadName: the text is not a head name.
    """
    match = _OF_PART.fullmatch(name.strip())
    if match is None:
        return 0, *parse_head(name)
    return PARTS.index(match["part"].upper()), int(match["layer"]), int(match["head"])


def canonical_head(name: str) -> str:
    """The name of a head as tables have it: `L4H7` for `4.7`, `X4H7` for `x4h7`.

    Raises:
        BadName: the text is not a head name.
    """
    part, layer, head = head_key(name)
    return f"{PARTS[part]}{layer}H{head}"


def check_head(layer: int, head: int, shape: tuple[int, int], model: str) -> None:
    """Check that the model has a head.

    Args:
        layer: layer of the head, counted from 0.
        head: number of the head in its layer, counted from 0.
        shape: number of layers, and of heads in each.
        model: name of the model.

    Raises:
        UnknownHead: the model has no such head.
    """
    layers, heads = shape
    if not (0 <= layer < layers and 0 <= head < heads):
        raise UnknownHead(
            f"{short(model)} has no head {head_name(layer, head)}: its {layers} layers of {heads} "
            f"heads are L0H0 to {head_name(layers - 1, heads - 1)}"
        )


def not_before(source: str, target: str) -> str | None:
    """Why a source is not in an earlier layer than its target, in words; None if it is.

    >>> not_before("2.0", "L0H3")
    'L2H0 is in a later layer than L0H3'
    """
    (layer, head), (other, its) = parse_head(source), parse_head(target)
    first, second = head_name(layer, head), head_name(other, its)
    if first == second:
        return f"source and target are the same head, {first}"
    if layer == other:
        return f"{first} and {second} are in one layer"
    return f"{first} is in a later layer than {second}" if layer > other else None


def parse_pairings(given: str | Iterable[str]) -> tuple[str, ...]:
    """Pairings from `OQ,OK`, `all` or a list of names, in canonical order, each once.

    Raises:
        BadName: a part is not a pairing.
    """
    text = given if isinstance(given, str) else ",".join(given)
    if text.strip().lower() == "all":
        return PAIRINGS
    given_names = {part.strip().upper() for part in text.split(",") if part.strip()}
    unknown = sorted(given_names.difference(PAIRINGS))
    if unknown or not given_names:
        raise BadName(
            f"unknown pairing {listed(unknown) or quoted(text)}: expected source role then target "
            "role out of Q, K, V, O, such as OQ,OK,OV, or all"
        )
    return tuple(pairing for pairing in PAIRINGS if pairing in given_names)

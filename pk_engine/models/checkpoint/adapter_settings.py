"""adapter_config.json of a LoRA adapter: its scales, and what is refused by name."""

import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from typing import Any, NamedTuple

from headgraph.base.files.documents import read_json, shown
from headgraph.base.text import quoted, short
from headgraph.pk_engine.errors import ModelError

CONFIG = "adapter_config.json"
_REFUSED = {
    "use_dora": "DoRA",
    "use_qalora": "QA-LoRA",
    "use_bdlora": "block-diagonal LoRA",
    "alora_invocation_tokens": "activated LoRA, which changes some tokens only",
    "layer_replication": "layers that are repeated",
    "arrow_config": "Arrow, which chooses between adapters",
    "kasa_config": "KaSA",
    "monteclora_config": "MonteCLoRA",
    "velora_config": "VeLoRA",
    "megatron_config": "Megatron's own layers",
}
"""Settings that make another matrix than W + scale * B A."""
_CHANGES_BASE = ("pissa", "olora", "corda", "loftq", "lora_ga")
"""Values of init_lora_weights with which training starts from other base weights."""
_LONGEST = 200
"""Characters of a pattern of names."""
_REPEATED = re.compile(r"(?<!\()[*+?{]")
"""Signs of repetition in a pattern whose escapes and sets of characters were replaced."""
_MOST_REPEATED = 3
"""Repetitions in a pattern: the time of a match is a power of the length of a name."""

Patterns = Sequence[tuple[re.Pattern[str], Any]]
"""Patterns that match the whole name of a module, and the number for it."""


class AdapterFolder(NamedTuple):
    """Where an adapter is, and its name: that of the folder, or a hub id."""

    folder: Path
    name: str


@dataclass(frozen=True)
class LoraSettings:
    """The settings of a LoRA adapter.

    Attributes:
        rank, alpha: r and lora_alpha.
        rank_stabilised: whether the scale is alpha / sqrt(r) in place of alpha / r.
        ranks, alphas: patterns of module names, with their own rank or alpha.
        transposed: whether matrices are stored (in x out), as GPT-2's are.
        base, base_revision: what the adapter was trained on; None where it is not named.
    """

    rank: int
    alpha: float
    rank_stabilised: bool
    ranks: Patterns
    alphas: Patterns
    transposed: bool
    base: str | None
    base_revision: str | None

    def rank_of(self, module: str) -> int:
        """The rank of the adapter of a module."""
        return int(_first(self.ranks, module, self.rank))

    def scale_of(self, module: str) -> float:
        """What B A is multiplied with."""
        alpha, rank = float(_first(self.alphas, module, self.alpha)), self.rank_of(module)
        return alpha / (sqrt(rank) if self.rank_stabilised else rank)


def read_settings(folder: Path) -> LoraSettings:
    """The settings of the adapter in a folder.

    Raises:
        ModelError: there is no adapter_config.json, it is no LoRA's, or a setting is not supported.
    """
    path = folder / CONFIG
    data: dict[str, Any] = read_json(path, problem=ModelError)
    kind = data.get("peft_type")
    if kind != "LORA":
        raise ModelError(
            f"{shown(path)} has peft_type = {quoted(kind)}: expected 'LORA'; merge the adapter "
            "into its model first (merge_and_unload in peft)"
        )
    for key, what in _REFUSED.items():
        if data.get(key):
            raise _unsupported(path, key, data[key], what)
    init = data.get("init_lora_weights", True)
    if isinstance(init, str) and init.lower().startswith(_CHANGES_BASE):
        raise _unsupported(path, "init_lora_weights", init, "which changes the base weights too")
    base, revision = data.get("base_model_name_or_path"), data.get("revision")
    return LoraSettings(
        rank=_number(path, "r", data.get("r", 8), whole=True),
        alpha=_number(path, "lora_alpha", data.get("lora_alpha", 8)),
        rank_stabilised=_flag(path, "use_rslora", data),
        ranks=_pattern(path, "rank_pattern", data, whole=True),
        alphas=_pattern(path, "alpha_pattern", data),
        transposed=_flag(path, "fan_in_fan_out", data),
        base=base if isinstance(base, str) and base else None,
        base_revision=revision if isinstance(revision, str) and revision else None,
    )


def _first(patterns: Patterns, module: str, default: float) -> Any:
    """The number of the first pattern that matches a module's name."""
    return next((number for key, number in patterns if key.match(module)), default)


def _flag(path: Path, name: str, data: Mapping[str, Any]) -> bool:
    found = data.get(name)
    if not isinstance(found, bool | None):
        raise ModelError(f"{shown(path)} has {name} = {quoted(found)}: expected true or false")
    return bool(found)


def _pattern(path: Path, name: str, data: Mapping[str, Any], *, whole: bool = False) -> Patterns:
    found = data.get(name) or {}
    if not isinstance(found, dict):
        raise ModelError(f"{shown(path)} has {name} = {quoted(found)}: expected an object")
    return [
        (_compiled(path, name, key), _number(path, name, value, whole=whole))
        for key, value in found.items()
    ]


def _compiled(path: Path, name: str, key: str) -> re.Pattern[str]:
    """A pattern that matches names which end with a part that fits, as peft's get_pattern_key.

    Patterns that can take long are refused: with a repeated group, or many repetitions.
    """
    what = f"{shown(path)} has the pattern {quoted(key)} in {name}"
    if len(key) > _LONGEST:
        raise ModelError(f"{what}: expected at most {_LONGEST} characters")
    plain = re.sub(r"\\.|\[[^\]]*\]", "x", key)
    if re.search(r"\)[*+{]", plain) or len(_REPEATED.findall(plain)) > _MOST_REPEATED:
        raise ModelError(
            f"{what}: expected at most {_MOST_REPEATED} repetitions, and none of a group; write "
            "the names of the modules instead"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what another version of Python may read otherwise
            return re.compile(rf"(.*\.)?({key})$")
    except (re.error, OverflowError, RecursionError) as error:
        raise ModelError(
            f"{what}, which is no regular expression ({short(error)}): write the names of the "
            "modules instead"
        ) from error


def _number(path: Path, name: str, value: Any, *, whole: bool = False) -> Any:
    kinds = (int,) if whole else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds) or not 0 < value < 2**31:
        what = "a whole number above 0" if whole else "a number above 0"
        raise ModelError(f"{shown(path)} has {name} = {quoted(value)}: expected {what}")
    return value


def _unsupported(path: Path, key: str, value: object, what: str) -> ModelError:
    return ModelError(
        f"{shown(path)} has {key} = {quoted(value)} ({what}), which is not supported: merge the "
        "adapter into its model first (merge_and_unload in peft)"
    )

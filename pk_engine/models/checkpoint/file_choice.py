"""Which files of a folder or a repository hold the weights: one set, never two mixed."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from headgraph.base.spelling import argument
from headgraph.base.text import listed, short
from headgraph.pk_engine.errors import ModelError, WeightsError

NOT_WEIGHTS = ("adapter_model.", "training_args.", "optimizer.", "scheduler.", "rng_state")
KINDS = (("model.safetensors", (".safetensors",)), ("pytorch_model.bin", (".bin", ".pt", ".pth")))
"""The name of a whole file and the endings of its kind, the kind to prefer first."""
OWN_NAMES = "consolidated."
"""Start of the names of files that hold the same weights under the names of their first authors."""
_SHARD = re.compile(r"(?P<stem>.+)-(?P<number>\d{1,6})-of-(?P<total>\d{1,6})\.\w+")


@dataclass(frozen=True)
class Choice:
    """The files of the weights.

    Attributes:
        index: the index that names the shards; None where there is none.
        files: the files; empty with an index.
        variant: such as fp16, where the files are those of a variant.
    """

    index: str | None
    files: tuple[str, ...]
    variant: str | None = None


def choose(
    names: Collection[str], variant: str | None = None, *, index_first: bool = False
) -> Choice | None:
    """The files that hold the weights among the names in a folder; None if there are none.

    Args:
        names: of the files.
        variant: such as fp16: model.fp16.safetensors. Without it, files of no variant come first.
        index_first: whether an index has priority over a whole file beside it.

    Raises:
        ModelError: two variants and no other files, two sets of shards, or the variant is not
            there.
        WeightsError: a set of shards is not whole.
    """
    if variant == "":
        raise ModelError(
            f"{argument('variant')} is empty: expected the middle of a name such as "
            "model.fp16.safetensors, or leave it out"
        )
    variants: set[str] = set()
    for single, endings in KINDS:
        variants |= _variants(names, single)
        found = _of_kind(names, single, endings, variant, index_first)
        if found:
            return found
    if variant is not None:
        there = "the weights have no variants, such as fp16 in model.fp16.safetensors; leave it out"
        if variants:
            there = f"expected one of {listed(sorted(variants))}"
        raise ModelError(f"{argument('variant', variant[:60])}: no such variant; {there}")
    return None


def _of_kind(
    names: Collection[str],
    single: str,
    endings: tuple[str, ...],
    variant: str | None,
    index_first: bool,
) -> Choice | None:
    if found := _named(names, single, variant, index_first):
        return found
    if variant is not None:
        return None
    variants = _variants(names, single)
    others = [
        name
        for name in sorted(names)
        if name.endswith(endings)
        and "/" not in name
        and not name.startswith(NOT_WEIGHTS)
        and _variant_of(name, single) is None
    ]
    others = [name for name in others if not name.startswith(OWN_NAMES)] or others
    if others:
        _check_shards(others)
        return Choice(None, tuple(others))
    if len(variants) > 1:
        raise ModelError(
            f"the weights are there as the variants {listed(sorted(variants))}: choose one with "
            f"{argument('variant', 'NAME')}"
        )
    return _named(names, single, next(iter(variants), ""), index_first) if variants else None


def _named(
    names: Collection[str], single: str, variant: str | None, index_first: bool
) -> Choice | None:
    """The whole file, its index, or shards of a variant without an index."""
    stem, _, ending = single.rpartition(".")
    whole = f"{stem}.{variant}.{ending}" if variant else single
    index = f"{single}.index.{variant}.json" if variant else f"{single}.index.json"
    order = (index, whole) if index_first else (whole, index)
    for name in order:
        if name in names:
            whole_file = name != index
            return Choice(None if whole_file else name, (name,) if whole_file else (), variant)
    shards = [name for name in sorted(names) if variant and _variant_of(name, single) == variant]
    if not shards:
        return None
    _check_shards(shards)
    return Choice(None, tuple(shards), variant)


def _variants(names: Iterable[str], single: str) -> set[str]:
    return {found for name in names if (found := _variant_of(name, single))}


def _variant_of(name: str, single: str) -> str | None:
    """The variant that a name states: fp16 in model.fp16.safetensors, its shards or its index."""
    stem, _, ending = (re.escape(part) for part in single.rpartition("."))
    pattern = (
        rf"{stem}\.(?P<file>[\w-]+?)(?:-\d+-of-\d+)?\.{ending}"
        rf"|{stem}-\d+-of-\d+\.(?P<shard>[\w-]+)\.{ending}"
        rf"|{stem}\.{ending}\.index\.(?P<index>[\w-]+)\.json"
    )
    found = re.fullmatch(pattern, name)
    return next((group for group in found.groups() if group), None) if found else None


def _check_shards(names: Iterable[str]) -> None:
    """Refuse two sets of shards, and a set that is not whole. Files without numbers are others."""
    sets: dict[tuple[str, int], set[int]] = {}
    for name in names:
        if shard := _SHARD.fullmatch(name):
            key = shard["stem"], int(shard["total"])
            sets.setdefault(key, set()).add(int(shard["number"]))
    for (stem, total), numbers in sorted(sets.items()):
        others = sorted(other for same, other in sets if same == stem and other != total)
        if others:
            raise ModelError(
                f"there are two sets of shards, {short(stem)}-*-of-{total} and -of-{others[0]}: "
                "expected one checkpoint in a folder, move the other away"
            )
        lacks = [number for number in range(1, min(total, 10**4) + 1) if number not in numbers]
        if lacks:
            raise WeightsError(
                f"of the {total} shards {short(stem)}-*-of-{total}, these are missing: "
                f"{listed(lacks)}; fetch them again"
            )


def missing_files(folder: str, missing: Collection[str]) -> WeightsError:
    """The error for shards that an index names and that are not in its folder."""
    one = len(missing) == 1
    return WeightsError(
        f"the index names {'a file that is' if one else f'{len(missing)} files that are'} not in "
        f"{folder}: {listed(sorted(missing), 3)}; fetch {'it' if one else 'them'} again"
    )

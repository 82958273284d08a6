"""Names without what training tools put around them: `_orig_mod.`, `module.`, `base_model.model.`.

torch.compile, FSDP and checkpointing put a part of their own before a module, anywhere in a name.
Other tools put a prefix before all names, which is found by the ending of a tensor.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from numpy.typing import NDArray

from headgraph.base.files.documents import shown
from headgraph.base.text import quoted, short
from headgraph.pk_engine.errors import WeightsError
from headgraph.pk_engine.linalg.buffers import Buffers
from headgraph.pk_engine.models.checkpoint.tensor_files import Stored
from headgraph.pk_engine.models.checkpoint.tensors import Tensors, View

WRAPPERS = re.compile(r"(?:(?<=^)|(?<=\.))(_orig_mod|_fsdp_wrapped_module|"
                      r"_checkpoint_wrapped_module)\.")  # fmt: skip
"""Parts of a name that wrappers of a module add."""


class Renamed(View):
    """The tensors of another source under shorter names.

    Args:
        inner: the source.
        names: stored name -> name to give; others keep theirs.
        removed: what was left out of the names.
    """

    def __init__(self, inner: Tensors, names: dict[str, str], removed: str) -> None:
        super().__init__(inner)
        self._stored = {names.get(name, name): name for name in inner}
        self.origin["prefix"] = removed

    def __contains__(self, name: object) -> bool:
        return name in self._stored

    def __iter__(self) -> Iterator[str]:
        return iter(self._stored)

    def describe(self, names: Iterable[str]) -> Iterator[tuple[str, Stored]]:
        """Shape and kind of each of these tensors."""
        given = {self._stored[name]: name for name in names}
        for name, stored in self.inner.describe(given):
            yield given[name], stored

    def read(self, name: str, buffers: Buffers | None = None) -> NDArray[Any]:
        """A tensor by its shorter name."""
        return self.inner.read(self._stored[name], buffers)


def renamed(files: Tensors, prefixes: Collection[str], modules: re.Pattern[str]) -> Tensors:
    """The tensors under the names that a family expects, as far as their endings tell.

    Args:
        files: the source.
        prefixes: the family's prefixes.
        modules: matches the ends of the names of attention modules.

    Raises:
        WeightsError: two prefixes fit, or two tensors would have one name.
    """
    files = _unwrapped(files)
    found: dict[str, str] = {}
    for stored in files:
        if match := modules.search(stored.removesuffix(".weight")):
            found.setdefault(stored[: match.start("module")], stored)
    if not found or any(prefix in found for prefix in prefixes):
        return files
    before = {stored: _before(stored, prefixes) for stored in found}
    # a model of two parts has several: those of one part stand behind what comes before all
    common = {it for it in before.values() if it and all(name.startswith(it) for name in found)}
    if len(found) > 1 and len(common) != 1:
        one, two, *_ = sorted(found.values())
        raise WeightsError(
            f"the weights in {shown(files.folder)} hold two models, {quoted(one, 70)} and "
            f"{quoted(two, 70)}: keep the one that you mean"
        )
    return _without(files, common.pop()) if common else files


def _before(whole: str, prefixes: Iterable[str]) -> str:
    """What stands before the family's own prefix: of `_model.model.`, it expects `model.`."""
    ours = max((p for p in prefixes if f".{whole}".endswith(f".{p}")), key=len, default="")
    return whole.removesuffix(ours)


def _unwrapped(files: Tensors) -> Tensors:
    names = {name: WRAPPERS.sub("", name) for name in files if WRAPPERS.search(name)}
    if not names:
        return files
    removed = sorted({part for name in names for part in WRAPPERS.findall(name)})
    return _checked(files, names, ", ".join(f"{part}." for part in removed))


def _without(files: Tensors, prefix: str) -> Tensors:
    names = {name: name.removeprefix(prefix) for name in files if name.startswith(prefix)}
    return _checked(files, names, prefix)


def _checked(files: Tensors, names: dict[str, str], removed: str) -> Tensors:
    taken: dict[str, str] = {}
    for name in files:
        other = taken.setdefault(names.get(name, name), name)
        if other != name:
            raise WeightsError(
                f"the weights in {shown(files.folder)} hold {quoted(other, 70)} and "
                f"{quoted(name, 70)}, which are one tensor of the model: keep one of them"
            )
    before = files.origin.get("prefix")
    return Renamed(files, names, short(f"{before}, {removed}" if before else removed))
